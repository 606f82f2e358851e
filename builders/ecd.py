"""ECD preference data as a `datasets` builder: chains in, rows of five configs out.

    from builders.ecd import Ecd
    from ecd_data.generation import Generation

    Ecd("preference", generation=Generation(...)).download_and_prepare(file_format="arrow")

One row of `preference` (shortened):

    {"id": "5f0c...-r2", "prompt": [{"role": "user", "content": "Name a fruit. Do not use any commas."}],
     "chosen": [...], "rejected": [...], "requirements": [{"id": "format/no_commas", ...}], "chosen_met": [true],
     "rejected_met": [false], "similarity": 0.97, "adapted_by": "edit", "model": "org/model@sha", ...}

The method, Evolutionary Contrastive Distillation (Katz-Samuels et al., arXiv 2410.07513), is in `ecd_data/method/`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from datasets import Features, List, Value

from builders.base import Builder
from builders.rows import FEATURES, INT, MESSAGES, REQUIREMENTS, TEXT, Row, chain_rows, requirement_rows, said
from ecd_data.errors import RecipeError
from ecd_data.method.chain import run_chain
from ecd_data.method.refinement import Search
from ecd_data.values import EVOLVED, NEGATIVES, STUDENT, Chain, Tie

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


@dataclass(frozen=True)
class Options(Search):
    """What shapes ECD beside the recipe itself: the parameters of the route `refined`, and

    negatives: what a chosen answer is contrasted with. `evolved` is the answer before it, without which there is no
        round. Each other one takes a call, and votes, for each round that gave a pair, and makes one more pair where
        its answer misses one or two requirements: `student` is the answer of the model behind
        `--endpoint student=URL`, `relaxed` the model's own to the instruction with one requirement less.
    """

    negatives: tuple[str, ...] = (EVOLVED,)

    def __post_init__(self) -> None:
        super().__post_init__()
        if EVOLVED not in self.negatives or not set(self.negatives) <= set(NEGATIVES):
            raise RecipeError(
                f"recipe: options.negatives is {list(self.negatives)}; it names `{EVOLVED}`, and of the others what "
                f"shall be asked for: {', '.join(name for name in NEGATIVES if name != EVOLVED)}."
            )
        if len(set(self.negatives)) < len(self.negatives):
            raise RecipeError(f"recipe: options.negatives is {list(self.negatives)}; it names each once.")


class Ecd(Builder):
    """Each round makes the instruction harder; the old answer, which just misses that, is the rejected one."""

    NAME = "ecd"
    PAPER = ("Evolutionary Contrastive Distillation", "2410.07513")
    OPTIONS = Options
    FEATURES: ClassVar = {**FEATURES, "preference": PREFERENCE, "ties": TIES}
    run = staticmethod(run_chain)

    @staticmethod
    def asks(options: Options) -> Sequence[str]:
        return ["", STUDENT] if STUDENT in options.negatives else [""]

    @staticmethod
    def rows(chain: Chain, models: Mapping[str, str]) -> dict[str, list[Row]]:
        rows = chain_rows(chain, models)
        for row, pair in zip(rows["preference"], chain.pairs, strict=True):
            row["negative"] = pair.negative
        return {**rows, "ties": [{**_tie(tie), "model": models[""]} for tie in chain.ties]}


def _tie(tie: Tie) -> Row:
    return {
        "id": tie.id,
        "prompt": said("user", tie.instruction),
        "first": said("assistant", tie.first),
        "second": said("assistant", tie.second),
        "seed_id": tie.seed_id,
        "round": tie.round,
        "operation": tie.operation,
        "requirements": requirement_rows(tie.requirements),
        "first_met": [ruling.met for ruling in tie.first_rulings],
        "second_met": [ruling.met for ruling in tie.second_rulings],
        "first_votes": [ruling.votes for ruling in tie.first_rulings],
        "second_votes": [ruling.votes for ruling in tie.second_rulings],
        "similarity": tie.similarity,
        "routes": list(tie.routes),
    }
