"""What can still be read of a response store whose file is damaged or cut off."""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from ecd_data.calls.store import Stored, unpack
from ecd_data.errors import StoreError
from ecd_data.values import Model

GAP = 100_000  # row numbers in a row without a readable row, after which there is no more


def readable(path: Path) -> Iterator[Stored]:
    """The responses that can be read of the store at `path`, in the order they were stored; it stays as it is.

    Rows are looked up by their numbers, one after the other, so that a page that is lost costs only the rows on it.

    Raises:
        StoreError: not even its first page can be read.
    """
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".salvage-") as folder:
        copy = Path(folder, path.name)
        for side in ("", "-wal"):
            if (source := path.with_name(path.name + side)).exists():
                shutil.copyfile(source, copy.with_name(copy.name + side))
        _fill_up(copy)
        database = sqlite3.connect(copy)
        try:
            models = dict(_lookup(database, "SELECT rowid, id || char(0) || revision FROM models"))
            if not models:
                raise StoreError(f"{path}: nothing can be read of it; restore a copy.")
            number = misses = 0
            while misses < GAP:
                number += 1
                misses += 1
                statement = f"SELECT key, model, request, response FROM responses WHERE rowid = {number}"
                for key, model, request, response in _lookup(database, statement):
                    try:
                        row = key.hex(), Model(*models[model].split("\0")), unpack(request), unpack(response), ""
                        _ = [json.loads(text) for text in row[2:4]]
                    except (zlib.error, ValueError, KeyError, TypeError, AttributeError):  # a page of something else
                        continue
                    misses = 0
                    yield row
        finally:
            database.close()


def _fill_up(file: Path) -> None:
    """Makes a file that was cut off as long as its header says: SQLite reads none of it otherwise."""
    with open(file, "r+b") as content:
        header = content.read(100)
        size = int.from_bytes(header[16:18], "big")
        content.truncate(
            max(file.stat().st_size, (65536 if size == 1 else size) * int.from_bytes(header[28:32], "big"))
        )


def _lookup(database: sqlite3.Connection, statement: str) -> list[tuple]:
    try:
        return database.execute(statement).fetchall()
    except sqlite3.Error:
        return []
