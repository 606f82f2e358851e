"""Direct preference optimisation on an ECD dataset, with TRL; the model card names the exact data and settings.

    accelerate launch trainers/dpo.py --dataset_name org/ecd --model_name_or_path MODEL --output_dir out

`--dataset_name` is a dataset on the Hub or a build directory, `--config trainers/recipes/cpu.yaml` (or `gpu.yaml`)
gives the settings, and what the command line says wins. Every other flag is TRL's own: `DPOConfig`, `ModelConfig`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ecd_data.command import run_command
from trainers.card import comparison, model_card
from trainers.data import ScriptArguments, fitting, load_splits, resolve
from trainers.settings import TrainingError, hide_token, load_tokenizer, model_init_kwargs, parse

if TYPE_CHECKING:
    from trl import DPOConfig, ModelConfig


def main(script_args: ScriptArguments, training_args: DPOConfig, model_args: ModelConfig) -> None:
    """Load, train, save and write the card.

    Raises:
        TrainingError: when the dataset or the model cannot be found or used.
    """
    from trl import DPOTrainer, get_peft_config, get_quantization_config

    hide_token(training_args)
    source = resolve(script_args)
    tokenizer = load_tokenizer(model_args, training_args.trust_remote_code)
    with training_args.main_process_first(desc="loading the dataset"):
        splits = load_splits(script_args, source)
        fitted = {name: fitting(name, rows, tokenizer, training_args.max_length) for name, rows in splits.items()}
    for _, report in fitted.values():
        if report and training_args.process_index == 0:
            print(report)
    train, _ = fitted[script_args.dataset_train_split]
    evaluation, _ = fitted.get(script_args.dataset_test_split, (None, ""))
    if evaluation is None and training_args.eval_strategy != "no":
        raise TrainingError(
            f"dataset {source.name} has no rows in split {script_args.dataset_test_split!r} to evaluate on: name "
            "another with --dataset_test_split, or set --eval_strategy no"
        )

    training_args.model_init_kwargs = model_init_kwargs(training_args, model_args)
    training_args.eval_on_start = evaluation is not None

    class Trainer(DPOTrainer):
        """Every path that writes a card (checkpoint, push, end of training) comes through this one method."""

        def create_model_card(self, *_: object, **__: object) -> None:
            if self.is_world_process_zero():
                model_card(self, model_args, source).save(Path(self.args.output_dir) / "README.md")

    trainer = Trainer(
        model=model_args.model_name_or_path,
        args=training_args,
        train_dataset=train,
        eval_dataset=evaluation,
        processing_class=tokenizer,
        quantization_config=get_quantization_config(model_args),
        peft_config=get_peft_config(model_args),
    )
    trainer.train(resume_from_checkpoint=training_args.resume_from_checkpoint)
    if evaluation is not None:
        trainer.evaluate()

    trainer.save_model(training_args.output_dir)  # with --push_to_hub this uploads the folder too, card included
    trainer.create_model_card()
    for name, before, after in comparison(trainer.state.log_history):
        trainer.accelerator.print(f"{name:20} {before:10.4f} -> {after:.4f}")
    trainer.accelerator.print(f"model and card: {training_args.output_dir}")
    trainer.end()


def run() -> None:
    """Train as the command line says."""
    from trl import DPOConfig

    main(*parse(ScriptArguments, DPOConfig))


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # nothing is told to anyone but the Hub that was named
    sys.exit(run_command(run))
