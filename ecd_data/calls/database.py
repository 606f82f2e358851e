"""The SQLite file of a response store: how it is opened, its tables and versions, and errors that say what to do."""

import os
import sqlite3
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from ecd_data.core.errors import StoreError

APPLICATION_ID = 0x45434452  # "ECDR": distinguishes a response store from any other SQLite file
VERSION = 2
BUSY_SECONDS = 60.0

MODELS = "models (id TEXT NOT NULL, revision TEXT NOT NULL, UNIQUE (id, revision))"
RESPONSES = "responses (key BLOB PRIMARY KEY, model INTEGER NOT NULL, request BLOB NOT NULL, response BLOB NOT NULL)"
FAILURES = "failures (key BLOB PRIMARY KEY, model INTEGER NOT NULL, request BLOB NOT NULL, reason TEXT NOT NULL)"

# By parts of the messages of SQLite and of the operating system: what to do about it.
ADVICE = {
    ("not a database",): "it is not a response store; give another path with --responses",
    ("unable to open", "readonly", "read-only", "permission", "directory", "file exists"): (
        "check that it names a file in a folder that you may write to, or give another path with --responses"
    ),
    ("locked",): "another process is writing to it; wait until it has finished, or give another path with --responses",
    ("full", "i/o", "no space", "too large"): (
        "the disk is full or failing: free some space and run the same command again; every response so far is stored"
    ),
    ("",): (
        "the file is damaged; `ecd responses export` saves what can be read of it, and `ecd responses import` makes a "
        "new store from that; or restore a copy"
    ),
}


class Database:
    """Two connections to one SQLite file: `writer`, and `reader` for look-ups.

    Look-ups neither wait for a commit nor see uncommitted rows. The whole file is read once when it is opened, to
    detect damage.

    Args:
        path: the file. It and its folder are created if they do not exist.
        read_only: create and change nothing. Both connections are then one, which shows the file as it was at the
            first look-up.

    Raises:
        StoreError: the file cannot be opened, is not a response store, is damaged or locked, or the disk is full.
    """

    def __init__(self, path: Path, read_only: bool) -> None:
        self.path = path
        self._read_only = read_only
        # Several threads may execute statements on one connection, but it has only one transaction.
        self._transaction_lock = threading.Lock()
        with self.explain_errors(), ExitStack() as opened:
            if not read_only:
                path.parent.mkdir(parents=True, exist_ok=True)
            self.uri = read_uri(path) if read_only else f"{path.absolute().as_uri()}?mode=rwc"
            self.writer = opened.enter_context(closing(self._connect()))
            if not read_only and self._pragma("schema_version") == 0:
                self._use_write_ahead_log()
                self._create_tables()
            self._check()
            # A response that was paid for must survive a power cut.
            self.writer.execute("PRAGMA synchronous = FULL")
            self.reader = self.writer if read_only else self._connect()
            # 64 MiB, in KiB: keys are hashes, so look-ups are spread all over the file.
            self.reader.execute("PRAGMA cache_size = -65536")
            if read_only:
                self.reader.execute("BEGIN")  # never ended: otherwise each look-up would lock the file anew
            opened.pop_all()  # nothing failed: it stays open

    def close(self) -> None:
        """Close the file, after the transaction in progress."""
        with self._transaction_lock:  # SQLite crashes if a connection is closed while another thread writes with it
            self.reader.close()
            self.writer.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what `writer` executes in the block, or roll all of it back if the block raises."""
        if self._read_only:
            raise sqlite3.OperationalError("attempt to write a readonly database")
        with self._transaction_lock:
            self.writer.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.writer.execute("COMMIT")
            except BaseException:
                if self.writer.in_transaction:
                    self.writer.execute("ROLLBACK")
                raise

    @contextmanager
    def explain_errors(self) -> Iterator[None]:
        """Turn errors of SQLite and of the file system into a StoreError that says what to do."""
        try:
            yield
        except (sqlite3.Error, OSError, zlib.error, ValueError, TypeError) as error:
            message = " ".join(str(error).split())
            advice = next(advice for parts, advice in ADVICE.items() if any(part in message.lower() for part in parts))
            raise StoreError(f"Response store {self.path}: {message}; {advice}.") from error

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)

    def _use_write_ahead_log(self) -> None:
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                self.writer.execute("PRAGMA journal_mode = WAL")  # lets others read while one process writes
                return
            except sqlite3.OperationalError as error:
                # Unlike elsewhere, SQLite does not wait here while another process does the same.
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def _create_tables(self) -> None:
        """Create the tables that are missing: all, or those that version 1 did not have."""
        with self.transaction():  # another process may do the same
            for table in (MODELS, RESPONSES, FAILURES):
                self.writer.execute(f"CREATE TABLE IF NOT EXISTS {table}")
            self.writer.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            self.writer.execute(f"PRAGMA user_version = {VERSION}")

    def _check(self) -> None:
        """Raise an error unless the file is a response store and undamaged; bring it to this version."""
        if self._pragma("application_id") != APPLICATION_ID:
            raise StoreError(f"{self.path} is not a response store; give another path with --responses.")
        version = self._pragma("user_version")
        if version > VERSION:
            raise StoreError(
                f"{self.path} is a response store of version {version}, but this ecd_data reads versions up to "
                f"{VERSION}: use the ecd_data that wrote it, or give another path with --responses."
            )
        if (result := self.writer.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise sqlite3.DatabaseError(result)
        if version < VERSION and self._read_only:  # a temporary table is not stored in the file itself
            self.writer.execute(f"CREATE TEMP TABLE {FAILURES}")
        elif version < VERSION:
            self._create_tables()

    def _pragma(self, name: str) -> int:
        return int(self.writer.execute(f"PRAGMA {name}").fetchone()[0])


def read_uri(path: Path) -> str:
    """Return the URI by which SQLite opens a file to read it.

    SQLite shares a WAL file through a second file beside it. Where the folder does not allow one, nobody can be
    writing, so that the file may be opened as immutable.
    """
    log = path.with_name(f"{path.name}-wal")
    mode = "ro" if os.access(path.parent, os.W_OK) or log.exists() else "ro&immutable=1"
    return f"{path.absolute().as_uri()}?mode={mode}"
