"""The response store: every answer of the endpoint, in one SQLite file, stored before anything uses it.

    with Store("responses.sqlite") as store:
        response = store.get(key) or store.put(key, model, request, await endpoint.complete(request))

Requests and responses are zlib-compressed JSON; the key is `values.request_key`.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from ecd_data.errors import StoreError
from ecd_data.values import Model, Request, Response, canonical_json

APPLICATION_ID = 0x45434452  # "ECDR": tells a response store from any other SQLite file
VERSION = 2
BUSY_SECONDS = 60.0

MODELS = "CREATE TABLE models (id TEXT NOT NULL, revision TEXT NOT NULL, UNIQUE (id, revision))"
RESPONSES = (
    "CREATE TABLE responses (key BLOB PRIMARY KEY, model INTEGER NOT NULL, request BLOB NOT NULL, "
    "response BLOB NOT NULL)"
)
FAILURES = (
    "CREATE TABLE failures (key BLOB PRIMARY KEY, model INTEGER NOT NULL, request BLOB NOT NULL, reason TEXT NOT NULL)"
)
Row = tuple[str, Model, dict[str, Any], "dict[str, Any] | None", str]  # key, model, request, response, failure
Stored = tuple[str, Model, str, str, str]  # the same as it is stored: request and response as JSON text

COLUMNS = {"responses": "t.request, t.response", "failures": "t.request, t.reason"}

# What SQLite or the system says, and what to do about it.
DAMAGED = (
    "the file is damaged; `ecd responses export` saves what can be read of it, and `ecd responses import` makes a new "
    "store of that; or restore a copy"
)
WRITABLE = "check that it names a file in a folder that you may write to, or give another path with --responses"
FULL = "the disk is full or failing: free some space and run the same command again, what was answered is kept"
ADVICE = {
    "not a database": "it is not a response store; give another path with --responses",
    "unable to open": WRITABLE,
    "readonly": WRITABLE,
    "permission": WRITABLE,
    "read-only": WRITABLE,
    "directory": WRITABLE,
    "file exists": WRITABLE,
    "locked": "another process is writing to it; wait for that one to end, or give another path with --responses",
    "full": FULL,
    "i/o": FULL,
    "no space": FULL,
    "too large": FULL,
}


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
        self._writing = threading.Lock()  # SQLite takes statements of several threads, but has one transaction
        if read_only and not self.path.exists():
            raise StoreError(f"There is no response store at {self.path}: check --responses, or run without --replay.")
        with self._explained():
            if not read_only:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            mode = _read_mode(self.path) if read_only else "rwc"
            uri = f"{self.path.absolute().as_uri()}?mode={mode}"
            self._db = self._connect(uri)
        try:
            with self._explained():
                if not read_only and self._pragma("schema_version") == 0:
                    self._create()
                self._check_version(read_only)
                # An answer that was paid for outlives a power cut.
                self._db.execute("PRAGMA synchronous = FULL")
                self._check_pages()
                # A connection of its own for look-ups: they neither wait for a commit nor see what is not committed.
                self._reads = self._db if read_only else self._connect(uri)
                # KiB. Keys are hashes, so look-ups go all over the file.
                self._reads.execute("PRAGMA cache_size = -65536")
        except BaseException:
            self._db.close()
            raise

    def get(self, key: str) -> Response | None:
        """The response stored under `key`, or None."""
        with self._explained():
            row = self._reads.execute("SELECT response FROM responses WHERE key = ?", [bytes.fromhex(key)]).fetchone()
            if row is not None:
                return Response(**json.loads(unpack(row[0])))
        return self.base.get(key) if self.base else None

    def put(self, key: str, model: Model, request: Request, response: Response) -> Response:
        """Store `response` for good, unless `key` has one already; returns the one that is stored (the first wins)."""
        return self.put_many([(key, model, request, response)])[0]

    def put_many(self, answers: Sequence[tuple[str, Model, Request, Response]]) -> list[Response]:
        """`put` for many (key, model, request, response) in one transaction; safe to call from another thread."""
        with self._explained(), self._transaction():
            for key, model, request, response in answers:
                self._insert("responses", key, model, request, _pack(asdict(response)))
                self._db.execute("DELETE FROM failures WHERE key = ?", [bytes.fromhex(key)])
        return [self.get(key) or response for key, _, _, response in answers]

    def put_failure(self, key: str, model: Model, request: Request, reason: str) -> None:
        """Remember that the call `key` failed for good, unless it was answered; a later response replaces that."""
        with self._explained(), self._transaction():
            if self._row(key) is None:
                self._insert("failures", key, model, request, reason)

    def failure(self, key: str) -> str | None:
        """The reason code for which the call `key` failed, or None."""
        if failed := self._failed(key):
            return failed[2]
        return self.base.failure(key) if self.base else None

    def absorb(self, path: Path) -> int:
        """Takes over what the store at `path` holds and this one does not; returns the number of responses."""
        with Store(path):
            pass  # it is a response store, and of this version
        with self._explained():
            self._db.execute("ATTACH ? AS other", [str(path)])
            try:
                before = self.count()
                with self._transaction():
                    self._db.execute("INSERT OR IGNORE INTO models SELECT id, revision FROM other.models")
                    for table in ("responses", "failures"):
                        self._db.execute(
                            f"INSERT OR IGNORE INTO {table} SELECT t.key, here.rowid, {COLUMNS[table]} "
                            f"FROM other.{table} t JOIN other.models there ON t.model = there.rowid "
                            "JOIN models here ON here.id = there.id AND here.revision = there.revision"
                        )
                    self._db.execute("DELETE FROM failures WHERE key IN (SELECT key FROM responses)")
                return self.count() - before
            finally:
                self._db.execute("DETACH other")

    def models(self) -> list[Model]:
        """The models that answered, ordered by id and revision."""
        with self._explained():
            return [Model(*row) for row in self._db.execute("SELECT id, revision FROM models ORDER BY id, revision")]

    def count(self) -> int:
        """Number of responses in the store."""
        with self._explained():
            return int(self._db.execute("SELECT count(*) FROM responses").fetchone()[0])

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
                raise StoreError(f"{self.path} holds no response {key}: run `generate` with this store first.")

    def keys(self) -> Iterator[str]:
        """All keys, those of failures too, in their order."""
        with self._explained():
            for (key,) in self._db.execute("SELECT key FROM responses UNION SELECT key FROM failures ORDER BY key"):
                yield key.hex()

    def remove(self, keys: Iterable[str]) -> int:
        """Removes responses and failures for good, and gives their room back to the disk; returns their number."""
        removed = 0
        with self._explained():
            with self._transaction():
                for key in keys:
                    for table in ("responses", "failures"):
                        statement = f"DELETE FROM {table} WHERE key = ?"
                        removed += self._db.execute(statement, [bytes.fromhex(key)]).rowcount
                used = "SELECT model FROM responses UNION SELECT model FROM failures"
                self._db.execute(f"DELETE FROM models WHERE rowid NOT IN ({used})")
            self._db.execute("VACUUM")
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return removed

    def close(self) -> None:
        """Close the file; everything put is in it already."""
        self._reads.close()
        self._db.close()

    def __reduce__(self) -> tuple[Any, ...]:
        # Another process opens the file for itself.
        return partial(Store, read_only=self.read_only, base=self.base), (self.path,)

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()

    def _insert(self, table: str, key: str, model: Model, request: Request, what: bytes | str) -> None:
        self._db.execute("INSERT OR IGNORE INTO models VALUES (?, ?)", [model.id, model.revision])
        self._db.execute(
            f"INSERT OR IGNORE INTO {table} SELECT ?, rowid, ?, ? FROM models WHERE id = ? AND revision = ?",
            [bytes.fromhex(key), _pack(request.canonical()), what, model.id, model.revision],
        )

    def _row(self, key: str) -> tuple[Model, str, str] | None:
        with self._explained():
            row = self._reads.execute(
                "SELECT id, revision, request, response FROM responses r JOIN models m ON r.model = m.rowid "
                "WHERE key = ?",
                [bytes.fromhex(key)],
            ).fetchone()
            return None if row is None else (Model(row[0], row[1]), unpack(row[2]), unpack(row[3]))

    def _failed(self, key: str) -> tuple[Model, str, str] | None:
        with self._explained():
            row = self._reads.execute(
                "SELECT id, revision, request, reason FROM failures f JOIN models m ON f.model = m.rowid "
                "WHERE key = ?",
                [bytes.fromhex(key)],
            ).fetchone()
            return None if row is None else (Model(row[0], row[1]), unpack(row[2]), row[3])

    @staticmethod
    def _connect(uri: str) -> sqlite3.Connection:
        return sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)

    def _create(self) -> None:
        patience = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                self._db.execute("PRAGMA journal_mode = WAL")  # readers go on while one process writes
                break
            except sqlite3.OperationalError as error:
                # Here SQLite does not wait, as it does elsewhere, while another process does the same.
                if "locked" not in str(error) or time.monotonic() > patience:
                    raise
                time.sleep(0.01)
        with self._transaction():
            if self._pragma("schema_version") == 0:  # no other process was faster
                self._db.execute(MODELS)
                self._db.execute(RESPONSES)
                self._db.execute(FAILURES)
                self._db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                self._db.execute(f"PRAGMA user_version = {VERSION}")

    def _check_version(self, read_only: bool) -> None:
        if self._pragma("application_id") != APPLICATION_ID:
            raise StoreError(f"{self.path} is not a response store; give another path with --responses.")
        version = self._pragma("user_version")
        if version > VERSION:
            raise StoreError(
                f"{self.path} is a response store of version {version}, this ecd_data reads up to {VERSION}: use the "
                "ecd_data that wrote it, or give another path with --responses."
            )
        if version < VERSION:
            self._migrate(read_only)

    def _check_pages(self) -> None:
        said = self._db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if said != "ok":
            raise sqlite3.DatabaseError(said)

    def _migrate(self, read_only: bool) -> None:
        """Version 1 had no failures."""
        if read_only:  # a temporary table lies beside the file, not in it
            self._db.execute(FAILURES.replace("CREATE TABLE", "CREATE TEMP TABLE"))
            return
        with self._transaction():
            if self._pragma("user_version") < VERSION:  # no other process was faster
                self._db.execute(FAILURES)
                self._db.execute(f"PRAGMA user_version = {VERSION}")

    def _pragma(self, name: str) -> int:
        return int(self._db.execute(f"PRAGMA {name}").fetchone()[0])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._writing:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn what SQLite and the file system say into a StoreError that says what to do."""
        try:
            yield
        except (sqlite3.Error, OSError, zlib.error, ValueError, TypeError) as error:
            said = " ".join(str(error).split())
            advice = next((text for sign, text in ADVICE.items() if sign in said.lower()), DAMAGED)
            raise StoreError(f"Response store {self.path}: {said}; {advice}.") from error


def _read_mode(path: Path) -> str:
    """SQLite shares a WAL file through a second file beside it; in a folder that takes none, nobody can be writing."""
    log = path.with_name(f"{path.name}-wal")
    return "ro" if os.access(path.parent, os.W_OK) or log.exists() else "ro&immutable=1"


def _pack(value: dict[str, Any]) -> bytes:
    return zlib.compress(canonical_json(value).encode())


def unpack(blob: bytes) -> str:
    """The JSON text that a column of the store holds."""
    return zlib.decompress(blob).decode()
