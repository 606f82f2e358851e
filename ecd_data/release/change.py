"""What the Hub holds, and what a release of a build would change about it: as paths, and as a diff to read."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import unified_diff
from functools import cached_property
from pathlib import Path
from typing import Any

from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils.sha import git_hash
from rich.filesize import decimal

from ecd_data.artifact.manifest import CARD, MANIFEST, read_manifest
from ecd_data.core.hashing import file_sha256
from ecd_data.core.text import visible
from ecd_data.release.features import card_fields, field_changes

SIZES = re.compile(r" +(num_bytes|num_examples|download_size|dataset_size): \d+")


@dataclass(frozen=True)
class RemoteState:
    """What the Hub holds on a branch, or would once the branch is made: a new one starts as a copy of the main one.

    exists: whether the repository exists.
    head: the last commit of the branch; None if the branch does not exist.
    files: by path.
    release: a folder here with manifest and card, if the branch holds a release.
    """

    exists: bool = False
    head: str | None = None
    files: Mapping[str, RepoFile] = field(default_factory=dict)
    release: Path | None = None

    @cached_property
    def manifest(self) -> dict[str, Any] | None:
        """The manifest of the release."""
        return read_manifest(self.release) if self.release else None

    @cached_property
    def card(self) -> str:
        """The text of the card."""
        return _text(self.release / CARD) if self.release and CARD in self.files else ""

    @property
    def managed(self) -> set[str]:
        """The files that an earlier release put there, and that a new one may therefore replace or remove."""
        return {CARD, MANIFEST, *self.manifest["files"]} if self.manifest else {CARD}


class Change:
    """What a commit of a build would do to what the Hub holds.

    Attributes:
        added, changed, deleted: paths.
        parent: the commit that it is made on top of; None if the branch does not exist.
    """

    def __init__(self, build: Path, remote: RemoteState) -> None:
        self.build, self.remote, self.parent = build, remote, remote.head
        ours, theirs = build_files(build), remote.files
        self.added = tuple(sorted(ours.keys() - theirs.keys()))
        self.changed = tuple(sorted(p for p in ours.keys() & theirs.keys() if not same_content(ours[p], theirs[p])))
        self.deleted = tuple(sorted((remote.managed & theirs.keys()) - ours.keys()))

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.deleted)

    def changed_since(self, earlier: RemoteState) -> bool:
        """Return whether the Hub holds another release than earlier; files of others may have changed or not."""
        paths = build_files(self.build).keys() | earlier.managed | self.remote.managed
        return any(_blob(earlier, path) != _blob(self.remote, path) for path in paths)

    @cached_property
    def fields(self) -> list[str]:
        """What changes about the fields of rows, in the lines of `field_changes`."""
        if CARD not in self.changed:
            return []
        return list(field_changes(card_fields(self.remote.card), card_fields(_text(self.build / CARD))))

    def __str__(self) -> str:
        """Return a diff to read: files, rows of each split, fields, card."""
        parts = {"files": self._files(), "rows": self._rows(), "fields": self.fields, "card": self._card()}
        lines = {name: [f"  {line}" for line in part] for name, part in parts.items()}
        return "\n".join(line for name, part in lines.items() if part for line in (name, *part))

    def _files(self) -> Iterator[str]:
        ours, theirs = build_files(self.build), self.remote.files
        for path in self.added:
            yield f"+ {path}  {decimal(ours[path].stat().st_size)}"
        for path in self.changed:
            yield f"~ {path}  {decimal(theirs[path].size)} -> {decimal(ours[path].stat().st_size)}"
        for path in self.deleted:
            yield f"- {path}  {decimal(theirs[path].size)}"

    def _rows(self) -> Iterator[str]:
        before, after = (_rows_of_splits(manifest) for manifest in (self.remote.manifest, read_manifest(self.build)))
        for split in [*after, *(split for split in before if split not in after)]:
            old, new = before.get(split, (0, "")), after.get(split, (0, ""))
            if old != new:
                yield f"~ {split}  {old[0]:,} -> {new[0]:,}" + (", other rows" if old[0] == new[0] else "")

    def _card(self) -> Iterator[str]:
        """Yield the lines that differ, without the sizes in the metadata, which follow from the rows."""
        if CARD in self.changed and self.remote.card:
            before, after = (
                [line for line in card.splitlines() if not SIZES.fullmatch(line)]
                for card in (self.remote.card, _text(self.build / CARD))
            )
            for line in list(unified_diff(before, after, n=0, lineterm=""))[2:]:
                if not line.startswith("@@"):
                    yield visible(line)


def build_files(build: Path) -> dict[str, Path]:
    """Return what a release publishes: the card, the manifest and what that lists, and nothing else in the folder."""
    return {name: build / name for name in (CARD, MANIFEST, *read_manifest(build)["files"])}


def same_content(ours: Path, theirs: RepoFile) -> bool:
    """Return whether a file on the Hub has the content of one here, by the hash that the Hub keeps of it."""
    if theirs.lfs is not None:
        return theirs.lfs.sha256 == file_sha256(ours)
    return theirs.blob_id == git_hash(ours.read_bytes())


def _blob(remote: RemoteState, path: str) -> str | None:
    return remote.files[path].blob_id if path in remote.files else None


def _rows_of_splits(manifest: Mapping[str, Any] | None) -> dict[str, tuple[int, str]]:
    """Return the number and the hash of the rows of each `config/split`."""
    configs = manifest["configs"] if manifest else {}
    return {
        f"{config}/{split}": (info["rows"], info["rows_sha256"])
        for config, splits in configs.items()
        for split, info in splits.items()
    }


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
