"""How every script here runs: arguments from the command line, and one line for what goes wrong."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, get_type_hints

import torch
from huggingface_hub import constants
from transformers.utils.logging import disable_progress_bar

from ecd_data.cli.console import quiet_libraries, run_command
from ecd_data.trainers.common.arguments import TrainingError, parse_arguments

if TYPE_CHECKING:
    from transformers import TrainingArguments

Main = Callable[..., None]


def run_script(main: Main) -> int:
    """Run a script's `main` with the arguments of the command line, and return the exit code."""
    if "HF_HUB_DISABLE_TELEMETRY" not in os.environ:  # TRL would report each training to the Hub
        constants.HF_HUB_DISABLE_TELEMETRY = True
    quiet_libraries()
    disable_progress_bar()  # of loading and saving: the training has the one line
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")  # TRL uses older names of methods
    return run_command(lambda: run(main))


def run(main: Main, args: Sequence[str] | None = None) -> None:
    """Call `main(script_args, training_args, model_args)`, parsed into the classes that its annotations name.

    Raises:
        TrainingError: The dataset, the model or a setting does not allow the training, or the training breaks down.
    """
    classes = get_type_hints(main)
    script_args, training_args, model_args = parse_arguments(classes["script_args"], classes["training_args"], args)
    with readable_errors(training_args):
        main(script_args, training_args, model_args)


@contextmanager
def readable_errors(training_args: TrainingArguments) -> Iterator[None]:
    """Say which flag to change when memory runs out or a checkpoint does not fit the model.

    Raises:
        TrainingError: Instead of the library's error.
    """
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
                f"{training_args.resume_from_checkpoint} is a checkpoint of another model: resume with its "
                "--model_name_or_path, or leave out --resume_from_checkpoint to start anew"
            ) from error
        raise
