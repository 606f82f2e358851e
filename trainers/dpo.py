"""Direct preference optimisation on an ECD dataset, with TRL; the model card names the exact data and settings.

    accelerate launch trainers/dpo.py --dataset_name org/ecd --model_name_or_path MODEL --output_dir out

`--dataset_name` is a dataset on the Hub or a build directory, `--config trainers/recipes/cpu.yaml` (or `gpu.yaml`)
gives the settings, and what the command line says wins. Every other flag is TRL's own: `DPOConfig`, `ModelConfig`.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecd_data.command import run_command
from ecd_data.errors import EcdError
from trainers.card import Source, comparison, model_card

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedTokenizerBase
    from trl import DPOConfig, ModelConfig

COLUMNS = {"prompt", "chosen", "rejected"}


class TrainingError(EcdError):
    """The dataset, the model or a setting does not allow the training that was asked for."""


@dataclass
class ScriptArguments:
    """Which data to train on; the names are those of TRL's scripts, and `dataset_revision` is ours."""

    dataset_name: str = field(metadata={"help": "Dataset id on the Hub, or a build directory."})
    dataset_config: str | None = field(
        default=None, metadata={"help": "Config of the dataset; the default one of an ECD dataset is `preference`."}
    )
    dataset_revision: str | None = field(
        default=None, metadata={"help": "Branch, tag or commit of the dataset; its newest commit by default."}
    )
    dataset_train_split: str = field(default="train", metadata={"help": "Split to train on."})
    dataset_test_split: str = field(
        default="validation", metadata={"help": "Split to evaluate on before and after training, if it is there."}
    )


def main(script_args: ScriptArguments, training_args: DPOConfig, model_args: ModelConfig) -> None:
    """Load, train, save and write the card.

    Raises:
        TrainingError: when the dataset or the model cannot be found or used.
    """
    from trl import DPOTrainer, get_peft_config, get_quantization_config

    if training_args.hub_token:
        # The trainer pickles its arguments beside the model and uploads them, so the token must not be among them.
        os.environ["HF_TOKEN"], training_args.hub_token = training_args.hub_token, None
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
            f"dataset {source.name} has no pairs in split {script_args.dataset_test_split!r} to evaluate on: name "
            "another with --dataset_test_split, or set --eval_strategy no"
        )

    training_args.model_init_kwargs = {
        "revision": model_args.model_revision,
        "trust_remote_code": training_args.trust_remote_code,
        "attn_implementation": model_args.attn_implementation,
        "dtype": model_args.dtype,
        **(training_args.model_init_kwargs or {}),
    }
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


def resolve(script_args: ScriptArguments) -> Source:
    """The exact data that `--dataset_name` and `--dataset_revision` stand for.

    Raises:
        TrainingError: when there is no such dataset or revision, or the Hub cannot be reached.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )
    from huggingface_hub.utils import httpx

    name, revision = script_args.dataset_name, script_args.dataset_revision
    folder = Path(name)
    if folder.is_dir():
        if revision:
            raise TrainingError(f"{name} is a folder, which has no revisions: leave out --dataset_revision")
        return Source(folder.resolve().name, f"sha256:{content_hash(folder)}", on_hub=False)
    api = HfApi()
    try:
        return Source(name, str(api.dataset_info(name, revision=revision).sha), on_hub=True)
    except RevisionNotFoundError as error:
        raise TrainingError(
            f"dataset {name} has no revision {revision!r}: give --dataset_revision a branch, tag or commit of it"
        ) from error
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise TrainingError(
            f"no folder {name} here and no dataset {name} on {api.endpoint} that this login can read: check the name, "
            "or log in with `hf auth login` if it is private"
        ) from error
    except (HfHubHTTPError, httpx.HTTPError, OSError) as error:
        raise TrainingError(
            f"cannot ask {api.endpoint} for dataset {name} ({error}): check HF_ENDPOINT and the network, or train "
            "from a build directory"
        ) from error


def content_hash(folder: Path) -> str:
    """SHA-256 over the names and bytes of the folder's Parquet files, in the order of their names."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.parquet")):
        digest.update(
            f"{path.relative_to(folder).as_posix()}\n{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode()
        )
    return digest.hexdigest()


