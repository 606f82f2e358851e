"""Stored responses as Parquet, which a build publishes, and the import of them from builds and other stores.

A row: {"key": "9c1f...", "model": "{...}", "role": "edit", "seed_id": "5f0c...", "request": "{...}",
        "response": "{...}", "failure": ""}; model, request and response are JSON.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from ecd_data.calls.store import Store, StoredCall
from ecd_data.core.errors import StoreError
from ecd_data.core.request import Model, Response, model_json, request_key
from ecd_data.core.row_groups import write_rows

SCHEMA = pa.schema([(n, pa.string()) for n in ("key", "model", "role", "seed_id", "request", "response", "failure")])
BATCH = 1000  # rows in memory at a time


@dataclass(frozen=True)
class ImportCounts:
    """How many responses an import brought.

    new: that the store did not have.
    duplicates: that it had already.
    conflicts: for whose requests it has another response, which it keeps.
    """

    new: int = 0
    duplicates: int = 0
    conflicts: int = 0


def write_parquet(calls: Iterable[StoredCall], path: Path) -> int:
    """Write calls to one Parquet file, in their order, and return their number."""
    return write_rows(map(_to_row, calls), "key", SCHEMA, path)


def _to_row(call: StoredCall) -> dict[str, str]:
    request = msgspec.json.decode(call.request)
    return {**call._asdict(), "model": model_json(call.model), "role": request["role"], "seed_id": request["seed_id"]}


def read_parquet(path: Path) -> Iterator[StoredCall]:
    """Yield the calls in a Parquet file, each verified against its key.

    Raises:
        StoreError: the file is not a Parquet file of responses, or a row was changed.
    """
    number = 0
    try:
        with pq.ParquetFile(path) as file:
            if missing := set(SCHEMA.names) - set(file.schema_arrow.names):
                raise StoreError(
                    f"{path} is not a Parquet file of responses: it has no column {', '.join(sorted(missing))}."
                )
            for group in range(file.num_row_groups):  # reading over the whole file, memory would grow with it
                for row in file.read_row_group(group, columns=SCHEMA.names).to_pylist():
                    model = Model(**json.loads(row["model"]))
                    yield verified(StoredCall(row["key"], model, row["request"], row["response"], row["failure"]))
                    number += 1
    except (OSError, pa.ArrowException) as error:
        raise StoreError(
            f"{path} cannot be read as a Parquet file of responses ({' '.join(str(error).split())})."
        ) from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise StoreError(
            f"{path}: row {number} is not what was stored ({error}); neither it nor any row after it is imported. "
            "Download the file again from where it was published."
        ) from None


def _read_store(path: Path) -> Iterator[StoredCall]:
    """Yield the calls in another store, each verified against its key.

    Raises:
        StoreError: the file is not a response store, is damaged, or a row was changed.
    """
    with Store(path, read_only=True) as store:
        for call in store.calls(store.keys()):
            try:
                yield verified(call)
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                raise StoreError(
                    f"{path}: response {call.key} is not what was stored ({error}); nothing is imported."
                ) from None


def verified(call: StoredCall) -> StoredCall:
    """Return the call, or raise a ValueError, TypeError, KeyError or AttributeError if it is not what was stored."""
    if request_key(call.model, call.decode_request()) != call.key:
        raise ValueError("its request or model does not have the key that it claims")
    if not call.failure:
        Response(**json.loads(call.response))  # raises if there are other fields,
        call.decode_response()  # and this if one is of another type: the store could not be read with it
    return call


def import_into(store: Store, source: Path) -> ImportCounts:
    """Import the responses of a build, a folder of Parquet files, one such file, or another store.

    What the store holds already stays as it is.

    Raises:
        StoreError: the source is none of these, or was changed.
    """
    folder = source / "responses" if (source / "responses").is_dir() else source
    files = sorted(folder.glob("*.parquet")) if folder.is_dir() else [source]
    if not files or not files[0].exists():
        raise StoreError(f"{source} is not a build, a folder of Parquet files, a Parquet file or a response store.")
    new = duplicates = conflicts = 0
    for file in files:
        read = read_parquet if file.suffix == ".parquet" else _read_store
        for call in read(file):  # the whole file is verified before anything of it is imported
            if response := call.decode_response():
                stored = store.get(call.key)
                new += stored is None
                duplicates += stored == response
                conflicts += stored not in (None, response)
        _put_calls(read(file), store)
    return ImportCounts(new, duplicates, conflicts)


def _put_calls(calls: Iterator[StoredCall], store: Store) -> None:
    while batch := list(islice(calls, BATCH)):
        for call in batch:
            if call.failure and store.failure(call.key) is None:
                store.put_failure(call.key, call.model, call.decode_request(), call.failure)
        answered = ((call, call.decode_response()) for call in batch)
        store.put_many(
            [(call.key, call.model, call.decode_request(), response) for call, response in answered if response]
        )
