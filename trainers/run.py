"""What every trainer does the same: from rows to a saved model, with a clear word on what goes wrong on the way."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecd_data.core.hashing import files_sha256
from ecd_data.trainers.card import PAIRS, Kind, comparison, model_card
from ecd_data.trainers.data import Source
from ecd_data.trainers.settings import TrainingError, lora, model_init_kwargs

if TYPE_CHECKING:
    from datasets import Dataset
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase, Trainer, TrainingArguments
    from trl import ModelConfig
else:
    Trainer = object

ORIGIN = "origin.json"  # lies in each checkpoint


def fit(
    training_args: TrainingArguments,
    model_args: ModelConfig,
    tokenizer: PreTrainedTokenizerBase,
    rows: Dataset,
    held_out: Dataset | None,
    sources: Sequence[Source],
    trainer_class: type[Trainer],
    kind: Kind = PAIRS,
) -> None:
    """Train, evaluate before and after, save the model and its card (and push them).

    Call `leave` after the last one.

    Raises:
        TrainingError: when a setting does not allow it, or the training breaks down.
    """
    from trl import get_quantization_config

    class Fitted(Watched, trainer_class): ...

    resume_from = checkpoint(training_args, model_args, sources)
    training_args.model_init_kwargs = model_init_kwargs(training_args, model_args)
    training_args.eval_on_start = held_out is not None
    score_completions_only()
    with explained(training_args):
        trainer = Fitted(
            model=model_args.model_name_or_path,
            args=training_args,
            train_dataset=rows,
            eval_dataset=held_out,
            processing_class=tokenizer,
            quantization_config=get_quantization_config(model_args),
            peft_config=lora(model_args),
        )
        trainer.model_args, trainer.sources, trainer.kind = model_args, sources, kind
        trainer.train(resume_from_checkpoint=resume_from)
        if held_out is not None:
            trainer.evaluate()
    trainer.save_model(training_args.output_dir)  # with --push_to_hub this uploads the folder too, card included
    trainer.create_model_card()
    for name, before, after in comparison(trainer.state.log_history, kind.metrics):
        trainer.accelerator.print(f"{name:20} {before:10.4f} -> {after:.4f}")
    trainer.accelerator.print(f"model and card: {training_args.output_dir}")


def leave() -> None:
    """End what joins several processes, when the last trainer of a script is done.

    Trainers must be gone by then: else the group would be freed with the last of them, and gloo wait for a thread that
    waits for Python (seen with torch 2.13 as a process that never ends).
    """
    from accelerate import PartialState

    gc.collect()
    PartialState().destroy_process_group()


class Watched(Trainer):
    """Mixed into one of TRL's trainers: our card, checkpoints that know their origin, a stop when the loss is none."""

    model_args: ModelConfig
    sources: Sequence[Source]
    kind: Kind

    def create_model_card(self, *_: object, **__: object) -> None:
        """Every path that writes a card (checkpoint, push, end of training) comes through here."""
        if self.is_world_process_zero():
            card = model_card(self, self.model_args, self.sources, self.kind)
            card.save(Path(self.args.output_dir) / "README.md")

    def training_step(self, *args: Any, **kwargs: Any) -> Tensor:
        loss = super().training_step(*args, **kwargs)
        if not loss.isfinite():
            raise TrainingError(
                f"the loss is {loss.item()} at step {self.state.global_step + 1}: lower --learning_rate (it is "
                f"{self.args.learning_rate:g}), keep --dtype float32, and prefer --bf16 to --fp16"
            )
        return loss

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        super()._save_checkpoint(model, trial)
        if self.is_world_process_zero():
            folder = Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"
            (folder / ORIGIN).write_text(json.dumps(origin(self.model_args, self.sources)), encoding="utf-8")


def origin(model_args: ModelConfig, sources: Sequence[Source]) -> dict[str, Any]:
    """What a checkpoint must share with the run that goes on from it; a local model goes by its weights."""
    base = Path(model_args.model_name_or_path)
    if base.is_dir():
        model = f"{base.resolve().name} with weights sha256:{files_sha256(base, base.glob('*.safetensors'))}"
    else:
        model = f"{base.as_posix()} at {model_args.model_revision}"
    return {"model": model, "data": [f"{source.name} at {source.revision}" for source in sources]}


def checkpoint(training_args: TrainingArguments, model_args: ModelConfig, sources: Sequence[Source]) -> str | None:
    """The checkpoint that `--resume_from_checkpoint` names, if it belongs to this model and this data.

    Raises:
        TrainingError: when it is no checkpoint, or one of another model or dataset.
    """
    name = training_args.resume_from_checkpoint
    if name is None:
        return None
    if not (Path(name) / "trainer_state.json").is_file():
        there = sorted(map(str, Path(training_args.output_dir).glob("checkpoint-*")))
        raise TrainingError(
            f"{name} is no checkpoint to resume from: "
            + (f"choose one of {', '.join(there)}" if there else "leave out --resume_from_checkpoint to start anew")
        )
    if (path := Path(name) / ORIGIN).is_file():
        made_of = json.loads(path.read_text(encoding="utf-8"))
        for what, wanted in origin(model_args, sources).items():
            if made_of[what] != wanted:
                raise TrainingError(
                    f"{name} is a checkpoint of another {what} ({made_of[what]}; this run has {wanted}): resume with "
                    "that model and data, or leave out --resume_from_checkpoint to start anew"
                )
    return str(name)


@contextmanager
def explained(training_args: TrainingArguments) -> Iterator[None]:
    """Says what to change when the memory does not suffice or a checkpoint does not fit the model.

    Raises:
        TrainingError: instead of the library's error.
    """
    import torch

    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if isinstance(error, (torch.OutOfMemoryError, MemoryError)) or "can't allocate memory" in str(error):
            raise TrainingError(
                f"out of memory ({str(error).splitlines()[0] if str(error) else 'no details'}): lower "
                f"--per_device_train_batch_size (it is {training_args.per_device_train_batch_size}) and raise "
                f"--gradient_accumulation_steps as much, lower --max_length (it is {training_args.max_length}), add "
                "--activation_checkpointing true, or train an adapter with --use_peft"
            ) from error
        if "size mismatch" in str(error):
            raise TrainingError(
                f"{training_args.resume_from_checkpoint} is a checkpoint of another model: resume with the "
                "--model_name_or_path that it was made of, or leave out --resume_from_checkpoint to start anew"
            ) from error
        raise


def score_completions_only() -> None:
    """Let TRL's LM head skip prompt and padding tokens on the CPU too, as it does on a GPU.

    Where there is no Triton, TRL (1.16) scores every position, so that compiled devices see one shape. A CPU
    compiles nothing, and with a vocabulary of 49,152 that takes a quarter of a small model's step.
    """
    from trl.trainer import utils

    if hasattr(utils, "_use_triton"):  # else a TRL that does without, and then it does as it thinks best
        utils._use_triton = on_cpu_or_triton


def on_cpu_or_triton(device: Any) -> bool:
    """What TRL is to ask before it leaves out the positions that bear no label."""
    from trl.kernels.chunked_logprob import _use_triton

    return device.type == "cpu" or bool(_use_triton(device))
