"""Sequence likelihood calibration (SLiC) on an ECD dataset: the chosen answer likelier by a margin, and nothing lost.

    accelerate launch trainers/slic.py --dataset_name org/ecd --model_name_or_path MODEL --output_dir out

Flags are those of trainers/dpo.py, and `--margin`, `--regularization`, `--regularization_weight`.

For a pair it minimises, with log-probabilities summed over the answer's tokens,

    max(0, margin - log p(chosen) + log p(rejected)) + weight * regularisation

Certain: the first term is SLiC's rank calibration loss, and the two regularisers are its own (Zhao et al.,
arXiv 2210.00045); SLiC-HF (Zhao et al., arXiv 2305.10425) uses this sum on human preferences with the cross-entropy of
a target answer. Ours: the chosen answer is that target; the KL divergence is taken from the trained to the starting
model, token by token along the chosen answer; the default numbers are a start, not tuned. SLiC's other calibration
losses need a score for each answer, which a pair does not have.

TRL's `hinge` (trainers/dpo.py --loss_type hinge) is another loss: its hinge is on beta times the log-ratio to the
reference model, and it has no other regulariser. TRL's experimental `CPOTrainer` (`hinge` with `cpo_alpha`) comes
close, and is not used: its cross-entropy is a mean over the batch's tokens, not a sum over an answer's, it has no KL
divergence, and it keeps the logits of the whole vocabulary, which `DPOTrainer` avoids.
"""

import sys
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import torch
from trl import DPOConfig, ModelConfig

from ecd_data.trainers.common.arguments import ScriptArguments, TrainingError
from ecd_data.trainers.common.card import PAIRS
from ecd_data.trainers.common.losses import Pairs, PairTrainer
from ecd_data.trainers.common.script import run_script
from ecd_data.trainers.common.trainer import train

PAIRS_BY_LIKELIHOOD = replace(
    PAIRS,
    metrics_explained="Log-probabilities are sums over the answer's tokens, in nats; a reward is beta times the "
    "log-probability, or with the KL divergence as regularisation beta times the log-ratio to the base model.",
)


@dataclass
class SlicConfig(DPOConfig):
    """TRL's settings, and those of SLiC."""

    margin: float = field(
        default=1.0, metadata={"help": "By how many nats the chosen answer should be likelier than the rejected one."}
    )
    regularization: Literal["cross_entropy", "kl"] = field(
        default="cross_entropy",
        metadata={
            "help": "What keeps the model in place: the cross-entropy of the chosen answer, which needs no reference "
            "model, or the KL divergence from the starting model along it."
        },
    )
    regularization_weight: float = field(default=0.5, metadata={"help": "Weight of the regularisation."})

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.regularization == "kl" and self.precompute_ref_log_probs:
            raise TrainingError(
                "--regularization kl asks the reference model about every token: set --precompute_ref_log_probs false"
            )


class SlicTrainer(PairTrainer):
    """TRL's trainer with the losses of SLiC."""

    _name = "SLiC"
    _tag_names: ClassVar = ["trl", "slic"]
    _paper: ClassVar = {"title": "SLiC-HF: Sequence Likelihood Calibration with Human Feedback", "id": "2305.10425"}

    def __init__(self, *, args: SlicConfig, **others: Any) -> None:
        self.uses_reference = args.regularization == "kl"
        super().__init__(args=args, **others)

    def pair_losses(self, model: torch.nn.Module, inputs: dict[str, torch.Tensor], pairs: Pairs) -> torch.Tensor:
        calibration = rank_calibration(pairs, self.args.margin)
        if self.args.regularization == "cross_entropy":
            regularization = -pairs.chosen
        else:
            regularization = self.divergence(model, inputs)
        self.record(calibration=calibration, regularization=regularization)
        return calibration + self.args.regularization_weight * regularization

    def divergence(self, model: torch.nn.Module, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the KL divergence (nats) of the model from the reference, summed along each chosen answer."""
        names = ("input_ids", "attention_mask", "completion_mask")
        ids, attended, answer = (inputs[name].chunk(2)[0] for name in names)
        logits = model(input_ids=ids, attention_mask=attended, use_cache=False).logits
        with torch.no_grad():
            if self.ref_model is not None:
                ref_logits = self.ref_model(input_ids=ids, attention_mask=attended, use_cache=False).logits
            else:  # the reference of an adapter is the model without it
                with self.accelerator.unwrap_model(self.model).disable_adapter():
                    ref_logits = self.model(input_ids=ids, attention_mask=attended, use_cache=False).logits
        return kl_divergence(logits[:, :-1], ref_logits[:, :-1], answer[:, 1:])


def rank_calibration(pairs: Pairs, margin: float) -> torch.Tensor:
    """Return max(0, margin - log p(chosen) + log p(rejected)) of each pair."""
    return torch.relu(margin - pairs.chosen + pairs.rejected)


def kl_divergence(logits: torch.Tensor, ref_logits: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return KL(p || p_ref) in nats, summed over the tokens in `mask`; logits (rows, tokens, words) to (rows,)."""
    logp, ref_logp = logits.float().log_softmax(-1), ref_logits.float().log_softmax(-1)
    return ((logp.exp() * (logp - ref_logp)).sum(-1) * mask).sum(-1)


def main(script_args: ScriptArguments, training_args: SlicConfig, model_args: ModelConfig) -> None:
    """Train a model, evaluate it before and after, and save it with its card."""
    train(SlicTrainer, script_args, training_args, model_args, kind=PAIRS_BY_LIKELIHOOD)


if __name__ == "__main__":
    sys.exit(run_script(main))
