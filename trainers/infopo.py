"""InfoPO on an ECD dataset: preference training by a bound on mutual information, without Bradley-Terry.

    accelerate launch trainers/infopo.py --dataset_name org/ecd --model_name_or_path MODEL --output_dir out

Flags are those of trainers/dpo.py; `--beta` only scales the rewards that are logged.

With r the log-ratio of the trained model to the reference, summed over the answer's tokens, it minimises

    L = -E[r(chosen)] + E[exp(r(rejected))]

Certain (the abstract of Xiao et al., arXiv 2505.08507, and a summary of it): InfoPO drops the Bradley-Terry model,
keeps the likelihood of the chosen answer from falling, and puts the NWJ bound in the place of InfoNCE's, which is
behind DPO. Derived from that bound, since we have not seen the paper's formula: NWJ bounds the divergence of p from q
(chosen and rejected answers) from below by E_p[f] - E_q[exp(f - 1)]; with the critic f = 1 + r that is 1 - L. Ours: no
beta and no length normalisation in the loss, and the guard on the exponential.
"""

from __future__ import annotations

import os
import sys
from typing import ClassVar

import torch
from trl import DPOConfig

from ecd_data.cli.console import run_command
from ecd_data.trainers.data import ScriptArguments
from ecd_data.trainers.dpo import main
from ecd_data.trainers.preference import Pairs, PairTrainer
from ecd_data.trainers.settings import parse

# Beyond this log-ratio the exponential goes on as its tangent: a rejected answer that got e^5 times likelier than it
# was is pushed down with 148 times the force of the start, and no overflow can come of it.
TANGENT_FROM = 5.0


class InfopoTrainer(PairTrainer):
    """TRL's trainer with the loss of InfoPO."""

    _name = "InfoPO"
    _tag_names: ClassVar = ["trl", "infopo"]
    _paper: ClassVar = {
        "title": "InfoPO: On Mutual Information Maximization for Large Language Model Alignment",
        "id": "2505.08507",
    }

    def pair_losses(self, model: torch.nn.Module, inputs: dict[str, torch.Tensor], pairs: Pairs) -> torch.Tensor:
        return nwj_loss(pairs.chosen - pairs.ref_chosen, pairs.rejected - pairs.ref_rejected)


def nwj_loss(chosen_logratio: torch.Tensor, rejected_logratio: torch.Tensor) -> torch.Tensor:
    """-r(chosen) + exp(r(rejected)) of each pair, the exponential guarded."""
    return guarded_exp(rejected_logratio.float()) - chosen_logratio


def guarded_exp(x: torch.Tensor) -> torch.Tensor:
    """exp(x) up to `TANGENT_FROM`, and its tangent there beyond: convex, with a gradient that stays finite."""
    below = x.clamp(max=TANGENT_FROM)
    return below.exp() * (1 + x - below)


def run() -> None:
    """Train as the command line says."""
    main(*parse(ScriptArguments, DPOConfig), InfopoTrainer)


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # nothing is told to anyone but the Hub that was named
    sys.exit(run_command(run))
