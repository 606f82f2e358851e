"""PAD data as a `datasets` builder. One row (shortened) of `ranking`, the default config, for `trainers/pad.py`:

{"id": "5f0c...-r1", "prompt": [{"role": "user", "content": "Name a fruit."}], "responses": [[...], [...], [...]],
 "teacher_scores": [-0.22, -0.92, -1.20], "preference": [0.53, 0.27, 0.20], "method": "selection",
 "comparisons": [{"first": 0, "second": 1, "a": 0.7, "b": 0.25, "none": 0.05}, ...], "likelihoods": [], ...}

The config `preference` has a pair of each: the responses that the teacher prefers most and least.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import ClassVar

from datasets import Features, List, Value

from ecd_data.builders.base import Builder
from ecd_data.builders.rows import (
    FEATURES,
    INT,
    MESSAGES,
    REQUIREMENTS,
    TEXT,
    Row,
    chain_rows,
    message,
    requirement_rows,
)
from ecd_data.core.values import STUDENT, Chain, RowId
from ecd_data.methods.pad import PAD, RankedChain, Ranking
from ecd_data.methods.teacher import TEACHER

FLOAT, BOOL = Value("float64"), Value("bool")
RANKING = Features(
    {
        "id": TEXT,
        "prompt": MESSAGES,
        "responses": List(MESSAGES),
        "teacher_scores": List(FLOAT),
        "preference": List(FLOAT),
        "method": TEXT,
        "comparisons": List({"first": INT, "second": INT, "a": FLOAT, "b": FLOAT, "none": FLOAT}),
        "likelihoods": List(FLOAT),
        "seed_id": TEXT,
        "round": INT,
        "operation": TEXT,
        "requirements": REQUIREMENTS,
        "met": List(List(BOOL)),
        "votes": List(List(FLOAT)),
        "model": TEXT,
        "teacher": TEXT,
    }
)


class Pad(Builder):
    """Rows of Preference-Aligned Distillation: several responses to a prompt, with the teacher's preferences."""

    METHOD = PAD
    FEATURES: ClassVar = {**FEATURES, "ranking": RANKING}

    @staticmethod
    def rows(chain: Chain, models: Mapping[str, str]) -> dict[str, list[Row]]:
        """Return the rows of one chain, per config, given the models by the names in the chain."""
        rankings = chain.rankings if isinstance(chain, RankedChain) else ()
        return {**chain_rows(chain, models), "ranking": [_ranking(ranking, models) for ranking in rankings]}


def _ranking(ranking: Ranking, models: Mapping[str, str]) -> Row:
    task = ranking.task
    return {
        "id": RowId(*task.place).round_id,
        "prompt": message("user", task.instruction),
        "responses": [message("assistant", answer) for answer in ranking.answers],
        "teacher_scores": ranking.scores,
        "preference": ranking.preference,
        "method": task.operation.removeprefix("pad/"),
        "comparisons": [asdict(comparison) for comparison in ranking.comparisons],
        "likelihoods": ranking.likelihoods,
        "seed_id": task.seed.seed_id,
        "round": task.round,
        "operation": task.operation,
        "requirements": requirement_rows(task.requirements),
        "met": [[ruling.met for ruling in rulings] for rulings in ranking.rulings],
        "votes": [[ruling.votes for ruling in rulings] for rulings in ranking.rulings],
        "model": models[STUDENT],
        "teacher": models[TEACHER],
    }
