"""TRL's `DPOTrainer` with a loss of our own: TRL loads, tokenises, batches and runs the models, a subclass says what
each row costs.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from datasets import Dataset
from trl import DPOConfig, DPOTrainer

from ecd_data.trainers.settings import TrainingError

# Settings of TRL's own losses, which would do nothing here.
TRL_LOSS = ("loss_type", "loss_weights", "label_smoothing", "ld_alpha", "f_divergence_type", "use_weighting")


class PreferenceTrainer(DPOTrainer, ABC):
    """Trains on the mean of `row_losses`, which a subclass defines."""

    uses_reference = True  # without one, no second model is loaded and rewards are beta times log-probabilities

    def __init__(self, *, args: DPOConfig, **others: Any) -> None:
        refuse_trl_losses(args)
        if not self.uses_reference:
            args.precompute_ref_log_probs = True  # so that TRL loads no reference; `_precompute_ref_logps` skips it
        super().__init__(args=args, **others)

    @abstractmethod
    def row_losses(self, model: torch.nn.Module, inputs: dict[str, torch.Tensor], logps: torch.Tensor) -> torch.Tensor:
        """What each row of a batch costs, from the log-probabilities (nats) of each answer's tokens, zero elsewhere.

        `logps` has the shape (answers, tokens - 1), in the order of `inputs["input_ids"]`.
        """

    def record(self, **metrics: torch.Tensor) -> None:
        """Log the means over the rows of all processes; `__` in a name stands for `/`."""
        mode = "train" if self.model.training else "eval"
        for name, values in metrics.items():
            mean = self.accelerator.gather(values.detach().float()).mean().item()
            self._metrics[mode][name.replace("__", "/")].append(mean)

    def _precompute_ref_logps(self, dataset: Dataset, name: str, batch_size: int) -> Dataset:
        return super()._precompute_ref_logps(dataset, name, batch_size) if self.uses_reference else dataset

    def _compute_loss(self, model: torch.nn.Module, inputs: dict[str, torch.Tensor], return_outputs: bool) -> Any:
        outputs = model(
            input_ids=inputs["input_ids"],
            attention_mask=inputs["attention_mask"],
            labels=inputs["input_ids"].masked_fill(inputs["completion_mask"] == 0, -100),
            use_cache=False,
            fused_lm_head=True,
            **({"output_router_logits": True} if self.aux_loss_enabled else {}),
        )
        logps = outputs.log_probs[:, -(inputs["input_ids"].size(1) - 1) :]  # without the virtual tokens of some PEFT
        loss = self.row_losses(model, inputs, logps).mean()
        if self.aux_loss_enabled:  # of a mixture of experts
            loss = loss + self.router_aux_loss_coef * outputs.aux_loss
        return (loss, outputs) if return_outputs else loss


@dataclass(frozen=True)
class Pairs:
    """Log-probabilities (nats, summed over an answer's tokens) of a batch of pairs; each of shape (pairs,).

    Those of the reference are zero in a trainer that uses none.
    """

    chosen: torch.Tensor
    rejected: torch.Tensor
    ref_chosen: torch.Tensor
    ref_rejected: torch.Tensor


class PairTrainer(PreferenceTrainer):
    """Trains on pairs; a subclass defines `pair_losses`."""

    @abstractmethod
    def pair_losses(self, model: torch.nn.Module, inputs: dict[str, torch.Tensor], pairs: Pairs) -> torch.Tensor:
        """What each pair costs, of shape (pairs,)."""

    def row_losses(self, model: torch.nn.Module, inputs: dict[str, torch.Tensor], logps: torch.Tensor) -> torch.Tensor:
        chosen, rejected = logps.sum(dim=1).chunk(2)
        pairs = Pairs(chosen, rejected, *self.reference(inputs, chosen))
        rewards = self.beta * (chosen - pairs.ref_chosen), self.beta * (rejected - pairs.ref_rejected)
        self.record(
            rewards__chosen=rewards[0],
            rewards__rejected=rewards[1],
            rewards__accuracies=rewards[0] > rewards[1],
            rewards__margins=rewards[0] - rewards[1],
            logps__chosen=chosen,
            logps__rejected=rejected,
        )
        return self.pair_losses(model, inputs, pairs)

    def reference(self, inputs: dict[str, torch.Tensor], like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The reference model's log-probabilities of the chosen and the rejected answers."""
        if not self.uses_reference:
            return torch.zeros_like(like), torch.zeros_like(like)
        if self.precompute_ref_logps:
            return inputs["ref_chosen_logps"], inputs["ref_rejected_logps"]
        return self.compute_ref_log_probs(self.ref_model or self.model, inputs)

    def compute_ref_log_probs(self, model: torch.nn.Module, inputs: dict[str, torch.Tensor]) -> Any:
        names = ("input_ids", "attention_mask", "completion_mask")  # a model takes no columns of our own
        return super().compute_ref_log_probs(model, {name: inputs[name] for name in names})


def refuse_trl_losses(args: DPOConfig) -> None:
    """Raises:
    TrainingError: when a setting of TRL's losses is given, which this method would ignore.
    """
    defaults = {
        field.name: field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
        for field in dataclasses.fields(args)
    }
    given = [f"--{name}" for name in TRL_LOSS if getattr(args, name) != defaults[name]]
    if given:
        raise TrainingError(f"this method has a loss of its own: leave out {', '.join(given)}, or use trainers/dpo.py")
