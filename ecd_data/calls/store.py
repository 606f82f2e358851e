"""The response store: every response of a model, in one SQLite file, stored before anything uses it.

    with Store("responses.sqlite") as store:
        response = store.get(key) or store.put(key, model, request, await endpoint.complete(request))

A call is stored under its `core.request.request_key`, request and response as zlib-compressed JSON.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from ecd_data.calls.database import Database, read_uri
from ecd_data.core.errors import StoreError
from ecd_data.core.hashing import canonical_bytes
from ecd_data.core.request import Model, Request, Response

Answer = tuple[str, Model, Request, Response]  # the key of a call, the model, what it was asked and what it answered

_RESPONSE = msgspec.json.Decoder(Response)
_CALL_BY_KEY = (
    "SELECT id, revision, request, response, '' FROM responses c JOIN models m ON c.model = m.rowid WHERE key = :key "
    "UNION ALL "
    "SELECT id, revision, request, NULL, reason FROM failures c JOIN models m ON c.model = m.rowid WHERE key = :key"
)


class StoredCall(NamedTuple):
    """A call in the response store: a request with its response, or with the reason why it failed for good.

    key: hex SHA-256 of model and request (`request_key`).
    model: the model that was asked.
    request: canonical JSON.
    response: canonical JSON; empty if the call failed.
    failure: the reason code; empty if the call was answered.
    """

    key: str
    model: Model
    request: str
    response: str
    failure: str

    def decode_request(self) -> Request:
        """Return the request.

        Raises:
            ValueError, TypeError, KeyError: the text is not the JSON of a request.
        """
        return Request.from_canonical(json.loads(self.request))

    def decode_response(self) -> Response | None:
        """Return the response, or `None` if the call failed.

        Raises:
            ValueError: the text is not the JSON of a response.
        """
        return None if self.failure else _RESPONSE.decode(self.response)


class Store:
    """Responses by the key of their request, in one SQLite file that several processes may write to at once.

    The whole file is read once when it is opened, to detect damage.

    Args:
        path: the file.
        read_only: create and change nothing; the file must exist.
        base: another store, only read, in which `get` and `failure` look up what this one does not hold.

    Raises:
        StoreError: the file cannot be opened, is not a response store, is damaged or locked, or the disk is full.
            Every method raises it too.
    """

    def __init__(self, path: str | Path, *, read_only: bool = False, base: Store | None = None) -> None:
        self.path = Path(path)
        self.read_only = read_only
        self.base = base
        if read_only and not self.path.exists():
            raise StoreError(
                f"There is no response store at {self.path}: check --responses; a run without --replay creates one."
            )
        self._database = Database(self.path, read_only)

    def get(self, key: str) -> Response | None:
        """Return the response stored under a key, or `None`."""
        with self._database.explain_errors():
            if row := self._look_up("SELECT response FROM responses WHERE key = :key", key):
                return _RESPONSE.decode(zlib.decompress(row[0]))
        return self.base.get(key) if self.base else None

    def put(self, key: str, model: Model, request: Request, response: Response) -> Response:
        """Store a response, unless its key has one already; return the one that is stored."""
        return self.put_many([(key, model, request, response)])[0]

    def put_many(self, answers: Sequence[Answer]) -> list[Response]:
        """Do what `put` does for many calls, in one transaction. Any thread may call it."""
        packed = [
            (bytes.fromhex(key), model, _pack(request.canonical()), _pack(response.canonical()))
            for key, model, request, response in answers
        ]
        present = set()
        insert = "INSERT OR IGNORE INTO responses VALUES (?, ?, ?, ?)"
        with self._database.explain_errors(), self._database.transaction():
            numbers = {model: self._model_number(model) for _, model, _, _ in packed}
            for key, model, *texts in packed:
                if not self._database.writer.execute(insert, [key, numbers[model], *texts]).rowcount:
                    present.add(key.hex())
            self._database.writer.executemany("DELETE FROM failures WHERE key = ?", ([key] for key, *_ in packed))
        return [(key in present and self.get(key)) or response for key, _, _, response in answers]

    def put_failure(self, key: str, model: Model, request: Request, reason: str) -> None:
        """Store the reason why a call failed for good, in place of an earlier one, unless the call has a response.

        A response that is stored later removes it again.
        """
        insert = (
            "INSERT OR REPLACE INTO failures SELECT :key, :model, :request, :reason "
            "WHERE NOT EXISTS (SELECT 1 FROM responses WHERE key = :key)"
        )
        failed = {"key": bytes.fromhex(key), "request": _pack(request.canonical()), "reason": reason}
        with self._database.explain_errors(), self._database.transaction():
            self._database.writer.execute(insert, {**failed, "model": self._model_number(model)})

    def failure(self, key: str) -> str | None:
        """Return the reason code for which a call failed, or `None`."""
        with self._database.explain_errors():
            if row := self._look_up("SELECT reason FROM failures WHERE key = :key", key):
                return str(row[0])
        return self.base.failure(key) if self.base else None

    def absorb(self, path: Path) -> None:
        """Copy what this store lacks from the one in another file.

        The other store is that of a later run: its reasons replace those stored here for the same failed calls.
        """
        Store(path).close()  # checks it, and creates its tables if its process was killed before it did
        writer = self._database.writer
        with self._database.explain_errors():
            writer.execute("ATTACH ? AS other", [read_uri(path)])
            try:
                with self._database.transaction():
                    writer.execute("INSERT OR IGNORE INTO models SELECT id, revision FROM other.models")
                    for insert, table, outcome in (
                        ("INSERT OR IGNORE", "responses", "response"),
                        ("INSERT OR REPLACE", "failures", "reason"),
                    ):
                        writer.execute(
                            f"{insert} INTO {table} SELECT c.key, mine.rowid, c.request, c.{outcome} "
                            f"FROM other.{table} c JOIN other.models theirs ON c.model = theirs.rowid "
                            "JOIN models mine ON mine.id = theirs.id AND mine.revision = theirs.revision"
                        )
                    writer.execute("DELETE FROM failures WHERE key IN (SELECT key FROM responses)")
            finally:
                writer.execute("DETACH other")

    def models(self) -> list[Model]:
        """Return the models that were asked, ordered by id and revision."""
        with self._database.explain_errors():
            rows = self._database.writer.execute("SELECT id, revision FROM models ORDER BY id, revision")
            return [Model(*row) for row in rows]

    def count(self) -> int:
        """Return the number of responses."""
        with self._database.explain_errors():
            return int(self._database.writer.execute("SELECT count(*) FROM responses").fetchone()[0])

    def keys(self) -> Iterator[str]:
        """Yield the keys of all calls, failures included, in ascending order."""
        with self._database.explain_errors():
            for (key,) in self._database.writer.execute(
                "SELECT key FROM responses UNION SELECT key FROM failures ORDER BY key"
            ):
                yield key.hex()

    def calls(self, keys: Iterable[str]) -> Iterator[StoredCall]:
        """Yield the calls with these keys, in their order.

        Raises:
            StoreError: a key is not in the store.
        """
        for key in keys:
            with self._database.explain_errors():
                if (row := self._look_up(_CALL_BY_KEY, key)) is None:
                    raise StoreError(
                        f"{self.path} does not hold the response {key}, or no longer does: run the same `generate` "
                        "command with this store, which asks for what is missing."
                    )
                id_, revision, request, response, failure = row
                call = StoredCall(
                    key, Model(id_, revision), unpack(request), unpack(response) if response else "", failure
                )
            yield call

    def remove(self, keys: Iterable[str]) -> int:
        """Delete calls, return the space they took to the disk, and return how many there were."""
        removed = 0
        writer = self._database.writer
        with self._database.explain_errors():
            with self._database.transaction():
                for key in keys:
                    for table in ("responses", "failures"):
                        removed += writer.execute(f"DELETE FROM {table} WHERE key = ?", [bytes.fromhex(key)]).rowcount
                used = "SELECT model FROM responses UNION SELECT model FROM failures"
                writer.execute(f"DELETE FROM models WHERE rowid NOT IN ({used})")
            writer.execute("VACUUM")
            # Only as far as no reader is in the way: waiting for readers here would keep all others from writing.
            writer.execute("PRAGMA wal_checkpoint(PASSIVE)")
        return removed

    def close(self) -> None:
        """Close the file; everything that was put is already in it."""
        self._database.close()

    def __reduce__(self) -> tuple[Any, ...]:
        # Another process opens the file for itself.
        return partial(Store, read_only=self.read_only, base=self.base), (self.path,)

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _look_up(self, query: str, key: str) -> tuple[Any, ...] | None:
        """Return the row that a query gives for a key, or `None`."""
        row: tuple[Any, ...] | None = self._database.reader.execute(query, {"key": bytes.fromhex(key)}).fetchone()
        return row

    def _model_number(self, model: Model) -> int:
        """Return the number that stands for a model in the other tables; a new model gets one."""
        names = [model.id, model.revision]
        self._database.writer.execute("INSERT OR IGNORE INTO models VALUES (?, ?)", names)
        row = self._database.writer.execute("SELECT rowid FROM models WHERE id = ? AND revision = ?", names).fetchone()
        return int(row[0])


def _pack(value: dict[str, Any]) -> bytes:
    # A window of 8 KiB: for texts as short as these, clearing zlib's usual memory takes longer than compressing.
    packer = zlib.compressobj(wbits=13, memLevel=6)
    return packer.compress(canonical_bytes(value)) + packer.flush()


def unpack(blob: bytes) -> str:
    """Return the JSON text in a column of the store."""
    return zlib.decompress(blob).decode()
