"""AutoMixAlign: DPO on several datasets at once, weighed so that no task stays far behind its own specialist.

    accelerate launch trainers/mixture.py --mixture org/a org/b --model_name_or_path MODEL --output_dir out

First a specialist is trained on each dataset by DPO, or given by `--specialists`, one model a dataset in the same
order. Then one model learns from all, and minimises the largest excess loss: for each task the mean over its pairs of
max(0, loss - loss of its specialist). `--mixing reweight` (AMA-R) draws from all tasks alike and weighs their losses;
`--mixing resample` (AMA-S) draws the pairs themselves by the weights. The weights of each step are in the log, in
`mixture.json` and in `mixture.svg`. Other flags are those of trainers/dpo.py.

Certain (Corrado et al., arXiv 2506.00569): the two stages, the clipped excess loss, exponentiated gradient ascent on
the weights as in group DRO (Sagawa et al., arXiv 1911.08731), and for AMA-S the EXP3 mix (1 - c) q + c/k. Standard
forms, not checked against the paper: q <- q exp(step * excess) / Z, with the excess divided by the probability with
which its pair was drawn, so that it stays unbiased. Ours: an update at each optimizer step, and the default numbers.
"""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch
from datasets import concatenate_datasets
from torch.utils.data import Sampler
from transformers import TrainerCallback
from trl import DPOConfig, ModelConfig

from ecd_data.trainers.common import specialists
from ecd_data.trainers.common.arguments import ScriptArguments, TrainingError, load_tokenizer
from ecd_data.trainers.common.checkpoint import check_checkpoint, origin_of
from ecd_data.trainers.common.data import COLUMNS, TrainingData, find_source, load_data
from ecd_data.trainers.common.line_chart import line_chart
from ecd_data.trainers.common.losses import ColumnCollator, Pairs, PairTrainer
from ecd_data.trainers.common.minimax import TaskWeights, excess_sums, weighted_excess
from ecd_data.trainers.common.sampling import TaskSampler
from ecd_data.trainers.common.script import run_script
from ecd_data.trainers.common.trainer import make_trainer, train_and_save

if TYPE_CHECKING:
    from datasets import Dataset


