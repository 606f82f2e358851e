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

import sys
from typing import ClassVar

import torch
from trl import DPOConfig, ModelConfig

from ecd_data.trainers.common.arguments import ScriptArguments
from ecd_data.trainers.common.losses import Pairs, PairTrainer
from ecd_data.trainers.common.script import run_script
from ecd_data.trainers.common.trainer import train

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
    """Return -r(chosen) + exp(r(rejected)) of each pair, with the exponential guarded."""
    return guarded_exp(rejected_logratio.float()) - chosen_logratio


def guarded_exp(x: torch.Tensor) -> torch.Tensor:
    """Return exp(x) up to `TANGENT_FROM` and its tangent there beyond: convex, with a gradient that stays finite."""
    below = x.clamp(max=TANGENT_FROM)
    return below.exp() * (1 + x - below)


def main(script_args: ScriptArguments, training_args: DPOConfig, model_args: ModelConfig) -> None:
    """Train a model, evaluate it before and after, and save it with its card."""
    train(InfopoTrainer, script_args, training_args, model_args)


if __name__ == "__main__":
    sys.exit(run_script(main))
