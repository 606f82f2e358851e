"""The SQLite file of a response store: how it is opened, its tables and versions, and what to do when it fails."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ecd_data.core.errors import StoreError

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


class Database:
    """Two connections to the file at `path`: `writes`, and `reads` for look-ups.

    Look-ups neither wait for a commit nor see what is not committed. With `read_only` nothing is created or changed,
    the two are one, and what it shows is the file as it was at the first look. The whole file is read once, to see
    whether it is damaged.

    Raises:
        StoreError: the file cannot be opened, is no response store, is damaged, locked, or the disk is full.
    """

    def __init__(self, path: Path, read_only: bool) -> None:
        self.path = path
        self._read_only = read_only
        self._writing = threading.Lock()  # a connection takes statements of several threads, but has one transaction
        with self.explained():
            if not read_only:
                path.parent.mkdir(parents=True, exist_ok=True)
            self.uri = f"{path.absolute().as_uri()}?mode={_read_mode(path) if read_only else 'rwc'}"
            self.writes = self._connect()
        try:
            with self.explained():
                if not read_only and self._pragma("schema_version") == 0:
                    self._create()
                self._check_version(read_only)
                # An answer that was paid for outlives a power cut.
                self.writes.execute("PRAGMA synchronous = FULL")
                self._check_pages()
                self.reads = self.writes if read_only else self._connect()
                # KiB. Keys are hashes, so look-ups go all over the file.
                self.reads.execute("PRAGMA cache_size = -65536")
                if read_only:
                    self.reads.execute("BEGIN")  # left open: each look-up would lock the file for itself
        except BaseException:
            self.writes.close()
            raise

    def close(self) -> None:
        """Closes the file."""
        with self._writing:  # SQLite crashes when a connection is closed while another thread writes by it
            self.reads.close()
            self.writes.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything written in the block, or nothing."""
        if self._read_only:
            raise sqlite3.OperationalError("attempt to write a readonly database")
        with self._writing:
            self.writes.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.writes.execute("COMMIT")
            except BaseException:
                if self.writes.in_transaction:
                    self.writes.execute("ROLLBACK")
                raise

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turns what SQLite and the file system say into a StoreError that says what to do."""
        try:
            yield
        except (sqlite3.Error, OSError, zlib.error, ValueError, TypeError) as error:
            said = " ".join(str(error).split())
            advice = next((text for sign, text in ADVICE.items() if sign in said.lower()), DAMAGED)
            raise StoreError(f"Response store {self.path}: {said}; {advice}.") from error

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)

    def _create(self) -> None:
        patience = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                self.writes.execute("PRAGMA journal_mode = WAL")  # readers go on while one process writes
                break
            except sqlite3.OperationalError as error:
                # Here SQLite does not wait, as it does elsewhere, while another process does the same.
                if "locked" not in str(error) or time.monotonic() > patience:
                    raise
                time.sleep(0.01)
        with self.transaction():
            if self._pragma("schema_version") == 0:  # no other process was faster
                self.writes.execute(MODELS)
                self.writes.execute(RESPONSES)
                self.writes.execute(FAILURES)
                self.writes.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                self.writes.execute(f"PRAGMA user_version = {VERSION}")

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
        said = self.writes.execute("PRAGMA quick_check(1)").fetchone()[0]
        if said != "ok":
            raise sqlite3.DatabaseError(said)

    def _migrate(self, read_only: bool) -> None:
        """Version 1 had no failures."""
        if read_only:  # a temporary table lies beside the file, not in it
            self.writes.execute(FAILURES.replace("CREATE TABLE", "CREATE TEMP TABLE"))
            return
        with self.transaction():
            if self._pragma("user_version") < VERSION:  # no other process was faster
                self.writes.execute(FAILURES)
                self.writes.execute(f"PRAGMA user_version = {VERSION}")

    def _pragma(self, name: str) -> int:
        return int(self.writes.execute(f"PRAGMA {name}").fetchone()[0])


def _read_mode(path: Path) -> str:
    """SQLite shares a WAL file through a second file beside it; in a folder that takes none, nobody can be writing."""
    log = path.with_name(f"{path.name}-wal")
    return "ro" if os.access(path.parent, os.W_OK) or log.exists() else "ro&immutable=1"
