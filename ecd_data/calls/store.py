"""The response store: every answer of the endpoint, in one SQLite file, stored before anything uses it.

    with Store("responses.sqlite") as store:
        response = store.get(key) or store.put(key, model, request, await endpoint.complete(request))

Requests and responses are zlib-compressed JSON; the key is `values.request_key`.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from ecd_data.calls.database import Database
from ecd_data.core.errors import StoreError
from ecd_data.core.hashing import canonical_bytes
from ecd_data.core.request import Model, Request, Response

Row = tuple[str, Model, dict[str, Any], "dict[str, Any] | None", str]  # key, model, request, response, failure
Stored = tuple[str, Model, str, str, str]  # the same as it is stored: request and response as JSON text

_RESPONSE = msgspec.json.Decoder(Response)
COLUMNS = {"responses": "t.request, t.response", "failures": "t.request, t.reason"}


class Store:
    """Responses by request key (hex SHA-256), in one SQLite file; several processes may write to it at once.

    With `read_only` nothing is created or changed, and the file must exist. What the file does not hold is looked up
    in `base`, another store that is only read. The whole file is read once, to see whether it is damaged.

    Raises:
        StoreError: the file cannot be opened, is no response store, is damaged, locked, or the disk is full.
    """

    def __init__(self, path: str | Path, *, read_only: bool = False, base: Store | None = None) -> None:
        self.path = Path(path)
        self.read_only = read_only
        self.base = base
        if read_only and not self.path.exists():
            raise StoreError(
                f"There is no response store at {self.path}: check --responses; a run without --replay makes one."
            )
        self._file = Database(self.path, read_only)

    def get(self, key: str) -> Response | None:
        """The response stored under `key`, or None."""
        with self._file.explained():
            found = self._file.reads.execute("SELECT response FROM responses WHERE key = ?", [bytes.fromhex(key)])
            if row := found.fetchone():
                return _RESPONSE.decode(zlib.decompress(row[0]))
        return self.base.get(key) if self.base else None

    def put(self, key: str, model: Model, request: Request, response: Response) -> Response:
        """Store `response` for good, unless `key` has one already; returns the one that is stored (the first wins)."""
        return self.put_many([(key, model, request, response)])[0]

    def put_many(self, answers: Sequence[tuple[str, Model, Request, Response]]) -> list[Response]:
        """`put` for many (key, model, request, response) in one transaction; safe to call from another thread."""
        packed = [
            (bytes.fromhex(key), model, _pack(request.canonical()), _pack(response.canonical()))
            for key, model, request, response in answers
        ]
        known = set()
        insert = "INSERT OR IGNORE INTO responses VALUES (?, ?, ?, ?)"
        with self._file.explained(), self._file.transaction():
            numbers = {model: self._number(model) for _, model, _, _ in packed}
            for key, model, *texts in packed:
                if not self._file.writes.execute(insert, [key, numbers[model], *texts]).rowcount:
                    known.add(key.hex())
            self._file.writes.executemany("DELETE FROM failures WHERE key = ?", ([key] for key, *_ in packed))
        return [(key in known and self.get(key)) or response for key, _, _, response in answers]

    def put_failure(self, key: str, model: Model, request: Request, reason: str) -> None:
        """Remember why the call `key` failed for good, the last time; nothing if it was answered, then or later."""
        with self._file.explained(), self._file.transaction():
            if self._row(key) is None:
                failed = [bytes.fromhex(key), self._number(model), _pack(request.canonical()), reason]
                self._file.writes.execute("INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?)", failed)

    def failure(self, key: str) -> str | None:
        """The reason code for which the call `key` failed, or None."""
        if failed := self._failed(key):
            return failed[2]
        return self.base.failure(key) if self.base else None

    def absorb(self, path: Path, *, later: bool = False) -> int:
        """Takes over what the store at `path` holds and this one does not; returns the number of responses.

        Of a call that failed in both, this one's reason stays, unless the other is of a `later` run.
        """
        inserts = {"responses": "INSERT OR IGNORE", "failures": "INSERT OR REPLACE" if later else "INSERT OR IGNORE"}
        with Store(path, read_only=True) as other:
            uri = other._file.uri  # it is a response store
        with self._file.explained():
            self._file.writes.execute("ATTACH ? AS other", [uri])
            try:
                before = self.count()
                with self._file.transaction():
                    self._file.writes.execute("INSERT OR IGNORE INTO models SELECT id, revision FROM other.models")
                    there = "SELECT name FROM other.sqlite_master WHERE name IN ('responses', 'failures')"
                    for (table,) in self._file.writes.execute(there).fetchall():  # version 1 had no failures
                        self._file.writes.execute(
                            f"{inserts[table]} INTO {table} SELECT t.key, here.rowid, {COLUMNS[table]} "
                            f"FROM other.{table} t JOIN other.models there ON t.model = there.rowid "
                            "JOIN models here ON here.id = there.id AND here.revision = there.revision"
                        )
                    self._file.writes.execute("DELETE FROM failures WHERE key IN (SELECT key FROM responses)")
                return self.count() - before
            finally:
                self._file.writes.execute("DETACH other")

    def models(self) -> list[Model]:
        """The models that answered, ordered by id and revision."""
        with self._file.explained():
            return [
                Model(*row)
                for row in self._file.writes.execute("SELECT id, revision FROM models ORDER BY id, revision")
            ]

    def count(self) -> int:
        """Number of responses in the store."""
        with self._file.explained():
            return int(self._file.writes.execute("SELECT count(*) FROM responses").fetchone()[0])

    def rows(self, keys: Iterable[str]) -> Iterator[Row]:
        """(key, model, request, response, failure) of each of `keys`, in their order.

        Request and response are JSON data; of a call that failed for good, the response is None and `failure` its
        reason code.

        Raises:
            StoreError: a key is not in the store.
        """
        for key, model, request, response, failure in self.stored(keys):
            yield key, model, json.loads(request), json.loads(response) if response else None, failure

    def stored(self, keys: Iterable[str]) -> Iterator[Stored]:
        """The same as it is stored: request and response as canonical JSON, an empty text for no response.

        Raises:
            StoreError: a key is not in the store.
        """
        for key in keys:
            if row := self._row(key):
                yield key, *row, ""
            elif failed := self._failed(key):
                yield key, failed[0], failed[1], "", failed[2]
            else:
                raise StoreError(
                    f"{self.path} holds no response {key}, or no more: run the same `generate` with this store, which "
                    "asks for what is missing."
                )

    def keys(self) -> Iterator[str]:
        """All keys, those of failures too, in their order."""
        with self._file.explained():
            for (key,) in self._file.writes.execute(
                "SELECT key FROM responses UNION SELECT key FROM failures ORDER BY key"
            ):
                yield key.hex()

    def remove(self, keys: Iterable[str]) -> int:
        """Removes responses and failures for good, and gives their room back to the disk; returns their number."""
        removed = 0
        with self._file.explained():
            with self._file.transaction():
                for key in keys:
                    for table in ("responses", "failures"):
                        statement = f"DELETE FROM {table} WHERE key = ?"
                        removed += self._file.writes.execute(statement, [bytes.fromhex(key)]).rowcount
                used = "SELECT model FROM responses UNION SELECT model FROM failures"
                self._file.writes.execute(f"DELETE FROM models WHERE rowid NOT IN ({used})")
            self._file.writes.execute("VACUUM")
            # As far as no reader is in the way: who waits for readers here keeps all others from writing.
            self._file.writes.execute("PRAGMA wal_checkpoint(PASSIVE)")
        return removed

    def close(self) -> None:
        """Close the file; everything put is in it already."""
        self._file.close()

    def __reduce__(self) -> tuple[Any, ...]:
        # Another process opens the file for itself.
        return partial(Store, read_only=self.read_only, base=self.base), (self.path,)

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()

    def _number(self, model: Model) -> int:
        """What stands for the model in the other tables."""
        names = [model.id, model.revision]
        self._file.writes.execute("INSERT OR IGNORE INTO models VALUES (?, ?)", names)
        found = self._file.writes.execute("SELECT rowid FROM models WHERE id = ? AND revision = ?", names)
        return int(found.fetchone()[0])

    def _row(self, key: str) -> tuple[Model, str, str] | None:
        with self._file.explained():
            row = self._file.reads.execute(
                "SELECT id, revision, request, response FROM responses r JOIN models m ON r.model = m.rowid "
                "WHERE key = ?",
                [bytes.fromhex(key)],
            ).fetchone()
            return None if row is None else (Model(row[0], row[1]), unpack(row[2]), unpack(row[3]))

    def _failed(self, key: str) -> tuple[Model, str, str] | None:
        with self._file.explained():
            row = self._file.reads.execute(
                "SELECT id, revision, request, reason FROM failures f JOIN models m ON f.model = m.rowid "
                "WHERE key = ?",
                [bytes.fromhex(key)],
            ).fetchone()
            return None if row is None else (Model(row[0], row[1]), unpack(row[2]), row[3])


def _pack(value: dict[str, Any]) -> bytes:
    # A window of 8 KiB: for texts as short as these, clearing zlib's usual memory takes longer than compressing.
    packer = zlib.compressobj(wbits=13, memLevel=6)
    return packer.compress(canonical_bytes(value)) + packer.flush()


def unpack(blob: bytes) -> str:
    """The JSON text that a column of the store holds."""
    return zlib.decompress(blob).decode()
