"""Reads the prompts to evaluate on: of a Hub dataset, a build directory, a JSONL file, or `ifbench`."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from ecd_data.core.errors import EvaluationError
from ecd_data.core.hashing import canonical_json, sha256
from ecd_data.core.hub import load_dataset, resolve_commit
from ecd_data.evaluation import ifbench
from ecd_data.evaluation.tasks import Task, read_tasks

TEST = "test"
FILES = (".jsonl", ".json")


@dataclass(frozen=True)
class Data:
    """Tasks, and where they come from.

    name: a Hub id, or the name of a file or folder.
    revision: the commit of a Hub dataset, else empty.
    config, split: of a dataset; empty for a file.
    """

    name: str
    revision: str
    config: str
    split: str
    tasks: tuple[Task, ...]

    @property
    def sha256(self) -> str:
        """A hash of all prompts and requirements, whatever their order."""
        return sha256(canonical_json(sorted(task.key for task in self.tasks)))


def read_data(
    name: str,
    *,
    config: str | None = None,
    split: str | None = None,
    revision: str | None = None,
    limit: int | None = None,
) -> Data:
    """Return the tasks of a split.

    Args:
        name: Hub id, build directory or other folder of a dataset, file, or `ifbench`.
        config: config of a dataset; by default its default one.
        split: split of a dataset; by default `test`, or the only one.
        revision: branch, tag or commit of a Hub dataset.
        limit: takes the first so many tasks.

    Raises:
        EvaluationError: there are no tasks; the message says what is missing.
    """
    path = ifbench.ifbench_file() if name == ifbench.NAME else Path(name)
    if path.is_file() or path.suffix in FILES:
        if config or split or revision:
            raise EvaluationError(f"{name} is a file: leave out --config, --split and --revision.")
        rows: Any = _read_file(path)
        columns: Iterable[str] = set(chain.from_iterable(rows))
        commit = split = ""
    else:
        commit = "" if path.is_dir() else resolve_commit(name, "dataset", revision, "--revision")
        if path.is_dir() and revision:
            raise EvaluationError(f"{name} is a folder, which has no revisions: leave out --revision.")
        split, rows = _split(_load(name, config, commit), name, split)
        columns = rows.column_names
    tasks = read_tasks(rows, columns, name)
    short_name = path.resolve().name if path.exists() and name != ifbench.NAME else name
    return Data(short_name, commit, config or "", split, tuple(tasks[:limit]))


def _read_file(path: Path) -> list[dict[str, Any]]:
    if path.suffix not in FILES:
        raise EvaluationError(f"{path}: prompts come from a {' or '.join(FILES)} file with one JSON object per line.")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationError(f"{path}: cannot be read ({error}). Check the path; the text must be UTF-8.") from error
    rows = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise EvaluationError(f"{path}, line {number}: not a JSON object ({error}).") from error
            if not isinstance(row, dict):
                raise EvaluationError(f'{path}, line {number}: not a JSON object, such as {{"prompt": ...}}.')
            rows.append(row)
    if not rows:
        raise EvaluationError(f"{path}: is empty; it must hold at least one prompt.")
    return rows


def _load(name: str, config: str | None, commit: str) -> Any:
    import datasets

    try:
        return load_dataset(name, config, commit or None)
    except (ValueError, OSError, datasets.exceptions.DatasetGenerationError) as error:
        reason = " ".join(str(error.__cause__ or error).split())[:300]
        raise EvaluationError(
            f"cannot load dataset {name}: {reason}. Check --config, which is `preference` for an ECD dataset, and "
            "that no file of it is empty."
        ) from error


def _split(splits: Any, name: str, wanted: str | None) -> tuple[str, Any]:
    """Return the name and the rows of the split that is wanted."""
    with_rows = {split: rows for split, rows in splits.items() if len(rows) > 0}
    split = wanted or (next(iter(with_rows)) if len(splits) == 1 and with_rows else TEST)
    if split not in with_rows:
        names = ", ".join(f"{other} ({len(rows)} rows)" for other, rows in with_rows.items()) or "none"
        raise EvaluationError(
            f"dataset {name} has no rows in split {split!r}; there are: {names}. Name one with --split. A split that "
            "was trained on says nothing about other prompts."
        )
    return split, with_rows[split]
