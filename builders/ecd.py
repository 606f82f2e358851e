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

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from datasets import Features, List, Value

from builders.base import Builder
from builders.rows import FEATURES, INT, MESSAGES, REQUIREMENTS, TEXT, Row, chain_rows, requirement_rows
from ecd_data.method.chain import run_chain
from ecd_data.values import Chain, Tie

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
class Options:
    """None: what shapes ECD stands in the recipe itself."""


class Ecd(Builder):
    """Each round makes the instruction harder; the old answer, which just misses that, is the rejected one."""

    NAME = "ecd"
    OPTIONS = Options
    FEATURES: ClassVar = {**FEATURES, "ties": TIES}
    run = staticmethod(run_chain)

    @staticmethod
    def rows(chain: Chain, models: Mapping[str, str]) -> dict[str, list[Row]]:
        return {**chain_rows(chain, models), "ties": [{**_tie(tie), "model": models[""]} for tie in chain.ties]}


def _tie(tie: Tie) -> Row:
    return {
        "id": tie.id,
        "prompt": [{"role": "user", "content": tie.instruction}],
        "first": [{"role": "assistant", "content": tie.first}],
        "second": [{"role": "assistant", "content": tie.second}],
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
