"""TRL's `DPOTrainer` with a loss of our own: TRL loads, tokenises, batches and runs the models, and a subclass defines
the loss of each row.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from trl.trainer.dpo_trainer import DataCollatorForPreference

from ecd_data.trainers.common.arguments import TrainingError
from ecd_data.trainers.common.trainer import PreferenceTrainer

if TYPE_CHECKING:
    from datasets import Dataset
    from trl import DPOConfig

# The settings of TRL's losses, which would do nothing here.
TRL_LOSS = ("loss_type", "loss_weights", "label_smoothing", "ld_alpha", "f_divergence_type", "use_weighting")


@dataclass
class ColumnCollator(DataCollatorForPreference):
    """TRL's collator, which also batches other columns of numbers, by name; evaluation rows may lack them."""

    columns: tuple[str, ...] = ()

    def torch_call(self, examples: list[dict[str, Any]]) -> dict[str, Any]:
        batch = super().torch_call(examples)
        columns = [name for name in self.columns if name in examples[0]]
        return {**batch, **{name: torch.tensor([example[name] for example in examples]) for name in columns}}


class CustomLossTrainer(PreferenceTrainer, ABC):
    """Minimise the mean of `row_losses`, which a subclass defines."""

    data_collator: Any
    uses_reference: bool = True  # without one, no second model is loaded and rewards are beta times log-probabilities

    def __init__(self, *, args: DPOConfig, **others: Any) -> None:
        refuse_trl_losses(args)
        if not self.uses_reference:
            # TRL (1.16) loads no reference model only if it is to score the rows beforehand; see the method below.
            args.precompute_ref_log_probs = True
        self.recorded: dict[str, dict[str, list[float]]] = {"train": defaultdict(list), "eval": defaultdict(list)}
        super().__init__(args=args, **others)

    @abstractmethod
    def row_losses(self, model: torch.nn.Module, inputs: dict[str, torch.Tensor], logps: torch.Tensor) -> torch.Tensor:
        """Return the loss of each row of a batch.

        Args:
            model: The model in training.
            inputs: The batch.
            logps: Log-probabilities (nats) of each answer's tokens, zero elsewhere, of shape (answers, tokens - 1), in
                the order of `inputs["input_ids"]`.
        """

    def compute_loss(
        self, model: torch.nn.Module, inputs: dict[str, Any], return_outputs: bool = False, **_: Any
    ) -> Any:
        """Return the mean of the rows' losses, and the model's outputs if asked for."""
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

    def record(self, **metrics: torch.Tensor) -> None:
        """Log the means over the rows of all processes; `__` in a name stands for `/`."""
        recorded = self.recorded["train" if self.model.training else "eval"]
        for name, values in metrics.items():
            mean = self.accelerator.gather(values.detach().float()).mean().item()
            recorded[name.replace("__", "/")].append(mean)

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log, beside `logs`, the means of what was recorded since the last log."""
        mode, prefix = ("train", "") if self.model.training else ("eval", "eval_")
        logs |= {f"{prefix}{name}": sum(values) / len(values) for name, values in self.recorded[mode].items()}
        self.recorded[mode].clear()
        super().log(logs, start_time)

    def _precompute_ref_logps(self, dataset: Dataset, name: str, batch_size: int) -> Dataset:
        # Private, since TRL has no setting for "no reference". Zeros from the public `compute_ref_log_probs` would not
        # do: TRL caches them by dataset and model, and a later DPO of both would take them for its reference.
        return super()._precompute_ref_logps(dataset, name, batch_size) if self.uses_reference else dataset


@dataclass(frozen=True)
class Pairs:
    """Log-probabilities (nats, summed over an answer's tokens) of a batch of pairs; each of shape (pairs,).

    Those of the reference are zero in a trainer that uses none.
    """

    chosen: torch.Tensor
    rejected: torch.Tensor
    ref_chosen: torch.Tensor
    ref_rejected: torch.Tensor

    def margin(self) -> torch.Tensor:
        """Return the log-ratio of the chosen answer to the reference minus that of the rejected one."""
        return (self.chosen - self.ref_chosen) - (self.rejected - self.ref_rejected)


class PairTrainer(CustomLossTrainer):
    """Train on pairs; a subclass defines `pair_losses`, and names the other columns that these need."""

    columns: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *, args: DPOConfig, **others: Any) -> None:
        if self.columns:
            args.remove_unused_columns = False
        super().__init__(args=args, **others)
        self.data_collator = ColumnCollator(**vars(self.data_collator), columns=self.columns)

    @abstractmethod
    def pair_losses(self, model: torch.nn.Module, inputs: dict[str, torch.Tensor], pairs: Pairs) -> torch.Tensor:
        """Return the loss of each pair, of shape (pairs,)."""

    def row_losses(self, model: torch.nn.Module, inputs: dict[str, torch.Tensor], logps: torch.Tensor) -> torch.Tensor:
        """Return the loss of each pair, and record its rewards."""
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
        """Return the reference model's log-probabilities of the chosen and of the rejected answers."""
        if not self.uses_reference:
            return torch.zeros_like(like), torch.zeros_like(like)
        if self.precompute_ref_logps:
            return inputs["ref_chosen_logps"], inputs["ref_rejected_logps"]
        return self.compute_ref_log_probs(self.ref_model or self.model, inputs)

    def compute_ref_log_probs(self, model: torch.nn.Module, inputs: dict[str, torch.Tensor]) -> Any:
        """Do what TRL does, without the columns that no model takes."""
        names = ("input_ids", "attention_mask", "completion_mask")
        return super().compute_ref_log_probs(model, {name: inputs[name] for name in names})


def refuse_trl_losses(args: DPOConfig) -> None:
    """Raise if a setting of TRL's losses is given, which the loss would ignore.

    Raises:
        TrainingError: One is.
    """
    defaults = {
        field.name: field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
        for field in dataclasses.fields(args)
    }
    given = [f"--{name}" for name in TRL_LOSS if getattr(args, name) != defaults[name]]
    if given:
        raise TrainingError(f"this method has a loss of its own: leave out {', '.join(given)}, or use trainers/dpo.py")