def load_splits(script_args: ScriptArguments, source: Source) -> dict[str, Dataset]:
    """The training split and, if the dataset has pairs in it, the evaluation split.

    Raises:
        TrainingError: when the dataset, the config, the training split or a column is missing.
    """
    import datasets

    datasets.config.USE_PARQUET_EXPORT = False  # else it asks the dataset viewer's host, which nobody named
    name, train = script_args.dataset_name, script_args.dataset_train_split
    try:
        splits = datasets.load_dataset(
            name, script_args.dataset_config, revision=source.revision if source.on_hub else None
        )
    except (ValueError, OSError) as error:
        raise TrainingError(f"cannot load dataset {name}: {error}") from error
    found = {split: rows for split, rows in splits.items() if len(rows) > 0}
    if train not in found:
        raise TrainingError(
            f"dataset {name} has no pairs in split {train!r}: choose one of {', '.join(found)} with "
            "--dataset_train_split"
        )
    missing = COLUMNS - set(found[train].column_names)
    if missing:
        raise TrainingError(
            f"dataset {name} has no column {', '.join(sorted(missing))}: DPO needs prompt, chosen and rejected, which "
            "the config `preference` of an ECD dataset has (--dataset_config preference)"
        )
    return {split: found[split] for split in (train, script_args.dataset_test_split) if split in found}


def load_tokenizer(model_args: ModelConfig, trust_remote_code: bool) -> PreTrainedTokenizerBase:
    """The model's tokenizer, which must come with a chat template.

    Raises:
        TrainingError: when there is no such model, or it has no chat template.
    """
    from transformers import AutoTokenizer

    name = model_args.model_name_or_path
    if name is None:
        raise TrainingError("no model to train: name one with --model_name_or_path")
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            name, revision=model_args.model_revision, trust_remote_code=trust_remote_code
        )
    except (ValueError, OSError) as error:
        raise TrainingError(f"cannot load the tokenizer of model {name}: {error}") from error
    if tokenizer.chat_template is None:
        raise TrainingError(f"model {name} has no chat template: give --model_name_or_path an instruction-tuned model")
    return tokenizer


def fitting(
    split: str, rows: Dataset, tokenizer: PreTrainedTokenizerBase, max_length: int | None
) -> tuple[Dataset, str]:
    """The rows whose prompt leaves room for an answer, and a line on those that do not: TRL drops them silently.

    The line counts by round, since evolved prompts grow with each of them, and is empty when every row fits.

    Raises:
        TrainingError: when no row fits.
    """
    if max_length is None:
        return rows, ""

    def fits(row: Mapping[str, Any]) -> bool:
        encoded = tokenizer.apply_chat_template(row["prompt"], add_generation_prompt=True, return_dict=True)
        return len(encoded["input_ids"]) < max_length

    kept = rows.filter(fits, desc=f"Measuring the prompts of {split}")
    if len(kept) == len(rows):
        return rows, ""
    report = f"{split}: dropped {len(rows) - len(kept)} of {len(rows)} pairs: prompt >= max_length {max_length} tokens"
    if "round" in rows.column_names:
        dropped = Counter(rows["round"]) - Counter(kept["round"])
        report += f" ({', '.join(f'round {number}: {count}' for number, count in sorted(dropped.items()))})"
    if len(kept) == 0:
        raise TrainingError(f"{report}; none is left: raise --max_length")
    return kept, report


def parse(args: list[str] | None = None) -> tuple[ScriptArguments, DPOConfig, ModelConfig]:
    """The three groups of settings from the command line and the `--config` file; without a GPU, for the CPU.

    Raises:
        TrainingError: when the file cannot be read or a value is refused; unknown flags exit with argparse's usage.
    """
    import torch
    import yaml
    from trl import DPOConfig, ModelConfig, TrlParser

    parser = TrlParser((ScriptArguments, DPOConfig, ModelConfig))
    if not torch.accelerator.is_available():
        parser.set_defaults(use_cpu=True)
    try:
        script_args, training_args, model_args = parser.parse_args_and_config(args)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise TrainingError(f"cannot use these settings: {error}") from error
    return script_args, training_args, model_args


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # nothing is told to anyone but the Hub that was named
    sys.exit(run_command(lambda: main(*parse())))