@dataclass
class MixtureArguments(ScriptArguments):
    """Which datasets to train on, in place of `--dataset_name`."""

    mixture: list[str] = field(
        default_factory=list, metadata={"help": "Dataset ids on the Hub or build directories, one a task."}
    )
    mixture_revisions: list[str] | None = field(
        default=None, metadata={"help": "Branch, tag or commit of each dataset; the newest commits by default."}
    )
    specialists: list[str] | None = field(
        default=None,
        metadata={"help": "A trained model for each dataset, in the same order; without it they are trained first."},
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.dataset_name or self.dataset_revision:
            raise TrainingError("--mixture and --mixture_revisions name the datasets: leave out --dataset_name")
        if len(set(self.mixture)) < max(2, len(self.mixture)):
            raise TrainingError("--mixture needs two datasets or more, each once; on one, train with trainers/dpo.py")
        for flag in ("mixture_revisions", "specialists"):
            names = getattr(self, flag)
            if names and len(names) != len(self.mixture):
                raise TrainingError(
                    f"--{flag} names {len(names)} for {len(self.mixture)} datasets: give one for each, in order"
                )

    def tasks(self) -> list[ScriptArguments]:
        """Return the datasets one by one, as trainers/dpo.py takes them."""
        tasks: list[ScriptArguments] = [copy.copy(self) for _ in self.mixture]
        for number, task in enumerate(tasks):
            task.dataset_name = self.mixture[number]
            task.dataset_revision = self.mixture_revisions[number] if self.mixture_revisions else None
        return tasks


@dataclass
class MixtureConfig(DPOConfig):
    """TRL's settings, and those of AutoMixAlign."""

    mixing: Literal["reweight", "resample"] = field(
        default="reweight", metadata={"help": "Weigh the losses (AMA-R), or draw by the weights (AMA-S)."}
    )
    mixing_step: float = field(default=0.1, metadata={"help": "Step size of the weights' exponentiated gradient."})
    exploration: float = field(
        default=0.1, metadata={"help": "c of AMA-S: the share of draws that goes to all tasks alike."}
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.exploration <= 1:
            raise TrainingError(f"--exploration is a share from 0 to 1, got {self.exploration}")
        if self.mixing_step <= 0:
            raise TrainingError(f"--mixing_step must be greater than 0, got {self.mixing_step}")
        if self.dataloader_num_workers:  # they would draw ahead, by weights that have changed since
            raise TrainingError(
                "a mixture draws its pairs in the training process: leave out --dataloader_num_workers"
            )


@dataclass
class DrawCollator(ColumnCollator):
    """The collator that also hands over how likely the draw of each pair's task was, when it was drawn."""

    probabilities: Callable[[], Sequence[float]] = field(kw_only=True)

    def torch_call(self, examples: list[dict[str, Any]]) -> dict[str, Any]:
        batch = super().torch_call(examples)
        if "task" in batch:  # evaluation rows have none
            batch["drawn"] = torch.tensor(self.probabilities())[batch["task"]]
        return batch


class MixtureTrainer(PairTrainer):
    """TRL's trainer with the minimax objective of AutoMixAlign.

    Args:
        tasks: Names of the tasks; the rows have the numbers of theirs, from 0, in the column `task`.
    """

    _name = "Mixture"
    _tag_names: ClassVar = ["trl", "dpo", "automixalign"]
    _paper: ClassVar = {
        "title": "AutoMixAlign: Adaptive Data Mixing for Multi-Task Preference Optimization in LLMs",
        "id": "2506.00569",
    }
    columns = ("task", *specialists.COLUMNS.values())

    def __init__(self, *, args: MixtureConfig, tasks: Sequence[str], **others: Any) -> None:
        self.tasks = tasks
        self.weights = TaskWeights(len(tasks), args.mixing_step, args.exploration if resamples(args) else 0.0)
        self.history: list[list[float]] = []  # the weights after each step
        self.excess = torch.zeros(len(tasks) + 1, device=args.device)  # the sum of each task, and how many pairs
        super().__init__(args=args, **others)
        self.data_collator = DrawCollator(**vars(self.data_collator), probabilities=self.probabilities)
        self.add_callback(MixtureCallback(self))

    def probabilities(self) -> Sequence[float]:
        """Return how likely the next draw is of each task."""
        return self.weights.alpha if resamples(self.args) else [1 / len(self.tasks) for _ in self.tasks]

    def pair_losses(self, model: torch.nn.Module, inputs: dict[str, torch.Tensor], pairs: Pairs) -> torch.Tensor:
        losses = dpo_loss(pairs, self.beta)
        if not self.model.training:
            return losses
        chosen, rejected = (inputs[name] for name in specialists.COLUMNS.values())
        excess = torch.relu(losses - dpo_loss(replace(pairs, chosen=chosen, rejected=rejected), self.beta))
        self.excess += excess_sums(excess, inputs["task"], inputs["drawn"], len(self.tasks))
        return weighted_excess(excess, inputs["task"], inputs["drawn"], self.weights.alpha)

    def end_step(self) -> None:
        """Move the weights by the excess of the step in all processes, and record them."""
        *sums, count = self.accelerator.reduce(self.excess).tolist()
        self.excess.zero_()
        self.weights.update([value / count for value in sums])
        self.history.append(self.weights.alpha)
        for name, weight, value in zip(self.tasks, self.weights.alpha, sums, strict=True):
            self.recorded["train"][f"weight/{name}"].append(weight)
            self.recorded["train"][f"excess/{name}"].append(value / count)

    def save_history(self, folder: Path) -> None:
        """Write `mixture.json`, from which a training is resumed, and `mixture.svg`."""
        state = {"tasks": self.tasks, "logits": self.weights.logits, "weights": self.history}
        (folder / "mixture.json").write_text(json.dumps(state), encoding="utf-8")
        lines = {name: [weights[task] for weights in self.history] for task, name in enumerate(self.tasks)}
        chart = line_chart("Weights of the tasks", "how much each counts in the loss", "step", lines)
        (folder / "mixture.svg").write_text(chart, encoding="utf-8")

    def load_history(self, folder: Path) -> None:
        """Read `mixture.json`."""
        state = json.loads((folder / "mixture.json").read_text(encoding="utf-8"))
        self.weights.logits, self.history = state["logits"], state["weights"]

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> Sampler[int]:
        # Private, since TRL has no setting for a sampler; the public hook, `get_train_dataloader`, is a whole loader.
        rows: list[list[int]] = [[] for _ in self.tasks]
        for row, task in enumerate(self.train_dataset["task"]):
            rows[task].append(row)
        return TaskSampler(rows, self.probabilities, self.args.seed)


class MixtureCallback(TrainerCallback):
    """Move the trainer's weights at each step, and save their history with checkpoints and at the end."""

    def __init__(self, trainer: MixtureTrainer) -> None:
        self.trainer = trainer

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if args.resume_from_checkpoint:
            self.trainer.load_history(Path(args.resume_from_checkpoint))

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.trainer.end_step()

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.is_world_process_zero:
            self.trainer.save_history(Path(args.output_dir))

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.is_world_process_zero:
            self.trainer.save_history(Path(args.output_dir) / f"checkpoint-{state.global_step}")


def resamples(args: MixtureConfig) -> bool:
    """Return whether pairs are drawn by the weights (AMA-S)."""
    return args.mixing == "resample"


def dpo_loss(pairs: Pairs, beta: float) -> torch.Tensor:
    """Return DPO's loss of each pair: -log sigmoid(beta * (log-ratio of the chosen - log-ratio of the rejected))."""
    return -torch.nn.functional.logsigmoid(beta * pairs.margin())


def main(script_args: MixtureArguments, training_args: MixtureConfig, model_args: ModelConfig) -> None:
    """Train the specialists, then the model that learns from all tasks, and save it with its card."""
    tokenizer = load_tokenizer(model_args, training_args)
    tasks = script_args.tasks()
    check_checkpoint(training_args, origin_of(model_args, [find_source(task) for task in tasks]))
    training_args.precompute_ref_log_probs = True  # the specialists' losses need them too
    loaded = [load_data(task, training_args, tokenizer) for task in tasks]
    sources = tuple(source for data in loaded for source in data.sources)

    train = []
    for number, data in enumerate(loaded):
        data = replace(data, train=data.train.select_columns(COLUMNS["preference"]), evaluation=None)
        if script_args.specialists:
            specialist = script_args.specialists[number]
        else:
            specialist = specialists.train_specialist(number + 1, training_args, model_args, tokenizer, data)
        rows = specialists.add_specialist_logps(data.train, specialist, training_args, tokenizer)
        train.append(rows.add_column("task", [number] * len(rows)))
    evaluation = [
        data.evaluation.select_columns(COLUMNS["preference"]) for data in loaded if data.evaluation is not None
    ]

    mixed = TrainingData(
        sources, concatenate_datasets(train), concatenate_datasets(evaluation) if evaluation else None
    )
    names = unique_names([source.name for source in sources])
    trainer = make_trainer(MixtureTrainer, mixed, tokenizer, training_args, model_args, tasks=names)
    train_and_save(trainer)
    trainer.end()


def unique_names(names: Sequence[str]) -> list[str]:
    """Return the names, numbered where two are the same, as those of build directories may be."""
    return [name if names.count(name) == 1 else f"{name}-{number}" for number, name in enumerate(names, start=1)]


if __name__ == "__main__":
    sys.exit(run_script(main))
