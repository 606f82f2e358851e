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

import dataclasses
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch
from datasets import concatenate_datasets
from torch.utils.data import Sampler
from transformers import TrainerCallback
from trl import DPOConfig
from trl.trainer.dpo_trainer import DataCollatorForPreference

from ecd_data.cli.console import run_command
from ecd_data.trainers import specialists
from ecd_data.trainers.data import COLUMNS, ScriptArguments, load_rows, resolve
from ecd_data.trainers.minimax import TaskSampler, TaskWeights, gains, weighed
from ecd_data.trainers.plot import line_chart
from ecd_data.trainers.preference import Pairs, PairTrainer
from ecd_data.trainers.run import checkpoint, fit, leave
from ecd_data.trainers.settings import TrainingError, hide_token, load_tokenizer, parse
from ecd_data.trainers.specialists import SIDES

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedTokenizerBase
    from trl import ModelConfig

OF_SPECIALIST = {side: f"specialist_{side}_logps" for side in SIDES}


@dataclass
class MixtureArguments:
    """Which datasets to train on."""

    mixture: list[str] = field(metadata={"help": "Dataset ids on the Hub or build directories, one a task."})
    mixture_revisions: list[str] | None = field(
        default=None, metadata={"help": "Branch, tag or commit of each dataset; the newest commits by default."}
    )
    specialists: list[str] | None = field(
        default=None,
        metadata={"help": "A trained model for each dataset, in the same order; without it they are trained first."},
    )
    dataset_config: str | None = field(default=None, metadata={"help": "Config of the datasets."})
    dataset_train_split: str = field(default="train", metadata={"help": "Split to train on."})
    dataset_test_split: str = field(
        default="validation", metadata={"help": "Split to evaluate on before and after training, where it is there."}
    )


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


@dataclass
class MixtureCollator(DataCollatorForPreference):
    """TRL's collator, which also hands over each pair's task, how likely its draw was and what a specialist says."""

    probabilities: Callable[[], Sequence[float]] = field(kw_only=True)

    def torch_call(self, examples: list[dict[str, Any]]) -> dict[str, Any]:
        batch = super().torch_call(examples)
        if "task" in examples[0]:  # evaluation rows have none
            tasks, probabilities = [example["task"] for example in examples], self.probabilities()
            batch["task"] = torch.tensor(tasks)
            batch["drawn"] = torch.tensor([probabilities[task] for task in tasks])
            for name in OF_SPECIALIST.values():
                batch[name] = torch.tensor([example[name] for example in examples])
        return batch


class MixtureTrainer(PairTrainer):
    """TRL's trainer with the minimax objective of AutoMixAlign; its rows name their `task`, a number from 0."""

    _name = "Mixture"
    _tag_names: ClassVar = ["trl", "dpo", "automixalign"]
    _paper: ClassVar = {
        "title": "AutoMixAlign: Adaptive Data Mixing for Multi-Task Preference Optimization in LLMs",
        "id": "2506.00569",
    }

    tasks: tuple[str, ...] = ()  # the names, in the order of their numbers; a subclass sets them

    def __init__(self, *, args: MixtureConfig, processing_class: PreTrainedTokenizerBase, **others: Any) -> None:
        check(args)
        resample = args.mixing == "resample"
        self.weights = TaskWeights(len(self.tasks), args.mixing_step, args.exploration if resample else 0.0)
        self.history: list[list[float]] = []  # the weights after each step
        self.gains = torch.zeros(len(self.tasks) + 1, device=args.device)  # of each task, and how many pairs
        pad = processing_class.pad_token_id
        collator = MixtureCollator(
            pad_token_id=processing_class.eos_token_id if pad is None else pad,
            max_length=args.max_length,
            pad_to_multiple_of=args.pad_to_multiple_of,
            probabilities=self.probabilities,
        )
        super().__init__(args=args, processing_class=processing_class, data_collator=collator, **others)
        self.add_callback(StepEnd(self))

    def probabilities(self) -> Sequence[float]:
        """How likely the next draw is of each task."""
        uniform = [1 / len(self.tasks)] * len(self.tasks)
        return self.weights.alpha if self.args.mixing == "resample" else uniform

    def pair_losses(self, model: torch.nn.Module, inputs: dict[str, torch.Tensor], pairs: Pairs) -> torch.Tensor:
        losses = dpo_loss(pairs, self.beta)
        if not self.model.training:
            return losses
        said = {side: inputs[name] for side, name in OF_SPECIALIST.items()}
        specialist = dataclasses.replace(pairs, **said)
        excess = torch.relu(losses - dpo_loss(specialist, self.beta))
        self.gains += gains(excess, inputs["task"], inputs["drawn"], len(self.tasks))
        return weighed(excess, inputs["task"], inputs["drawn"], self.weights.alpha)

    def end_step(self) -> None:
        """Move the weights by what the step has seen in all processes, and write them down."""
        *sums, count = self.accelerator.reduce(self.gains).tolist()
        self.gains.zero_()
        self.weights.update([value / count for value in sums])
        self.history.append(self.weights.alpha)
        for name, weight, value in zip(self.tasks, self.weights.alpha, sums, strict=True):
            self._metrics["train"][f"weight/{name}"].append(weight)
            self._metrics["train"][f"excess/{name}"].append(value / count)

    def save_history(self, folder: Path) -> None:
        """Write `mixture.json`, from which a training goes on, and `mixture.svg`."""
        state = {"tasks": self.tasks, "logits": self.weights.logits, "weights": self.history}
        (folder / "mixture.json").write_text(json.dumps(state), encoding="utf-8")
        lines = {name: [weights[task] for weights in self.history] for task, name in enumerate(self.tasks)}
        chart = line_chart("Weights of the tasks", "step", lines)
        (folder / "mixture.svg").write_text(chart, encoding="utf-8")

    def load_history(self, folder: Path) -> None:
        state = json.loads((folder / "mixture.json").read_text(encoding="utf-8"))
        self.weights.logits, self.history = state["logits"], state["weights"]

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> Sampler[int]:
        rows: list[list[int]] = [[] for _ in self.tasks]
        for row, task in enumerate(self.train_dataset["task"]):
            rows[task].append(row)
        return TaskSampler(rows, self.probabilities, self.args.seed)

    def _set_signature_columns_if_needed(self) -> None:
        super()._set_signature_columns_if_needed()
        self._signature_columns: list[str] = [
            *dict.fromkeys([*self._signature_columns, "task", *OF_SPECIALIST.values()])
        ]


