"""Seed corpora in: JSONL, JSON, CSV or Parquet (a path or any fsspec URL), a Hub dataset, or `bundled`.

{"instruction": "Explain why the sky looks blue.", "response": "Sunlight is scattered by the air ..."}
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import PurePosixPath
from typing import Any, cast

from ecd_data.core.errors import SeedError
from ecd_data.core.hashing import canonical_json, sha256
from ecd_data.core.hub import load_dataset
from ecd_data.core.values import Seed
from ecd_data.corpus.groups import group_near_duplicates

BUNDLED = "bundled"
MAX_FIELD = 2**31 - 1  # of CSV; the text in it is measured later, with a clearer message
INSTRUCTION_COLUMNS = ("instruction", "prompt", "messages")
HUB = re.compile(r"([\w.-]+/[\w.-]+)(?:@([^:\s]+))?(?::([\w.-]+))?(?::([\w.-]+))?")  # id, revision, config, split
SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".parquet")


@dataclass(frozen=True)
class Columns:
    """Which columns hold what; a dotted name reaches into nested values (`instances.0.input`).

    instruction: text, or a chat whose first user message is the instruction. `None` takes the first there is of
        `instruction`, `prompt` and `messages`.
    input: text that belongs to the instruction and follows it (Alpaca's `input`).
    response: text, or a chat whose first assistant message is the answer. `None`: the model writes the first answer.
    """

    instruction: str | None = None
    input: str | None = None
    response: str | None = None


@dataclass(frozen=True)
class Corpus:
    """The seeds in corpus order, without exact duplicates, and where they came from."""

    seeds: tuple[Seed, ...]
    sources: tuple[str, ...]
    duplicates: int

    @property
    def sha256(self) -> str:
        """Hash of what was read: instructions and responses, in order."""
        return sha256(canonical_json([[seed.instruction, seed.response] for seed in self.seeds]))


def read_corpus(sources: Sequence[str], columns: Columns | None = None, limit: int | None = None) -> Corpus:
    """Reads and checks every source; near-duplicates share a group.

    Args:
        sources: paths, fsspec URLs, Hub datasets (`ORG/NAME`, or as much as is needed of
            `ORG/NAME@REVISION:CONFIG:SPLIT`) or `bundled`.
        columns: where instruction, input and response are.
        limit: keep the first `limit` seeds.

    Raises:
        SeedError: a source that cannot be read, an unknown column, an unusable value, or no seed at all.
    """
    seeds: dict[str, Seed] = {}
    duplicates = 0
    for source in sources:
        for where, row in _rows(source, label(source)):
            seed = _seed(where, row, columns or Columns())
            duplicates += seed.seed_id in seeds
            seeds.setdefault(seed.seed_id, seed)
            if len(seeds) == limit:
                break
        if len(seeds) == limit:
            break
    if not any(seed.instruction for seed in seeds.values()):
        raise SeedError(
            f"{', '.join(map(label, sources))}: there is no seed in it. Give a corpus with at least one instruction."
        )
    groups = group_near_duplicates({seed.seed_id: seed.instruction for seed in seeds.values()})
    grouped = tuple(replace(seed, group=groups[seed.seed_id]) for seed in seeds.values())
    return Corpus(grouped, tuple(_name(source) for source in sources), duplicates)


def _name(source: str) -> str:
    """The source as it may be published: a Hub id as it is, a file by its name alone."""
    name = source if _is_hub_id(source) else PurePosixPath(label(source)).name
    return name.encode(errors="replace").decode()


def label(source: str) -> str:
    """The source as it may be shown: a URL without user, password and query, which may hold a token."""
    return re.sub(r"(?<=://)[^/@\s]*@|(?<=://)([^?#\s]*)[?#]\S*", r"\1", source)


def _is_hub_id(source: str) -> bool:
    is_file = source.lower().removesuffix(".gz").endswith(SUFFIXES) or os.path.exists(source)
    return HUB.fullmatch(source) is not None and not is_file


def _rows(source: str, label: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(where it stands, row) for every row of a source."""
    if source == BUNDLED:
        text = (resources.files("ecd_data.corpus") / "bundled.jsonl").read_text(encoding="utf-8")
        yield from _jsonl("bundled", io.StringIO(text))
    elif _is_hub_id(source):
        yield from _hub(source)
    else:
        yield from _file(source, label)


def _file(source: str, label: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    import fsspec

    suffix = PurePosixPath(label.lower().removesuffix(".gz")).suffix
    if suffix not in SUFFIXES:
        raise SeedError(
            f"{label}: seeds come from a {', '.join(SUFFIXES)} file, a Hub dataset id (org/name) or `{BUNDLED}`."
        )
    try:
        if suffix == ".parquet":
            with fsspec.open(source, "rb") as file:
                yield from _parquet(label, file)
        else:
            # The csv module wants newlines as they are; the others do not mind.
            with fsspec.open(source, "r", encoding="utf-8-sig", newline="", compression="infer") as file:
                yield from _READERS[suffix](label, file)
    except UnicodeDecodeError as error:
        raise SeedError(
            f"{label}: not UTF-8 (byte {error.object[error.start]:#04x} at offset {error.start} of what was being "
            "read). Convert it first, for instance with `iconv -f latin1 -t utf-8`."
        ) from None
    except SeedError:
        raise
    except Exception as error:  # whatever fsspec's file systems, decompressors and pyarrow raise
        said = " ".join(str(error).replace(source, label).split())[:300] or type(error).__name__
        raise SeedError(f"{label}: cannot be read: {said}") from None


def _jsonl(source: str, file: Iterable[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, line in enumerate(file, 1):
        if line.strip():
            where = f"{source}, line {number}"
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise SeedError(f"{where}: not valid JSON ({error}). Each line must hold one JSON object.") from None
            yield where, _object(where, row)


def _json(source: str, file: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        rows = json.load(file)
    except (json.JSONDecodeError, RecursionError) as error:
        raise SeedError(f"{source}: not valid JSON ({error}). For one object a line, name the file .jsonl.") from None
    if not isinstance(rows, list):
        raise SeedError(f"{source}: a JSON corpus is a list of objects; for one object a line, name the file .jsonl.")
    for number, row in enumerate(rows, 1):
        yield f"{source}, item {number}", _object(f"{source}, item {number}", row)


def _csv(source: str, file: Iterable[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    csv.field_size_limit(MAX_FIELD)
    reader = csv.DictReader(file, strict=True)
    try:
        names = reader.fieldnames or ()
        if len(set(names)) < len(names):
            raise SeedError(f"{source}: two columns have the same name. Rename one.")
        for row in reader:
            if None in row:
                raise SeedError(
                    f"{source}, line {reader.line_num}: more fields than columns. Put text that holds commas into "
                    'quotation marks ("...").'
                )
            yield f"{source}, line {reader.line_num}", row
    except csv.Error as error:
        raise SeedError(f"{source}, line {reader.line_num}: not valid CSV ({error}).") from None


def _parquet(source: str, file: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    import pyarrow.parquet as pq

    number = 0
    for batch in pq.ParquetFile(file).iter_batches():
        for row in batch.to_pylist():
            number += 1
            yield f"{source}, row {number}", row


_READERS: dict[str, Any] = {".jsonl": _jsonl, ".ndjson": _jsonl, ".json": _json, ".csv": _csv}


def _hub(source: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    name, revision, config, wanted = cast(re.Match[str], HUB.fullmatch(source)).groups()
    try:
        splits = load_dataset(name, config, revision)
    except Exception as error:  # whatever the Hub client, the file readers or the network raise
        raise SeedError(
            f"{source}: neither a file here nor a dataset that the Hub could load "
            f"({type(error).__name__}: {' '.join(str(error).split())[:300]}). A config and a split are named as in "
            f"{name}:CONFIG:SPLIT."
        ) from None
    split = wanted or ("train" if "train" in splits else next(iter(splits)))
    if split not in splits:
        raise SeedError(f"{source}: there is no split {split!r}; there are: {', '.join(splits)}.")
    for number, row in enumerate(splits[split], 1):
        yield f"{source}, {split} row {number}", row


def _object(where: str, row: Any) -> Mapping[str, Any]:
    if not isinstance(row, dict):
        raise SeedError(f'{where}: expected a JSON object such as {{"instruction": "..."}}.')
    return row


def _seed(where: str, row: Mapping[str, Any], columns: Columns) -> Seed:
    name = columns.instruction or next((c for c in INSTRUCTION_COLUMNS if c in row), INSTRUCTION_COLUMNS[0])
    instruction = _text(where, row, name, "instruction", "user")
    if instruction and columns.input and (extra := _text(where, row, columns.input, "input", "user")):
        instruction = f"{instruction}\n\n{extra}"
    response = _text(where, row, columns.response, "response", "assistant") if columns.response else ""
    return Seed(sha256(canonical_json([instruction, response]))[:16], instruction, response or None)


def _text(where: str, row: Mapping[str, Any], column: str, what: str, role: str) -> str:
    """The text in a column, stripped; of a chat the first message by `role`."""
    value: Any = row
    for part in [column] if column in row else column.split("."):
        if isinstance(value, Mapping) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            there = ", ".join(list(map(str, row))[:20]) or "none"
            raise SeedError(
                f"{where}: no column {column!r}; there are: {there}. Name the right one with --{what}-column."
            )
    if isinstance(value, list) and all(isinstance(m, Mapping) and "role" in m and "content" in m for m in value):
        value = next((m["content"] for m in value if m["role"] == role), "")
    if value is None:
        value = ""
    if not isinstance(value, str):
        raise SeedError(
            f"{where}: the column {column!r} holds a {type(value).__name__}; it must hold text or a chat "
            '([{"role": "user", "content": "..."}]).'
        )
    if any(0xD800 <= ord(char) <= 0xDFFF for char in value):
        raise SeedError(f"{where}: the column {column!r} holds half a surrogate pair, which is no text. Remove it.")
    return value.strip()
