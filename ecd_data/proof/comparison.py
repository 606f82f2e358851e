"""Two builds compared: rows that were added, removed or changed, and what their pairs are like."""

from __future__ import annotations

import json
import struct
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from ecd_data.artifact.parquet import data_configs, data_files, every_row, read_rows
from ecd_data.requirements.taxonomy import class_of

ALL = "all"
NO_CLASS = "none"  # of rows without an operation: whole chains, first turns, rounds that no operation suited
WITH_CLASS = ("preference", "sft", "rejects", "ties")  # configs whose rows have an operation
SIDES = ("prompt", "chosen", "rejected")
KINDS = ("added", "removed", "changed")
_JSON = json.JSONEncoder(sort_keys=True).encode  # of any row, even an invalid one with NaN in it


@dataclass(frozen=True)
class RowChange:
    """A row that is not the same in both builds.

    kind: one of `KINDS`.
    columns: those that changed; `split` among them when the row moved to another one.
    """

    kind: str
    config: str
    split: str
    id: str
    of_class: str
    columns: tuple[str, ...] = ()


@dataclass
class PairStatistics:
    """Statistics over the pairs of a build, or over those of one class.

    lengths: characters of each side of each pair.
    requirements: totals of requirements in force, of those that are `judged`, and of those that the rejected answer
        `missed`.
    routes: pairs by the route of the chosen answer.
    similarity: the sum over all pairs.
    """

    pairs: int = 0
    lengths: dict[str, array[int]] = field(default_factory=lambda: {side: array("I") for side in SIDES})
    requirements: Counter[str] = field(default_factory=Counter)
    routes: Counter[str] = field(default_factory=Counter)
    similarity: float = 0.0

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a row of `preference`."""
        self.pairs += 1
        for side in SIDES:
            self.lengths[side].append(len(row[side][0]["content"]))
        self.requirements["in force"] += len(row["requirements"])
        self.requirements["judged"] += sum(requirement["check"] == "judge" for requirement in row["requirements"])
        self.requirements["missed"] += sum(not met for met in row["rejected_met"])
        self.routes[row["adapted_by"]] += 1
        self.similarity += row["similarity"]

    def median_length(self, side: str) -> float:
        """Return the median length of a side, in characters."""
        return float(median(self.lengths[side])) if self.pairs else 0.0

    def mean_requirements(self, name: str) -> float:
        """Return the mean number of requirements of a pair that are `in force`, `judged` or `missed`."""
        return self.requirements[name] / self.pairs if self.pairs else 0.0

    def share(self, route: str) -> float:
        """Return the share of the pairs whose chosen answer came by a route."""
        return self.routes[route] / self.pairs if self.pairs else 0.0

    @property
    def mean_similarity(self) -> float:
        """Mean similarity of chosen and rejected answers."""
        return self.similarity / self.pairs if self.pairs else 0.0


def changed_rows(a: Path, b: Path) -> Iterator[RowChange]:
    """Yield the rows that are not the same in two builds, config by config; in each, rows only in `a` come last.

    Raises:
        BuildError: a file cannot be read.
    """
    for config in data_configs(a, b):
        rows_before = {row["id"]: (split, _class(row), _column_hashes(row)) for split, row in _rows(a, config)}
        for split, row in _rows(b, config):
            hashes = _column_hashes(row)
            if row["id"] not in rows_before:
                yield RowChange("added", config, split, row["id"], _class(row))
                continue
            split_before, _, hashes_before = rows_before.pop(row["id"])
            if (split, hashes) != (split_before, hashes_before):
                columns = [
                    *(["split"] if split != split_before else []),
                    *_changed_columns(row, hashes_before, hashes),
                ]
                yield RowChange("changed", config, split, row["id"], _class(row), tuple(columns))
        for id_, (split, of_class, _) in rows_before.items():
            yield RowChange("removed", config, split, id_, of_class)


def pair_statistics(build: Path) -> dict[str, PairStatistics]:
    """Return statistics over the pairs of a build, over all and by class.

    Raises:
        BuildError: a file cannot be read.
    """
    statistics: defaultdict[str, PairStatistics] = defaultdict(PairStatistics)
    for _, row in _rows(build, "preference"):
        for name in (ALL, _class(row)):
            statistics[name].add(row)
    return dict(statistics)


def count_rows(build: Path) -> Counter[tuple[str, str]]:
    """Return the number of rows by (config, class), and over all classes of a config.

    Raises:
        BuildError: a file cannot be read.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for config in data_configs(build):
        for row in every_row(build, config, ["operation"] if config in WITH_CLASS else ["id"]):
            counts.update([(config, ALL), (config, _class(row))])
    return counts


def count_changes(changes: Iterable[RowChange]) -> dict[tuple[str, str], Counter[str]]:
    """Return the number of changes of each kind by (config, class), and over all classes of a config."""
    counts: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for change in changes:
        counts[change.config, ALL][change.kind] += 1
        counts[change.config, change.of_class][change.kind] += 1
    return counts


def differing_values(a: Any, b: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield (path, value in `a`, value in `b`) wherever two JSON values differ; `None` stands for a missing one."""
    if isinstance(a, dict) and isinstance(b, dict):
        for key in dict.fromkeys([*a, *b]):
            yield from differing_values(a.get(key), b.get(key), f"{path}.{key}" if path else str(key))
    elif a != b or type(a) is not type(b):
        yield path, a, b


def _rows(build: Path, config: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for split, paths in data_files(build, config).items():
        for row in read_rows(paths):
            yield split, row


def _class(row: Mapping[str, Any]) -> str:
    return class_of(row.get("operation", "")) or NO_CLASS


def _column_hashes(row: Mapping[str, Any]) -> bytes:
    """Return a hash of 8 bytes of each column, in the order of their names: the rows would fill the memory."""
    return b"".join(struct.pack("q", hash(_JSON(row[name]))) for name in sorted(row))


def _changed_columns(row: Mapping[str, Any], before: bytes, after: bytes) -> Iterator[str]:
    if len(before) != len(after):
        yield "columns"
        return
    for number, name in enumerate(sorted(row)):
        if before[8 * number : 8 * number + 8] != after[8 * number : 8 * number + 8]:
            yield name