class StepEnd(TrainerCallback):
    """Tells the trainer that a step has ended, and keeps its weights with checkpoints and at the end."""

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


def dpo_loss(pairs: Pairs, beta: float) -> torch.Tensor:
    """DPO's loss of each pair: -log sigmoid(beta * (log-ratio of the chosen - log-ratio of the rejected))."""
    margin = (pairs.chosen - pairs.ref_chosen) - (pairs.rejected - pairs.ref_rejected)
    return -torch.nn.functional.logsigmoid(beta * margin)


def check(args: MixtureConfig) -> None:
    """Raises:
    TrainingError: when a setting of the mixture cannot be used.
    """
    if not 0 <= args.exploration <= 1:
        raise TrainingError(f"--exploration {args.exploration} is no share: it must be from 0 to 1")
    if args.mixing_step <= 0:
        raise TrainingError(f"--mixing_step {args.mixing_step} moves no weight: it must be above 0")
    if args.dataloader_num_workers:  # they would draw ahead, by weights that have changed since
        raise TrainingError("a mixture draws its pairs in the training process: leave out --dataloader_num_workers")


def main(script_args: MixtureArguments, training_args: MixtureConfig, model_args: ModelConfig) -> None:
    """Specialists, then the model that learns from all tasks.

    Raises:
        TrainingError: when a dataset, a model or a setting cannot be used.
    """
    check(training_args)
    tasks = task_arguments(script_args)
    hide_token(training_args)
    sources = [resolve(task) for task in tasks]
    tokenizer = load_tokenizer(model_args, training_args.trust_remote_code)
    checkpoint(training_args, model_args, sources)
    training_args.precompute_ref_log_probs = True  # the specialists' losses need them too

    trained, evaluated = [], []
    for number, (task, source) in enumerate(zip(tasks, sources, strict=True)):
        rows, held_out = load_rows(task, training_args, source, tokenizer)
        rows = rows.select_columns(COLUMNS["preference"])
        if script_args.specialists:
            specialist = script_args.specialists[number]
        else:
            specialist = specialists.train(number, training_args, model_args, tokenizer, rows, source)
        said = specialists.logps(specialist, training_args, model_args, tokenizer, rows)
        for side in SIDES:
            rows = rows.add_column(OF_SPECIALIST[side], said[side])
        trained.append(rows.add_column("task", [number] * len(rows)))
        if held_out is not None:
            evaluated.append(held_out.select_columns(COLUMNS["preference"]))

    class Trainer(MixtureTrainer):
        tasks = unique([source.name for source in sources])

    held_out = concatenate_datasets(evaluated) if evaluated else None
    fit(training_args, model_args, tokenizer, concatenate_datasets(trained), held_out, sources, Trainer)
    leave()


def unique(names: Sequence[str]) -> tuple[str, ...]:
    """The names, numbered where two are the same, as those of build directories may be."""
    return tuple(name if names.count(name) == 1 else f"{name}-{number}" for number, name in enumerate(names, start=1))


def task_arguments(script_args: MixtureArguments) -> list[ScriptArguments]:
    """The datasets one by one, as trainers/dpo.py takes them.

    Raises:
        TrainingError: when there are not several, or not as many revisions or specialists.
    """
    names = script_args.mixture
    if len(set(names)) < max(2, len(names)):
        raise TrainingError("--mixture needs two datasets or more, each once; on one, train with trainers/dpo.py")
    for flag in ("mixture_revisions", "specialists"):
        given = getattr(script_args, flag)
        if given and len(given) != len(names):
            raise TrainingError(f"--{flag} names {len(given)} for {len(names)} datasets: give one for each, in order")
    revisions: Sequence[str | None] = script_args.mixture_revisions or [None for _ in names]
    return [
        ScriptArguments(
            dataset_name=name,
            dataset_config=script_args.dataset_config,
            dataset_revision=revision,
            dataset_train_split=script_args.dataset_train_split,
            dataset_test_split=script_args.dataset_test_split,
        )
        for name, revision in zip(names, revisions, strict=True)
    ]


def run() -> None:
    """Train as the command line says."""
    main(*parse(MixtureArguments, MixtureConfig))


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # nothing is told to anyone but the Hub that was named
    sys.exit(run_command(run))
