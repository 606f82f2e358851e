"""The data of a training: which dataset exactly, its splits, and the rows whose prompt leaves room for an answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import datasets

from ecd_data.core.hashing import files_sha256
from ecd_data.core.hub import load_dataset, resolve_commit
from ecd_data.trainers.common.arguments import ScriptArguments, TrainingError

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedTokenizerBase, TrainingArguments

# The columns that a trainer reads of each config of an ECD dataset.
COLUMNS = {
    "preference": ("prompt", "chosen", "rejected"),
    "sft": ("prompt", "completion"),
    "ties": ("prompt", "first", "second"),
    "ranking": ("id", "prompt", "responses", "preference", "model", "teacher"),
}


@dataclass(frozen=True)
class Source:
    """The dataset of a training: a Hub dataset at a commit, or a folder and the hash of its Parquet files."""

    name: str
    revision: str
    on_hub: bool


@dataclass(frozen=True)
class TrainingData:
    """The rows to train on and, if there are any, to evaluate on, and the datasets that they come from."""

    sources: tuple[Source, ...]
    train: Dataset
    evaluation: Dataset | None


def load_data(
    script_args: ScriptArguments,
    training_args: TrainingArguments,
    tokenizer: PreTrainedTokenizerBase,
    config: str = "preference",
) -> TrainingData:
    """Load the training and the evaluation split, and print how many rows have too long a prompt.

    Raises:
        RepositoryError: There is no such dataset or revision, or the Hub cannot be reached.
        TrainingError: There is nothing to train on, or `--eval_strategy` asks for an evaluation without rows.
    """
    source = find_source(script_args)
    with training_args.main_process_first(desc="loading the dataset"):
        splits = load_splits(script_args, source, config)
        fitting = {
            name: drop_long_prompts(name, rows, tokenizer, training_args.max_length) for name, rows in splits.items()
        }
    for _, report in fitting.values():
        if report and training_args.process_index == 0:
            print(report)
    train, _ = fitting[script_args.dataset_train_split]
    evaluation, _ = fitting.get(script_args.dataset_test_split, (None, ""))
    if evaluation is None and training_args.eval_strategy != "no":
        raise TrainingError(
            f"dataset {source.name} has no rows in split {script_args.dataset_test_split!r} to evaluate on: name "
            "another with --dataset_test_split, or set --eval_strategy no"
        )
    return TrainingData((source,), train, evaluation)


def find_source(script_args: ScriptArguments) -> Source:
    """Return the exact dataset that `--dataset_name` and `--dataset_revision` name.

    Raises:
        RepositoryError: There is no such dataset or revision, or the Hub cannot be reached.
        TrainingError: No dataset is named, or a folder with a revision.
    """
    name, revision = script_args.dataset_name, script_args.dataset_revision
    if name is None:
        raise TrainingError("no dataset to train on: name one with --dataset_name")
    folder = Path(name)
    if folder.is_dir():
        if revision:
            raise TrainingError(f"{name} is a folder, which has no revisions: leave out --dataset_revision")
        return Source(folder.resolve().name, f"sha256:{files_sha256(folder, folder.rglob('*.parquet'))}", on_hub=False)
    return Source(name, resolve_commit(name, "dataset", revision, "--dataset_revision"), on_hub=True)


def load_splits(script_args: ScriptArguments, source: Source, config: str = "preference") -> dict[str, Dataset]:
    """Load the training split and, if the dataset has rows in it, the evaluation split.

    Args:
        config: What the rows must have: the columns that `COLUMNS` lists for it.

    Raises:
        TrainingError: The dataset, its config, the training split or a column is missing.
    """
    name, train = script_args.dataset_name, script_args.dataset_train_split
    try:
        splits = load_dataset(str(name), script_args.dataset_config, source.revision if source.on_hub else None)
    except (datasets.exceptions.DatasetGenerationError, ValueError, OSError) as error:
        reason = str(error.__cause__ or error)
        if isinstance(error, datasets.exceptions.DatasetGenerationError) or "no data" in reason:
            reason += ": each of its splits must have rows, of the same columns; `ecd validate` checks a build"
        raise TrainingError(f"cannot load dataset {name}: {reason}") from error
    splits = {split: rows for split, rows in splits.items() if len(rows) > 0}
    if train not in splits:
        raise TrainingError(
            f"dataset {name} has no rows in split {train!r}: choose one of {', '.join(splits)} with "
            "--dataset_train_split"
        )
    missing = [column for column in COLUMNS[config] if column not in splits[train].column_names]
    if missing:
        raise TrainingError(
            f"dataset {name} has no column {', '.join(missing)}: this training needs {', '.join(COLUMNS[config])}, "
            f"which the config `{config}` of an ECD dataset has (--dataset_config {config})"
        )
    return {split: splits[split] for split in (train, script_args.dataset_test_split) if split in splits}


def drop_long_prompts(
    split: str, rows: Dataset, tokenizer: PreTrainedTokenizerBase, max_length: int | None
) -> tuple[Dataset, str]:
    """Return the rows whose prompt leaves room for an answer, and a line that counts the others by round.

    TRL drops the others silently. Evolved prompts grow with each round. The line is empty when every row fits.

    Raises:
        TrainingError: No row fits.
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
