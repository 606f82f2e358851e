"""Stored responses in and out of Parquet: what a build publishes, and how the stores of several machines become one.

A row: {"key": "9c1f...", "model": "{...}", "role": "edit", "seed_id": "5f0c...", "request": "{...}",
        "response": "{...}", "failure": ""}; model, request and response are JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from ecd_data.calls.store import Row, Store, Stored
from ecd_data.core.errors import StoreError
from ecd_data.core.request import Model, Response, identity, request_from, request_key
from ecd_data.core.row_groups import write_rows

SCHEMA = pa.schema([(n, pa.string()) for n in ("key", "model", "role", "seed_id", "request", "response", "failure")])
BATCH = 1000  # rows in memory at a time


@dataclass(frozen=True)
class Imported:
    """What an import found: responses that were new, that were there, and that were there with another text."""

    new: int = 0
    known: int = 0
    other: int = 0


def write_parquet(rows: Iterable[Stored], path: Path) -> int:
    """Writes rows of a store to one Parquet file, in their order; returns their number."""
    return write_rows((_cells(*row) for row in rows), "key", SCHEMA, path)


def _cells(key: str, model: Model, request: str, response: str, failure: str) -> dict[str, str]:
    call = msgspec.json.decode(request, type=_Call)
    return {
        "key": key,
        "model": identity(model),
        "role": call.role,
        "seed_id": call.seed_id,
        "request": request,
        "response": response,
        "failure": failure,
    }


class _Call(msgspec.Struct):
    """What is read of a request."""

    role: str
    seed_id: str


def read_parquet(path: Path) -> Iterator[Row]:
    """The rows of a Parquet file, each checked to be what its key says.

    Raises:
        StoreError: it is no Parquet file of responses, or a row was changed.
    """
    number = 0
    try:
        with pq.ParquetFile(path) as file:
            if missing := set(SCHEMA.names) - set(file.schema_arrow.names):
                raise StoreError(
                    f"{path}: no Parquet file of responses (it has no column {', '.join(sorted(missing))})."
                )
            for group in range(file.num_row_groups):  # over the whole file, memory would grow with it
                for cells in file.read_row_group(group, columns=SCHEMA.names).to_pylist():
                    yield _row(cells)
                    number += 1
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"{path}: no readable Parquet file of responses ({' '.join(str(error).split())}).") from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise StoreError(
            f"{path}: row {number} is not what was stored ({error}); nothing of it or after it is taken over. Get the "
            "file anew from where it was published."
        ) from None


def _read_store(path: Path) -> Iterator[Row]:
    """The rows of another store, each checked to be what its key says.

    Raises:
        StoreError: it is no store, is damaged, or a row was changed.
    """
    with Store(path, read_only=True) as store:
        for row in store.stored(store.keys()):
            try:
                yield _row(_cells(*row))
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                raise StoreError(
                    f"{path}: response {row[0]} is not what was stored ({error}); nothing is taken over."
                ) from None


def _row(cells: dict[str, str]) -> Row:
    model = Model(**json.loads(cells["model"]))
    request = json.loads(cells["request"])
    if request_key(model, request_from(request)) != cells["key"]:
        raise ValueError("its request or model does not have the key that it claims")
    if cells["failure"]:
        return cells["key"], model, request, None, cells["failure"]
    response = json.loads(cells["response"])
    Response(**response)  # no other fields, and
    msgspec.convert(response, Response)  # each of its type: the store could not be read with it
    return cells["key"], model, request, response, ""


def import_into(store: Store, source: Path) -> Imported:
    """Takes over the responses of a build, a folder of Parquet files, one such file, or another store.

    What the store holds stays as it is.

    Raises:
        StoreError: the source is none of these, or was changed.
    """
    folder = source / "responses" if (source / "responses").is_dir() else source
    files = sorted(folder.glob("*.parquet")) if folder.is_dir() else [source]
    if not files or not files[0].exists():
        raise StoreError(f"{source}: no build, folder of Parquet files, Parquet file or response store.")
    new = known = other = 0
    for file in files:
        is_store = file.suffix != ".parquet"
        # All of it is checked before any of it is taken over.
        for key, _, _, response, _ in _read_store(file) if is_store else read_parquet(file):
            if response is not None:
                held, brought = store.get(key), Response(**response)
                new += held is None
                known += held == brought
                other += held not in (None, brought)
        if is_store:
            store.absorb(file)
        else:
            _take_over(store, file)
    return Imported(new, known, other)


def _take_over(store: Store, file: Path) -> None:
    rows = read_parquet(file)
    while batch := list(islice(rows, BATCH)):
        for key, model, request, response, failure in batch:
            if response is None and store.failure(key) is None:
                store.put_failure(key, model, request_from(request), failure)
        answers = [
            (key, model, request_from(request), Response(**response))
            for key, model, request, response, _ in batch
            if response is not None
        ]
        store.put_many(answers)
