"""ECD preference data as a `datasets` builder: chains in, rows of four configs out.

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

from dataclasses import dataclass

from builders.base import Builder
from ecd_data.method.chain import run_chain


@dataclass(frozen=True)
class Options:
    """None: what shapes ECD stands in the recipe itself."""


class Ecd(Builder):
    """Each round makes the instruction harder; the old answer, which just misses that, is the rejected one."""

    NAME = "ecd"
    PAPER = ("Evolutionary Contrastive Distillation", "2410.07513")
    OPTIONS = Options
    run = staticmethod(run_chain)
