"""The work folder of a run on a cluster: one that all machines see, or an fsspec URL such as s3://bucket/run.

    run                                whose it is; in a folder without it, nothing is
    run.lock                           held by the process that launches the tasks
    spool/part-00000-of-00002          the parts that are made
    responses/00000.sqlite             each task's own store
    again/00000                        a part that the next run makes again
    logs/                              of the tasks, with the notes of those that are done

At a URL, parts and stores are files that a task copies to and from a folder of its own machine.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import fsspec
from filelock import FileLock, Timeout

from ecd_data.core.errors import StoreError
from ecd_data.core.process import defer_sigterm

SAVED_EVERY = 60  # seconds between two copies of a task's store to a URL
SPOOL = "spool"
OURS = (SPOOL, "responses", "again", "logs")
ENDED = "ended\n"  # in place of a run's mark: what is left of it counts for nobody


@dataclass(frozen=True)
class WorkFolder:
    """A work folder, by its absolute path or its URL."""

    where: str

    @property
    def logs(self) -> str:
        """Where the tasks' logs go."""
        return self._path("logs")

    def claim(self, fingerprint: str, tasks: int) -> None:
        """Makes the folder this run's.

        Raises:
            StoreError: it is another's, or cannot be written.
        """
        ours = f"{fingerprint} in {tasks} tasks\n"
        try:
            mark = self._mark()
            if mark == ours:
                self._reopen()
                return
            if mark not in ("", ENDED):
                raise StoreError(
                    f"{self.where} holds the parts of another run (other seeds, recipe, model or --tasks). Remove "
                    "it (its answers are in your response store), or give another --work."
                )
            there = [name for name in OURS if self._files.exists(self._path(name))]
            if there and not mark:
                raise StoreError(
                    f"{self.where} holds {', '.join(there)}, and not of a run: they would be in its way, and removed "
                    "at its end. Name an empty or new folder by --work."
                )
            for name in there:  # they would count as this run's
                self._remove(name)
            self._files.makedirs(self.where, exist_ok=True)
            self._files.pipe_file(self._path("run"), ours.encode())
        except OSError as error:
            raise self._cannot_write(error) from error

    @contextmanager
    def alone(self) -> Iterator[None]:
        """In the block no other process launches tasks in the folder; at a URL nothing can see to that.

        Raises:
            StoreError: another one does.
        """
        if not self.shared:
            yield
            return
        try:
            self.shared.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.shared / "run.lock", blocking=False)
            lock.acquire()
        except Timeout:
            raise StoreError(
                f"{self.where}: another process runs tasks there. Wait for its end, or give another --work."
            ) from None
        except OSError as error:
            raise self._cannot_write(error) from error
        try:
            yield
        finally:
            with suppress(OSError):
                (self.shared / "run.lock").unlink(missing_ok=True)
                if not (self.shared / "run").exists():
                    self.shared.rmdir()  # if it is empty
            lock.release()

    def has(self, part: str) -> bool:
        """Whether a part of that name is made."""
        return bool(self._files.exists(self._path(f"{SPOOL}/{self._name(part)}")))

    def make_again(self, rank: int, part: str) -> None:
        """Has the next run make a part again: of calls that failed in it, which are to be asked then."""
        self._files.makedirs(self._path("again"), exist_ok=True)
        self._files.pipe_file(self._path(f"again/{rank:05d}"), part.encode())

    @contextmanager
    def task(self, rank: int, part: str) -> Iterator[Path]:
        """A folder of this machine in which to make a part and keep the task's store.

        At a URL, what was stored before is there; and what the task leaves, even when it fails, is copied back: the
        store now and then too.
        """
        if self.shared:
            yield self.shared
            return
        with tempfile.TemporaryDirectory(prefix="ecd-task-") as scratch:
            folder = Path(scratch)
            store = task_store(folder, rank)
            self._get(store.relative_to(folder).as_posix(), store)
            try:
                with _every(SAVED_EVERY, lambda: self._save(store, folder)):
                    yield folder
            finally:
                with defer_sigterm():
                    self._save(store, folder)
                    if (folder / SPOOL / part).exists():
                        packed = shutil.make_archive(str(folder / part), "zip", folder / SPOOL / part)
                        self._put(Path(packed), f"{SPOOL}/{self._name(part)}")

    @contextmanager
    def gathered(self, tasks: int, parts: list[str]) -> Iterator[Path]:
        """A folder of this machine with all parts that are made and all stores."""
        if self.shared:
            yield self.shared
            return
        with tempfile.TemporaryDirectory(prefix="ecd-merge-") as scratch:
            folder = Path(scratch)
            (folder / SPOOL).mkdir()
            for rank in range(tasks):
                store = task_store(folder, rank)
                self._get(store.relative_to(folder).as_posix(), store)
            for part in filter(self.has, parts):
                packed = folder / self._name(part)
                self._get(f"{SPOOL}/{packed.name}", packed)
                shutil.unpack_archive(packed, folder / SPOOL / part)
                packed.unlink()
            yield folder

    @contextmanager
    def stores(self) -> Iterator[list[Path]]:
        """The stores of tasks of a run that did not come to its end, in a folder of this machine."""
        if self._mark() in ("", ENDED):
            yield []
            return
        if self.shared:
            yield sorted((self.shared / "responses").glob("*.sqlite"))
            return
        try:
            found = self._files.glob(self._path("responses/*.sqlite"))
        except (OSError, ValueError) as error:
            raise self._cannot_write(error) from error
        with tempfile.TemporaryDirectory(prefix="ecd-stores-") as scratch:
            for there in found:
                name = there.rpartition("/")[2]
                self._get(f"responses/{name}", Path(scratch, name))
            yield sorted(Path(scratch).iterdir())

    def clear(self, logs: bool) -> None:
        """Removes what a finished run needs no more; its logs too, if told so."""
        self._files.pipe_file(self._path("run"), ENDED.encode())  # first: half of a part is not to be taken for a part
        for name in (SPOOL, "responses", "again", "logs" if logs else "logs/completions"):
            self._remove(name)
        if logs:
            self._remove("run")

    @property
    def shared(self) -> Path | None:
        """The folder itself, if all machines see it as one of theirs."""
        return None if "://" in self.where else Path(self.where)

    @cached_property
    def _files(self) -> Any:
        try:
            return fsspec.url_to_fs(self.where)[0]
        except (ImportError, ValueError, TypeError) as error:  # a scheme that fsspec lacks a package for
            raise self._cannot_write(error) from error

    def _cannot_write(self, error: Exception) -> StoreError:
        return StoreError(f"{self.where}: {error}; name a folder or URL that you may write to by --work.")

    def _mark(self) -> str:
        """Whose the folder is; empty if no run's."""
        try:
            mark = self._path("run")
            return str(self._files.cat_file(mark).decode()) if self._files.isfile(mark) else ""
        except (OSError, ValueError) as error:
            raise self._cannot_write(error) from error

    def _path(self, name: str) -> str:
        return f"{self.where}/{name}"

    def _name(self, part: str) -> str:
        return part if self.shared else f"{part}.zip"

    def _reopen(self) -> None:
        """Takes back the parts that are to be made again."""
        for note in self._files.glob(self._path("again/*")):
            task = note.rpartition("/")[2]
            for name in (f"{SPOOL}/{self._name(self._files.cat_file(note).decode())}", f"logs/completions/{task}"):
                self._remove(name)
            self._files.rm(note)

    def _remove(self, name: str) -> None:
        if self._files.exists(self._path(name)):
            self._files.rm(self._path(name), recursive=True)

    def _get(self, name: str, to: Path) -> None:
        to.parent.mkdir(parents=True, exist_ok=True)
        if self._files.exists(self._path(name)):
            self._files.get_file(self._path(name), str(to))

    def _put(self, path: Path, name: str) -> None:
        """Copies a file there, under its name only when it is whole."""
        target = self._path(name)
        self._files.makedirs(target.rpartition("/")[0], exist_ok=True)
        self._files.put_file(str(path), f"{target}.partial")
        self._files.mv(f"{target}.partial", target)

    def _save(self, store: Path, folder: Path) -> None:
        """Copies a store there as it is at this moment, while a task may be writing to it."""
        if not store.exists():
            return
        with tempfile.TemporaryDirectory(dir=folder) as work:
            copy = Path(work, store.name)
            with closing(sqlite3.connect(store)) as source, closing(sqlite3.connect(copy)) as target:
                source.backup(target)
            self._put(copy, store.relative_to(folder).as_posix())


def task_store(folder: Path, rank: int) -> Path:
    """The response store of a task."""
    return folder / "responses" / f"{rank:05d}.sqlite"


@contextmanager
def _every(seconds: float, what: Callable[[], None]) -> Iterator[None]:
    """Does something again and again beside the block."""
    ended = threading.Event()

    def repeat() -> None:
        while not ended.wait(seconds):
            with suppress(OSError):  # a network's: the next time, or the last, may do better
                what()

    beside = threading.Thread(target=repeat, daemon=True)
    beside.start()
    try:
        yield
    finally:
        ended.set()
        beside.join()
