"""The work folder of a run on a cluster: one that all machines see, or an fsspec URL such as s3://bucket/run.

    run                                which run it belongs to; without it, to none
    run.lock                           held by the process that launches the tasks
    spool/part-00000-of-00002          the parts that are finished
    responses/00000.sqlite             each task's own store
    again/00000                        a part that the next run generates again
    logs/                              of the tasks, and which of them are done

At a URL, parts and stores are files that a task copies to and from a folder of its own machine.
"""

import shutil
import signal
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import fsspec
from filelock import FileLock, Timeout
from fsspec.implementations.dirfs import DirFileSystem

from ecd_data.core.errors import StoreError
from ecd_data.core.process import defer_signals

SAVED_EVERY = 60  # seconds between two copies of a task's store to a URL
SPOOL = "spool"
FOLDERS = (SPOOL, "responses", "again", "logs")
ENDED = "ended\n"  # in place of the run: what is left of it belongs to no run


@dataclass(frozen=True)
class WorkFolder:
    """A work folder, by its absolute path or its URL."""

    where: str

    @property
    def logs(self) -> str:
        """Where the tasks write their logs."""
        return f"{self.where}/logs"

    @property
    def shared(self) -> Path | None:
        """The folder itself, where all machines see it in their file system; `None` for a URL."""
        return None if "://" in self.where else Path(self.where)

    def claim(self, fingerprint: str, tasks: int) -> None:
        """Make the folder that of a run, by the run's fingerprint and the number of its tasks.

        Raises:
            StoreError: it belongs to another run, holds other files, or cannot be written.
        """
        run = f"{fingerprint} in {tasks} tasks\n"
        with self._explain_errors():
            owner = self._owner()
            if owner == run:
                self._remove_parts_to_retry()
                return
            if owner not in ("", ENDED):
                raise StoreError(
                    f"{self.where} holds the parts of another run (other seeds, recipe, model or --tasks). Remove "
                    "it (its answers are in your response store), or give another --work."
                )
            present = [name for name in FOLDERS if self._files.exists(name)]
            if present and not owner:
                raise StoreError(
                    f"{self.where} holds {', '.join(present)}, which do not belong to a run: they would be in the way "
                    "of this one, and removed at its end. Name an empty or new folder with --work."
                )
            for name in present:  # they would count as this run's
                self._remove(name)
            self._files.makedirs("", exist_ok=True)
            self._files.pipe_file("run", run.encode())

    @contextmanager
    def launch_lock(self) -> Iterator[None]:
        """Keep other processes from launching tasks in the folder during the block; at a URL nothing can.

        Raises:
            StoreError: another process is launching tasks there, or the folder cannot be written.
        """
        if not self.shared:
            yield
            return
        with ExitStack() as held:
            with self._explain_errors():
                self.shared.mkdir(parents=True, exist_ok=True)
                try:
                    held.enter_context(FileLock(self.shared / "run.lock", blocking=False))
                except Timeout:
                    raise StoreError(
                        f"{self.where}: another process is running tasks there. Wait for it to end, or give another "
                        "--work."
                    ) from None
            try:
                yield
            finally:
                with suppress(OSError):
                    (self.shared / "run.lock").unlink(missing_ok=True)
                    if not (self.shared / "run").exists():
                        self.shared.rmdir()  # if it is empty

    def has_part(self, part: str) -> bool:
        """Return whether the part of that name is finished."""
        return bool(self._files.exists(f"{SPOOL}/{self._file_name(part)}"))

    def retry_part(self, rank: int, part: str) -> None:
        """Make the next run generate the part of a task again, since calls failed in it."""
        self._files.makedirs("again", exist_ok=True)
        self._files.pipe_file(f"again/{rank:05d}", part.encode())

    @contextmanager
    def task_folder(self, rank: int, part: str) -> Iterator[Path]:
        """Yield a folder of this machine in which a task generates its part and keeps its store.

        At a URL, the store of an earlier run is copied there first. What the task leaves, even when it fails, is
        copied back, the store also from time to time.
        """
        if self.shared:
            yield self.shared
            return
        with tempfile.TemporaryDirectory(prefix="ecd-task-") as scratch:
            folder = Path(scratch)
            store = task_store(folder, rank)
            store.parent.mkdir()
            self._fetch(store.relative_to(folder).as_posix(), folder)
            try:
                with _repeated(SAVED_EVERY, lambda: self._put_store(store, folder)):
                    yield folder
            finally:
                with defer_signals(signal.SIGTERM):
                    self._put_store(store, folder)
                    if (folder / SPOOL / part).exists():
                        packed = shutil.make_archive(str(folder / part), "zip", folder / SPOOL / part)
                        self._put(Path(packed), f"{SPOOL}/{self._file_name(part)}")

    @contextmanager
    def finished_parts(self) -> Iterator[Path]:
        """Yield a folder of this machine with all finished parts."""
        if self.shared:
            yield self.shared
            return
        with tempfile.TemporaryDirectory(prefix="ecd-merge-") as scratch:
            folder = Path(scratch)
            for packed in self._fetch(f"{SPOOL}/*.zip", folder):
                shutil.unpack_archive(packed, folder / SPOOL / packed.stem)
                packed.unlink()
            yield folder

    @contextmanager
    def unmerged_stores(self) -> Iterator[list[Path]]:
        """Yield the stores of the tasks of a run that has not come to its end, in a folder of this machine."""
        if self._owner() in ("", ENDED):
            yield []
            return
        if self.shared:
            yield sorted((self.shared / "responses").glob("*.sqlite"))
            return
        with tempfile.TemporaryDirectory(prefix="ecd-stores-") as scratch:
            yield self._fetch("responses/*.sqlite", Path(scratch))

    def clear(self, logs: bool) -> None:
        """Remove what a finished run does not need any more, and its logs too if `logs`."""
        self._files.pipe_file("run", ENDED.encode())  # first: nobody may take half of a part for a part
        for name in (SPOOL, "responses", "again", "logs" if logs else "logs/completions"):
            self._remove(name)
        if logs:
            self._remove("run")

    @cached_property
    def _files(self) -> Any:
        with self._explain_errors():
            files, path = fsspec.url_to_fs(self.where)
        return DirFileSystem(path, files)

    @contextmanager
    def _explain_errors(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ImportError, ValueError, TypeError) as error:  # or a scheme that fsspec lacks a package for
            advice = "name a folder or URL that you may write to with --work"
            raise StoreError(f"{self.where}: {error}; {advice}.") from error

    def _owner(self) -> str:
        """Return the run that the folder belongs to; empty if to none."""
        with self._explain_errors():
            return str(self._files.cat_file("run").decode()) if self._files.isfile("run") else ""

    def _file_name(self, part: str) -> str:
        return part if self.shared else f"{part}.zip"

    def _remove_parts_to_retry(self) -> None:
        for note in self._files.glob("again/*"):
            rank, part = note.rpartition("/")[2], self._files.cat_file(note).decode()
            for name in (f"{SPOOL}/{self._file_name(part)}", f"logs/completions/{rank}"):
                self._remove(name)
            self._files.rm(note)

    def _remove(self, name: str) -> None:
        if self._files.exists(name):
            self._files.rm(name, recursive=True)

    def _fetch(self, pattern: str, folder: Path) -> list[Path]:
        """Copy the files that match a pattern to a folder of this machine, sorted by name; return where they are."""
        with self._explain_errors():
            names = sorted(self._files.glob(pattern))
            for name in names:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                self._files.get_file(name, str(folder / name))
        return [folder / name for name in names]

    def _put(self, path: Path, name: str) -> None:
        """Copy a file there; it gets its name when it is complete."""
        self._files.makedirs(name.rpartition("/")[0], exist_ok=True)
        self._files.put_file(str(path), f"{name}.partial")
        self._files.mv(f"{name}.partial", name)

    def _put_store(self, store: Path, folder: Path) -> None:
        """Copy a store there as it is at this moment, while a task may be writing to it."""
        if not store.exists():
            return
        with tempfile.TemporaryDirectory(dir=folder) as work:
            copy = Path(work, store.name)
            with closing(sqlite3.connect(store)) as source, closing(sqlite3.connect(copy)) as target:
                source.backup(target)
            self._put(copy, store.relative_to(folder).as_posix())


def task_store(folder: Path, rank: int) -> Path:
    """Return the path of a task's response store."""
    return folder / "responses" / f"{rank:05d}.sqlite"


@contextmanager
def _repeated(seconds: float, action: Callable[[], None]) -> Iterator[None]:
    """Take an action every so many seconds during the block, in a thread."""
    ended = threading.Event()

    def repeat() -> None:
        while not ended.wait(seconds):
            with suppress(OSError):  # the network's: the next time, or the last, may succeed
                action()

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
