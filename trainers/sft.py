"""Supervised fine-tuning on the accepted turns of an ECD dataset, with TRL: what comes before `trainers/dpo.py`.

    accelerate launch trainers/sft.py --dataset_name org/ecd --model_name_or_path MODEL --output_dir out

It reads the config `sft` (prompt, completion) and learns the completions alone. `--config
trainers/recipes/smol-cpu-sft.yaml` gives the settings, and the command line wins over it. Every other flag is TRL's
own: `SFTConfig`, `ModelConfig`.
"""

import sys
from dataclasses import dataclass, field

from trl import ModelConfig, SFTConfig

from ecd_data.trainers.common.arguments import ScriptArguments
from ecd_data.trainers.common.card import ANSWERS
from ecd_data.trainers.common.script import run_script
from ecd_data.trainers.common.trainer import AnswerTrainer, train


@dataclass
class SftArguments(ScriptArguments):
    """The arguments of every trainer, with the config of an ECD dataset that holds single answers."""

    dataset_config: str | None = field(
        default="sft", metadata={"help": "Config of the dataset, with the columns prompt and completion."}
    )


def main(script_args: SftArguments, training_args: SFTConfig, model_args: ModelConfig) -> None:
    """Train a model, evaluate it before and after, and save it with its card."""
    train(AnswerTrainer, script_args, training_args, model_args, "sft", ANSWERS)


if __name__ == "__main__":
    sys.exit(run_script(main))
