"""What the Hub holds, and what a release of a build would change about it: as paths, and as a diff to read."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import unified_diff
from functools import cached_property
from pathlib import Path
from typing import Any

from huggingface_hub.hf_api import RepoFile

from ecd_data.artifact.manifest import CARD, NAME, read_manifest
from ecd_data.core.hashing import file_sha256
from ecd_data.core.text import visible
from ecd_data.release.features import card_fields, field_changes

SIZES = re.compile(r" +(num_bytes|num_examples|download_size|dataset_size): \d+")


@dataclass(frozen=True)
class Held:
    """What the Hub holds on a branch, or would once the branch is made: a new one starts as a copy of the main one.

    exists: whether the repository is there.
    sha: the head of the branch; None when it is not there yet.
    files: by path.
    release: a folder here with manifest and card, if a release is there.
    """

    exists: bool = False
    sha: str | None = None
    files: Mapping[str, RepoFile] = field(default_factory=dict)
    release: Path | None = None

    @cached_property
    def manifest(self) -> dict[str, Any] | None:
        """The manifest of the release there."""
        return read_manifest(self.release) if self.release else None

    @cached_property
    def card(self) -> str:
        """The text of the card there."""
        return _text(self.release / CARD) if self.release and CARD in self.files else ""

    @property
    def managed(self) -> set[str]:
        """The files that an earlier release put there, and that a new one may therefore replace or remove."""
        return {CARD, NAME, *self.manifest["files"]} if self.manifest else {CARD}


class Change:
    """What a commit of a build would do to what the Hub holds.

    Attributes:
        added, changed, deleted: paths.
        parent: the commit that it is made on top of; None when the branch is not there yet.
    """

    def __init__(self, build: Path, held: Held) -> None:
        self.build, self.held, self.parent = build, held, held.sha
        ours, there = build_files(build), held.files
        self.added = tuple(sorted(ours.keys() - there.keys()))
        self.changed = tuple(sorted(p for p in ours.keys() & there.keys() if not equal(ours[p], there[p])))
        self.deleted = tuple(sorted((held.managed & there.keys()) - ours.keys()))

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.deleted)

    def came_between(self, first: Held) -> bool:
        """Whether the Hub held another release at first: the same files of others may have changed or not."""
        paths = build_files(self.build).keys() | first.managed | self.held.managed
        return any(_blob(first, path) != _blob(self.held, path) for path in paths)

    @cached_property
    def fields(self) -> list[str]:
        """What changes about the fields of rows, as `field_changes` tells it."""
        if CARD not in self.changed:
            return []
        return list(field_changes(card_fields(self.held.card), card_fields(_text(self.build / CARD))))

    def __str__(self) -> str:
        """A diff to read: files, rows of each split, fields, card."""
        parts = {"files": self._files(), "rows": self._rows(), "fields": self.fields, "card": self._card()}
        found = {name: list(lines) for name, lines in parts.items()}
        return "\n".join(line for name, lines in found.items() if lines for line in (name, *(f"  {x}" for x in lines)))

    def _files(self) -> Iterator[str]:
        ours = build_files(self.build)
        for path in self.added:
            yield f"+ {path}  {size(ours[path].stat().st_size)}"
        for path in self.changed:
            yield f"~ {path}  {size(self.held.files[path].size)} -> {size(ours[path].stat().st_size)}"
        for path in self.deleted:
            yield f"- {path}  {size(self.held.files[path].size)}"

    def _rows(self) -> Iterator[str]:
        before, after = (_rows_of_splits(manifest) for manifest in (self.held.manifest, read_manifest(self.build)))
        for split in [*after, *(split for split in before if split not in after)]:
            old, new = before.get(split, (0, "")), after.get(split, (0, ""))
            if old != new:
                yield f"~ {split}  {old[0]:,} -> {new[0]:,}" + (", other rows" if old[0] == new[0] else "")

    def _card(self) -> Iterator[str]:
        """Its lines that differ, without the sizes in its metadata: the rows are told of already."""
        if CARD in self.changed and self.held.card:
            before, after = (
                [line for line in card.splitlines() if not SIZES.fullmatch(line)]
                for card in (self.held.card, _text(self.build / CARD))
            )
            for line in list(unified_diff(before, after, n=0, lineterm=""))[2:]:
                if not line.startswith("@@"):
                    yield visible(line)


def build_files(build: Path) -> dict[str, Path]:
    """What a release publishes: what the manifest lists, itself and the card; never what else lies in the folder."""
    return {name: build / name for name in (CARD, NAME, *read_manifest(build)["files"])}


def equal(ours: Path, theirs: RepoFile) -> bool:
    """Whether a file on the Hub has the content of one here, by the hash that the Hub keeps of it."""
    if theirs.lfs is not None:
        return theirs.lfs.sha256 == file_sha256(ours)
    data = ours.read_bytes()
    return theirs.blob_id == hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def size(number: float) -> str:
    """Bytes as people read them: 1,234,567 is `1.2 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000 or unit == "GB":
            break
        number /= 1000
    return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"


def _blob(held: Held, path: str) -> str | None:
    return held.files[path].blob_id if path in held.files else None


def _rows_of_splits(manifest: Mapping[str, Any] | None) -> dict[str, tuple[int, str]]:
    """Number and hash of the rows of each `config/split`."""
    configs = manifest["configs"] if manifest else {}
    return {
        f"{config}/{split}": (info["rows"], info["rows_sha256"])
        for config, splits in configs.items()
        for split, info in splits.items()
    }


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
