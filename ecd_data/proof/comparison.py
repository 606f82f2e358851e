"""Two builds compared: rows that came, went or changed, and how lengths, verdicts and coverage moved."""

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
NO_CLASS = "none"  # of rows without an operation: whole chains, first turns, rounds that nothing fitted
WITH_CLASS = ("preference", "sft", "rejects", "ties")  # configs whose rows have an operation
SIDES = ("prompt", "chosen", "rejected")
_JSON = json.JSONEncoder(sort_keys=True).encode  # of any row, a broken one with NaN in it too


@dataclass(frozen=True)
class RowChange:
    """A row that is not the same in both builds.

    kind: `added`, `removed` or `changed`.
    columns: those that changed; `split` among them when the row moved.
    """

    kind: str
    config: str
    split: str
    id: str
    of_class: str
    columns: tuple[str, ...] = ()


@dataclass
class Shape:
    """What the pairs of a build, or those of one class, are like."""

    pairs: int = 0
    lengths: dict[str, array[int]] = field(default_factory=lambda: {side: array("I") for side in SIDES})
    verdicts: Counter[str] = field(default_factory=Counter)
    routes: Counter[str] = field(default_factory=Counter)
    similarity: float = 0.0

    def add(self, row: Mapping[str, Any]) -> None:
        """One more pair."""
        self.pairs += 1
        for side in SIDES:
            self.lengths[side].append(len(row[side][0]["content"]))
        self.verdicts["requirements"] += len(row["requirements"])
        self.verdicts["judged"] += sum(requirement["check"] == "judge" for requirement in row["requirements"])
        self.verdicts["missed"] += sum(not met for met in row["rejected_met"])
        self.routes[row["adapted_by"]] += 1
        self.similarity += row["similarity"]

    def median_length(self, side: str) -> float:
        """Characters."""
        return float(median(self.lengths[side])) if self.pairs else 0.0

    def per_pair(self, name: str) -> float:
        """`requirements`, those that are `judged` and those that the rejected answer `missed`, in the mean."""
        return self.verdicts[name] / self.pairs if self.pairs else 0.0

    def share(self, route: str) -> float:
        """The share of the pairs whose chosen answer came by a route."""
        return self.routes[route] / self.pairs if self.pairs else 0.0

    @property
    def mean_similarity(self) -> float:
        """Of chosen and rejected."""
        return self.similarity / self.pairs if self.pairs else 0.0


def changed_rows(a: Path, b: Path) -> Iterator[RowChange]:
    """The rows that are not the same in two builds, by config; of each, what is only in `a` last.

    Raises:
        BuildError: a file cannot be read.
    """
    for config in data_configs(a, b):
        known = {row["id"]: (split, _class(row), _columns(row)) for split, row in _rows(a, config)}
        for split, row in _rows(b, config):
            if (before := known.pop(row["id"], None)) is None:
                yield RowChange("added", config, split, row["id"], _class(row))
            elif (split, packed := _columns(row)) != (before[0], before[2]):
                names = [] if split == before[0] else ["split"]
                names += _differing(row, before[2], packed)
                yield RowChange("changed", config, split, row["id"], _class(row), tuple(names))
        for id_, (split, of_class, _) in known.items():
            yield RowChange("removed", config, split, id_, of_class)


def shapes(build: Path) -> dict[str, Shape]:
    """What the pairs of a build are like, over all and by class.

    Raises:
        BuildError: a file cannot be read.
    """
    found: defaultdict[str, Shape] = defaultdict(Shape)
    for _, row in _rows(build, "preference"):
        for name in (ALL, _class(row)):
            found[name].add(row)
    return dict(found)


def count_rows(build: Path) -> Counter[tuple[str, str]]:
    """How many rows there are by (config, class), and over all classes of a config.

    Raises:
        BuildError: a file cannot be read.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for config in data_configs(build):
        for row in every_row(build, config, ["operation"] if config in WITH_CLASS else ["id"]):
            counts.update([(config, ALL), (config, _class(row))])
    return counts


def tally(changes: Iterable[RowChange]) -> dict[tuple[str, str], Counter[str]]:
    """How many rows came, went and changed, by (config, class), and over all classes of a config."""
    counts: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for change in changes:
        counts[change.config, ALL][change.kind] += 1
        counts[change.config, change.of_class][change.kind] += 1
    return counts


def differing_values(a: Any, b: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """(path, value in `a`, value in `b`) wherever two pieces of JSON data differ; `None` for what is not there."""
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


def _columns(row: Mapping[str, Any]) -> bytes:
    """A hash of each column, in the order of their names: rows themselves would fill the memory."""
    return b"".join(struct.pack("q", hash(_JSON(row[name]))) for name in sorted(row))


def _differing(row: Mapping[str, Any], before: bytes, now: bytes) -> Iterator[str]:
    if len(before) != len(now):
        yield "columns"
        return
    for number, name in enumerate(sorted(row)):
        if before[8 * number : 8 * number + 8] != now[8 * number : 8 * number + 8]:
            yield name
