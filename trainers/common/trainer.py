"""A trainer of TRL, with our model card, progress line and checks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from transformers import PrinterCallback, ProgressCallback, Trainer
from trl import DPOTrainer, SFTTrainer, get_peft_config, get_quantization_config
from trl.kernels.chunked_logprob import _use_triton
from trl.trainer import utils

from ecd_data.trainers.common.arguments import ScriptArguments, load_tokenizer
from ecd_data.trainers.common.callbacks import ProgressLine, StopAtNonFiniteLoss
from ecd_data.trainers.common.card import PAIRS, DataKind, compare_evaluations, model_card
from ecd_data.trainers.common.checkpoint import SaveOrigin, check_checkpoint, origin_of
from ecd_data.trainers.common.data import Source, TrainingData, load_data

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, TrainingArguments
    from trl import ModelConfig


class EcdTrainer(Trainer):
    """Mixed into a trainer of TRL: write our model card with each checkpoint, before a push and at the end."""

    model_args: ModelConfig
    sources: Sequence[Source]
    kind: DataKind

    def create_model_card(self, *_: object, **__: object) -> None:
        """Write `README.md` into the output directory."""
        if self.is_world_process_zero():
            card = model_card(self, self.model_args, self.sources, self.kind)
            card.save(Path(self.args.output_dir) / "README.md")

    def end(self) -> None:
        """Finish the trackers and leave the process group; what holds the group goes first.

        Otherwise the group ends with the trainer, and gloo may then wait for a thread that waits for Python (seen with
        torch 2.13 as a process that never ends).
        """
        self.model_wrapped = self.model
        self.accelerator.free_memory()
        super().end()


class PreferenceTrainer(EcdTrainer, DPOTrainer):
    """TRL's `DPOTrainer` with our model card."""


class AnswerTrainer(EcdTrainer, SFTTrainer):
    """TRL's `SFTTrainer` with our model card."""


AnyTrainer = TypeVar("AnyTrainer", bound=EcdTrainer)


def make_trainer(
    trainer_class: type[AnyTrainer],
    data: TrainingData,
    tokenizer: PreTrainedTokenizerBase,
    training_args: TrainingArguments,
    model_args: ModelConfig,
    kind: DataKind = PAIRS,
    **others: Any,
) -> AnyTrainer:
    """Return a trainer of the model that `model_args` name, on `data`.

    Args:
        kind: How the card describes the data.
        others: More arguments of the trainer's class.

    Raises:
        TrainingError: `--resume_from_checkpoint` does not name a checkpoint of this model and this data.
    """
    score_answers_only()
    origin = origin_of(model_args, data.sources)
    check_checkpoint(training_args, origin)
    training_args.eval_on_start = data.evaluation is not None
    trainer = trainer_class(
        model=model_args.model_name_or_path,
        args=training_args,
        train_dataset=data.train,
        eval_dataset=data.evaluation,
        processing_class=tokenizer,
        quantization_config=get_quantization_config(model_args),
        peft_config=get_peft_config(model_args),
        callbacks=[StopAtNonFiniteLoss(), SaveOrigin(origin)],
        **others,
    )
    trainer.remove_callback(PrinterCallback if training_args.disable_tqdm else ProgressCallback)
    trainer.add_callback(ProgressLine())
    trainer.model_args, trainer.sources, trainer.kind = model_args, data.sources, kind
    return trainer


def score_answers_only() -> None:
    """Let TRL's LM head skip prompt and padding on a CPU too, as it does on a GPU.

    Without Triton, TRL (1.16) scores every position, so that devices which compile see one shape; a CPU compiles
    nothing. With SmolLM2-135M, whose vocabulary has 49,152 tokens, a step of `smol-cpu.yaml` takes 10.5 s of CPU time
    in place of 12.6 s, and the peak memory is 5.3 GB in place of 6.4 GB (`python -m benchmarks.training`).
    """
    utils._use_triton = lambda device: device.type == "cpu" or _use_triton(device)


def train(
    trainer_class: type[AnyTrainer],
    script_args: ScriptArguments,
    training_args: TrainingArguments,
    model_args: ModelConfig,
    config: str = "preference",
    kind: DataKind = PAIRS,
) -> None:
    """Do what trainers/dpo.py does, with another class of trainer on the rows of `config`.

    Raises:
        TrainingError: The dataset, the model or a setting does not allow the training, or the training breaks down.
    """
    tokenizer = load_tokenizer(model_args, training_args)
    data = load_data(script_args, training_args, tokenizer, config)
    trainer = make_trainer(trainer_class, data, tokenizer, training_args, model_args, kind)
    train_and_save(trainer)
    trainer.end()


def train_and_save(trainer: EcdTrainer) -> None:
    """Train, evaluate, and save the model with its card."""
    trainer.train(resume_from_checkpoint=trainer.args.resume_from_checkpoint)
    if trainer.eval_dataset is not None:
        trainer.evaluate()
    trainer.save_model(trainer.args.output_dir)
    trainer.create_model_card()
    print_result(trainer)


def print_result(trainer: EcdTrainer) -> None:
    """Print the metrics before and after the training, and where the model is."""
    for name, before, after in compare_evaluations(trainer.state.log_history, trainer.kind.metrics):
        trainer.accelerator.print(f"{name:20} {before:10.4f} -> {after:.4f}")
    trainer.accelerator.print(f"model and card: {trainer.args.output_dir}")
