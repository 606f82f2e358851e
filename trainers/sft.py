"""Supervised fine-tuning on the accepted turns of an ECD dataset, with TRL: what comes before `trainers/dpo.py`.

    accelerate launch trainers/sft.py --dataset_name org/ecd --model_name_or_path MODEL --output_dir out

It reads the config `sft` (prompt, completion) and learns the completions alone. `--config
trainers/recipes/smol-cpu-sft.yaml` gives the settings, and what the command line says wins. Every other flag is TRL's
own: `SFTConfig`, `ModelConfig`.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ecd_data.cli.console import run_command
from ecd_data.trainers.card import ANSWERS
from ecd_data.trainers.data import ScriptArguments, load_rows, resolve
from ecd_data.trainers.run import fit, leave
from ecd_data.trainers.settings import hide_token, load_tokenizer, parse

if TYPE_CHECKING:
    from trl import ModelConfig, SFTConfig


@dataclass
class SftArguments(ScriptArguments):
    """As every trainer's, with the config of an ECD dataset that holds single answers."""

    dataset_config: str | None = field(
        default="sft", metadata={"help": "Config of the dataset, with the columns prompt and completion."}
    )


def main(script_args: SftArguments, training_args: SFTConfig, model_args: ModelConfig) -> None:
    """Load, train, save and write the card.

    Raises:
        TrainingError: when the dataset, the model or a setting does not allow it, or the training breaks down.
    """
    from trl import SFTTrainer

    hide_token(training_args)
    source = resolve(script_args)
    tokenizer = load_tokenizer(model_args, training_args.trust_remote_code)
    rows, held_out = load_rows(script_args, training_args, source, tokenizer, "sft")
    fit(training_args, model_args, tokenizer, rows, held_out, [source], SFTTrainer, ANSWERS)
    leave()


def run() -> None:
    """Train as the command line says."""
    from trl import SFTConfig

    main(*parse(SftArguments, SFTConfig))


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # nothing is told to anyone but the Hub that was named
    sys.exit(run_command(run))
