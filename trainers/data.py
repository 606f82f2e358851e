"""The data that a trainer reads: which dataset exactly, its splits, and the rows whose prompt leaves room to learn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecd_data.core.hashing import files_sha256
from ecd_data.core.hub import load_dataset, resolve_commit
from ecd_data.trainers.settings import TrainingError

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedTokenizerBase, TrainingArguments

# What a trainer reads of each config of an ECD dataset.
COLUMNS = {
    "preference": ("prompt", "chosen", "rejected"),
    "sft": ("prompt", "completion"),
    "ties": ("prompt", "first", "second"),
    "ranking": ("id", "prompt", "responses", "preference", "model", "teacher"),
}


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


@dataclass(frozen=True)
class Source:
    """The data trained on: a Hub dataset at a commit, or a folder and the hash of its Parquet files."""

    name: str
    revision: str
    on_hub: bool


def resolve(script_args: ScriptArguments) -> Source:
    """The exact data that `--dataset_name` and `--dataset_revision` stand for.

    Raises:
        RepositoryError: when there is no such dataset or revision, or the Hub cannot be reached.
        TrainingError: when a folder is to have a revision.
    """
    name, revision = script_args.dataset_name, script_args.dataset_revision
    folder = Path(name)
    if folder.is_dir():
        if revision:
            raise TrainingError(f"{name} is a folder, which has no revisions: leave out --dataset_revision")
        return Source(folder.resolve().name, f"sha256:{files_sha256(folder, folder.rglob('*.parquet'))}", on_hub=False)
    return Source(name, resolve_commit(name, "dataset", revision, "--dataset_revision"), on_hub=True)


def load_rows(
    script_args: ScriptArguments,
    training_args: TrainingArguments,
    source: Source,
    tokenizer: PreTrainedTokenizerBase,
    config: str = "preference",
) -> tuple[Dataset, Dataset | None]:
    """The rows to train on and, if there are any, to evaluate on; prints how many have too long a prompt.

    Raises:
        TrainingError: when there are none to train on, or `--eval_strategy` asks for an evaluation without rows.
    """
    with training_args.main_process_first(desc="loading the dataset"):
        splits = load_splits(script_args, source, config)
        fitted = {name: fitting(name, rows, tokenizer, training_args.max_length) for name, rows in splits.items()}
    for _, report in fitted.values():
        if report and training_args.process_index == 0:
            print(report)
    rows, _ = fitted[script_args.dataset_train_split]
    held_out, _ = fitted.get(script_args.dataset_test_split, (None, ""))
    if held_out is None and training_args.eval_strategy != "no":
        raise TrainingError(
            f"dataset {source.name} has no rows in split {script_args.dataset_test_split!r} to evaluate on: name "
            "another with --dataset_test_split, or set --eval_strategy no"
        )
    return rows, held_out


def load_splits(script_args: ScriptArguments, source: Source, config: str = "preference") -> dict[str, Dataset]:
    """The training split and, if the dataset has rows in it, the evaluation split.

    `config` says what the rows must hold: the columns that `COLUMNS` lists for it.

    Raises:
        TrainingError: when the dataset, the config, the training split or a column is missing.
    """
    import datasets

    name, train = script_args.dataset_name, script_args.dataset_train_split
    try:
        splits = load_dataset(name, script_args.dataset_config, source.revision if source.on_hub else None)
    except (datasets.exceptions.DatasetGenerationError, ValueError, OSError) as error:
        reason = str(error.__cause__ or error)
        if isinstance(error, datasets.exceptions.DatasetGenerationError) or "no data" in reason:
            reason += ": each of its splits must have rows, of the same columns; `ecd validate` checks a build"
        raise TrainingError(f"cannot load dataset {name}: {reason}") from error
    found = {split: rows for split, rows in splits.items() if len(rows) > 0}
    if train not in found:
        raise TrainingError(
            f"dataset {name} has no rows in split {train!r}: choose one of {', '.join(found)} with "
            "--dataset_train_split"
        )
    missing = [column for column in COLUMNS[config] if column not in found[train].column_names]
    if missing:
        raise TrainingError(
            f"dataset {name} has no column {', '.join(missing)}: this training needs {', '.join(COLUMNS[config])}, "
            f"which the config `{config}` of an ECD dataset has (--dataset_config {config})"
        )
    return {split: found[split] for split in (train, script_args.dataset_test_split) if split in found}


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
    report = f"{split}: dropped {len(rows) - len(kept)} of {len(rows)} rows: prompt >= max_length {max_length} tokens"
    if "round" in rows.column_names:
        dropped = Counter(rows["round"]) - Counter(kept["round"])
        report += f" ({', '.join(f'round {number}: {count}' for number, count in sorted(dropped.items()))})"
    if len(kept) == 0:
        raise TrainingError(f"{report}; none is left: raise --max_length")
    return kept, report
