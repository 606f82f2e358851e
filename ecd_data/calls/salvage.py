"""What SQLite can still read of a response store whose file is damaged or cut off.

A query fails at the first damaged page it meets. So the rows are read by their numbers, and after a failure from the
next number on that can be read. A response proves itself: its key is the SHA-256 of its request and model.
"""

import sqlite3
import zlib
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from ecd_data.calls.database import read_uri
from ecd_data.calls.exchange import verified
from ecd_data.calls.store import StoredCall, unpack
from ecd_data.core.errors import StoreError
from ecd_data.core.request import Model

ROWS = "SELECT rowid, key, model, request, {} FROM {} WHERE rowid >= ? ORDER BY rowid"
LARGEST_NUMBER = 2**62  # of a row, less than what SQLite allows and more than any store has


def readable_calls(path: Path) -> Iterator[StoredCall]:
    """Yield the calls that can be read of the store at `path`, which stays as it is.

    Raises:
        StoreError: the models that answered cannot be read.
    """
    with closing(sqlite3.connect(read_uri(path), uri=True)) as database:
        try:
            database.execute("PRAGMA writable_schema = ON")  # else SQLite reads nothing of a file that is cut off
            rows = database.execute("SELECT rowid, id, revision FROM models").fetchall()
        except sqlite3.DatabaseError as error:
            raise StoreError(
                f"{path}: SQLite can read nothing of it ({error}). `sqlite3 {path} .recover` may still find rows; or "
                "restore a copy."
            ) from None
        models = {number: Model(id_, revision) for number, id_, revision in rows}
        for table, outcome in (("responses", "response"), ("failures", "reason")):
            yield from _readable(database, ROWS.format(outcome, table), models)


def _readable(database: sqlite3.Connection, query: str, models: Mapping[int, Model]) -> Iterator[StoredCall]:
    """Yield the calls in the rows of a query, past those that cannot be read."""
    first = 0
    while first < LARGEST_NUMBER:
        try:
            for number, *columns in database.execute(query, [first]):
                if call := _call(columns, models):
                    first = max(first, number) + 1
                    yield call
            return
        except sqlite3.DatabaseError:
            first += _damaged_numbers(database, query, first)


def _damaged_numbers(database: sqlite3.Connection, query: str, first: int) -> int:
    """Return how many numbers from the first on to pass over, as far as rows that cannot be read follow each other."""

    def is_readable(skipped: int) -> bool:
        try:
            database.execute(query, [first + skipped]).fetchone()
        except sqlite3.DatabaseError:
            return False
        return True

    most = 1
    while most < LARGEST_NUMBER and not is_readable(most):
        most *= 2
    return bisect_left(range(most), True, lo=most // 2 + 1, key=is_readable)


def _call(columns: Sequence[Any], models: Mapping[int, Model]) -> StoredCall | None:
    """Return the call in a row of responses or failures, if it is what its key says."""
    key, number, request, outcome = columns
    try:
        response, failure = ("", outcome) if isinstance(outcome, str) else (unpack(outcome), "")
        return verified(StoredCall(key.hex(), models[number], unpack(request), response, failure))
    except (ValueError, TypeError, KeyError, AttributeError, zlib.error):
        return None
