"""ECD data as a `datasets` builder with five configs.

    from ecd_data.builders.ecd import Ecd
    from ecd_data.generation.generation import Generation

    Ecd("preference", generation=Generation(...)).download_and_prepare(file_format="arrow")

One row of `preference` (shortened):

    {"id": "5f0c...-r2", "prompt": [{"role": "user", "content": "Name a fruit. Do not use any commas."}],
     "chosen": [...], "rejected": [...], "requirements": [{"id": "format/no_commas", ...}], "chosen_met": [true],
     "rejected_met": [false], "similarity": 0.97, "adapted_by": "edit", "model": "org/model@sha", ...}
"""

from collections.abc import Mapping
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
    verdicts,
)
from ecd_data.core.values import Chain, Tie
from ecd_data.methods.ecd import ECD

PREFERENCE = Features({**FEATURES["preference"], "negative": TEXT})
TIES = Features(
    {
        "id": TEXT,
        "prompt": MESSAGES,
        "first": MESSAGES,
        "second": MESSAGES,
        "seed_id": TEXT,
        "round": INT,
        "operation": TEXT,
        "requirements": REQUIREMENTS,
        "first_met": List(Value("bool")),
        "second_met": List(Value("bool")),
        "first_votes": List(Value("float64")),
        "second_votes": List(Value("float64")),
        "similarity": Value("float64"),
        "routes": List(TEXT),
        "model": TEXT,
    }
)


class Ecd(Builder):
    """Rows of Evolutionary Contrastive Distillation: pairs have a column `negative`, and ties are a config."""

    METHOD = ECD
    FEATURES: ClassVar = {**FEATURES, "preference": PREFERENCE, "ties": TIES}

    @staticmethod
    def rows(chain: Chain, models: Mapping[str, str]) -> dict[str, list[Row]]:
        """Return the rows of one chain, per config, given the models by the names in the chain."""
        rows = chain_rows(chain, models)
        for row, pair in zip(rows["preference"], chain.pairs, strict=True):
            row["negative"] = pair.negative
        return {**rows, "ties": [{**_tie(tie), "model": models[""]} for tie in chain.ties]}


def _tie(tie: Tie) -> Row:
    return {
        "id": tie.id,
        "prompt": message("user", tie.instruction),
        "first": message("assistant", tie.first),
        "second": message("assistant", tie.second),
        "seed_id": tie.seed_id,
        "round": tie.round,
        "operation": tie.operation,
        "requirements": requirement_rows(tie.requirements),
        **verdicts("first", tie.first_rulings),
        **verdicts("second", tie.second_rulings),
        "similarity": tie.similarity,
        "routes": list(tie.routes),
    }
