"""The rows of a seed source: JSONL, JSON, CSV or Parquet (a path or any fsspec URL), a Hub dataset, or `bundled`.

{"instruction": "Explain why the sky looks blue.", "response": "Sunlight is scattered by the air ..."}
"""

import csv
import io
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from pathlib import PurePosixPath
from typing import Any, cast

from ecd_data.core.errors import SeedError
from ecd_data.core.hub import load_dataset

BUNDLED = "bundled"
SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".parquet")
HUB_DATASET = re.compile(  # id, revision, config, split
    r"([\w.-]+/[\w.-]+)(?:@([^:\s]+))?(?::([\w.-]+))?(?::([\w.-]+))?"
)
MAX_CSV_FIELD = 2**31 - 1  # characters; the length of a text is checked later, with a clearer message

Rows = Iterator[tuple[str, Mapping[str, Any]]]  # where each row stands, for messages, and its values by column


def read_rows(source: str) -> Rows:
    """Yield the rows of a source, each after the place where it stands.

    Args:
        source: path, fsspec URL, Hub dataset (`ORG/NAME[@REVISION][:CONFIG[:SPLIT]]`) or `bundled`.

    Raises:
        SeedError: the source cannot be read.
    """
    if source == BUNDLED:
        text = (resources.files("ecd_data.corpus") / "bundled.jsonl").read_text(encoding="utf-8")
        yield from _read_jsonl(BUNDLED, io.StringIO(text))
    elif _is_hub_dataset(source):
        yield from _read_hub(source)
    else:
        yield from _read_file(source)


def published_name(source: str) -> str:
    """Return a source as it may be published: a Hub dataset as it is, a file by its name without its folder."""
    name = source if _is_hub_dataset(source) else PurePosixPath(without_secrets(source)).name
    return name.encode(errors="replace").decode()


def without_secrets(source: str) -> str:
    """Return a source as it may be shown: a URL without user, password and query, which may hold a token."""
    return re.sub(r"(?<=://)[^/@\s]*@|(?<=://)([^?#\s]*)[?#]\S*", r"\1", source)


def _is_hub_dataset(source: str) -> bool:
    is_file = source.lower().removesuffix(".gz").endswith(SUFFIXES) or os.path.exists(source)
    return HUB_DATASET.fullmatch(source) is not None and not is_file


def _read_hub(source: str) -> Rows:
    name, revision, config, split = cast(re.Match[str], HUB_DATASET.fullmatch(source)).groups()
    try:
        splits = load_dataset(name, config, revision)
    except Exception as error:  # whatever the Hub client, the file readers or the network raise
        raise SeedError(
            f"{source}: is neither a local file nor a dataset that could be loaded from the Hub "
            f"({type(error).__name__}: {' '.join(str(error).split())[:300]}). A config and a split are named as in "
            f"{name}:CONFIG:SPLIT."
        ) from None
    split = split or ("train" if "train" in splits else next(iter(splits)))
    if split not in splits:
        raise SeedError(f"{source}: there is no split {split!r}; the splits are: {', '.join(splits)}.")
    for number, row in enumerate(splits[split], 1):
        yield f"{source}, {split} row {number}", row


def _read_file(source: str) -> Rows:
    import fsspec

    shown = without_secrets(source)
    suffix = PurePosixPath(shown.lower().removesuffix(".gz")).suffix
    if suffix not in SUFFIXES:
        raise SeedError(
            f"{shown}: seeds come from a {', '.join(SUFFIXES)} file, a Hub dataset id (org/name) or `{BUNDLED}`."
        )
    try:
        if suffix == ".parquet":
            with fsspec.open(source, "rb") as file:
                yield from _read_parquet(shown, file)
        else:
            # The csv module needs newlines unchanged; the other readers accept them.
            with fsspec.open(source, "r", encoding="utf-8-sig", newline="", compression="infer") as file:
                yield from _READERS[suffix](shown, file)
    except UnicodeDecodeError as error:
        raise SeedError(
            f"{shown}: not UTF-8 (byte {error.object[error.start]:#04x} at offset {error.start} of the part being "
            "read). Convert it first, for instance with `iconv -f latin1 -t utf-8`."
        ) from None
    except SeedError:
        raise
    except Exception as error:  # whatever fsspec's file systems, decompressors and pyarrow raise
        message = " ".join(str(error).replace(source, shown).split())[:300] or type(error).__name__
        raise SeedError(f"{shown}: cannot be read: {message}") from None


def _read_jsonl(name: str, file: Iterable[str]) -> Rows:
    for number, line in enumerate(file, 1):
        if line.strip():
            place = f"{name}, line {number}"
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise SeedError(f"{place}: not valid JSON ({error}). Each line must hold one JSON object.") from None
            yield place, _checked_object(place, row)


def _read_json(name: str, file: Any) -> Rows:
    try:
        rows = json.load(file)
    except (json.JSONDecodeError, RecursionError) as error:
        raise SeedError(f"{name}: not valid JSON ({error}). For one object per line, name the file .jsonl.") from None
    if not isinstance(rows, list):
        raise SeedError(
            f"{name}: a JSON corpus must be a list of objects. For one object per line, name the file .jsonl."
        )
    for number, row in enumerate(rows, 1):
        yield f"{name}, item {number}", _checked_object(f"{name}, item {number}", row)


def _read_csv(name: str, file: Iterable[str]) -> Rows:
    csv.field_size_limit(MAX_CSV_FIELD)
    reader = csv.DictReader(file, strict=True)
    try:
        columns = reader.fieldnames or ()
        if len(set(columns)) < len(columns):
            raise SeedError(f"{name}: two columns have the same name. Rename one.")
        for row in reader:
            if None in row:
                raise SeedError(
                    f"{name}, line {reader.line_num}: more fields than columns. Put text that contains commas in "
                    'quotation marks ("...").'
                )
            yield f"{name}, line {reader.line_num}", row
    except csv.Error as error:
        raise SeedError(f"{name}, line {reader.line_num}: not valid CSV ({error}).") from None


def _read_parquet(name: str, file: Any) -> Rows:
    import pyarrow.parquet as pq

    rows = (row for batch in pq.ParquetFile(file).iter_batches() for row in batch.to_pylist())
    for number, row in enumerate(rows, 1):
        yield f"{name}, row {number}", row


_READERS: dict[str, Any] = {".jsonl": _read_jsonl, ".ndjson": _read_jsonl, ".json": _read_json, ".csv": _read_csv}


def _checked_object(place: str, row: Any) -> Mapping[str, Any]:
    """Return a row, or raise a SeedError unless it is a JSON object."""
    if not isinstance(row, dict):
        raise SeedError(f'{place}: expected a JSON object such as {{"instruction": "..."}}.')
    return row
