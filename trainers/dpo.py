"""Direct preference optimisation on an ECD dataset, with TRL; the model card names the exact data and settings.

    accelerate launch trainers/dpo.py --dataset_name org/ecd --model_name_or_path MODEL --output_dir out

`--dataset_name` is a dataset on the Hub or a build directory, `--config trainers/recipes/smol-cpu.yaml` (or
`gpu.yaml`) gives the settings, and what the command line says wins. Every other flag is TRL's own: `DPOConfig`,
`ModelConfig`. Among them: `--loss_type sigmoid|hinge|ipo|...` (hinge is SLiC in the form of DPO), `--use_peft` for
LoRA, `--resume_from_checkpoint out/checkpoint-100`, `--push_to_hub`. `--ties true` learns from the config `ties` too,
by the loss of trainers/ties.py.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from ecd_data.cli.console import run_command
from ecd_data.trainers.card import PAIRS, Kind
from ecd_data.trainers.data import ScriptArguments, load_rows, resolve
from ecd_data.trainers.run import fit, leave
from ecd_data.trainers.settings import TrainingError, hide_token, load_tokenizer, parse

if TYPE_CHECKING:
    from trl import DPOConfig, DPOTrainer, ModelConfig


def main(
    script_args: ScriptArguments,
    training_args: DPOConfig,
    model_args: ModelConfig,
    trainer_class: type[DPOTrainer] | None = None,
    config: str = "preference",
    kind: Kind = PAIRS,
) -> None:
    """Load, train, save and write the card; with TRL's `DPOTrainer`, or one of its kind on the rows of `config`.

    Raises:
        TrainingError: when the dataset, the model or a setting does not allow it, or the training breaks down.
    """
    from trl import DPOTrainer

    hide_token(training_args)
    source = resolve(script_args)
    tokenizer = load_tokenizer(model_args, training_args.trust_remote_code)
    rows, held_out = load_rows(script_args, training_args, source, tokenizer, config)
    trainer_class = trainer_class or DPOTrainer
    fit(training_args, model_args, tokenizer, rows, held_out, [source], trainer_class, kind)
    leave()


def run() -> None:
    """Train as the command line says."""
    from ecd_data.trainers import ties

    script_args, training_args, model_args = parse(ScriptArguments, ties.TieConfig)
    if training_args.tie_nu is not None and not training_args.ties:
        raise TrainingError("--tie_nu is of a training on ties: add --ties true, or leave it out")
    train = ties.main if training_args.ties else main
    train(script_args, training_args, model_args)


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # nothing is told to anyone but the Hub that was named
    sys.exit(run_command(run))
