"""The scratch folder of a run: what is on its way into a build, on the disk that must have the room anyway."""

from __future__ import annotations

import glob
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock

LOCK = "lock"


@contextmanager
def scratch(out: Path) -> Iterator[Path]:
    """A folder beside `out`, which is not there yet or will be replaced, for as long as the block.

    What a process that was killed left of such a folder is removed first. The lock in it, which the system lifts when
    its process ends in whatever way, tells it from one that is in use.
    """
    out = out.resolve()
    prefix = f".{out.name}.partial-"
    out.parent.mkdir(parents=True, exist_ok=True)
    for left in out.parent.glob(f"{glob.escape(prefix)}*/{LOCK}"):
        with suppress(OSError), FileLock(left, blocking=False):  # in use, or another user's
            _remove(left.parent)
    folder, lock = _locked_folder(prefix, out.parent)
    try:
        yield folder
    finally:
        _remove(folder)
        lock.release()


def _locked_folder(prefix: str, parent: Path) -> tuple[Path, FileLock]:
    """A new folder and the lock in it."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        lock = FileLock(folder / LOCK)
        with suppress(FileNotFoundError):
            lock.acquire()
        if lock.is_locked and folder.exists():
            return folder, lock
        lock.release()  # another process took it for a leftover, between its making and its locking


def _remove(folder: Path) -> None:
    """Removes a folder, its lock last: without it, what is left of a folder would be nobody's."""
    with suppress(OSError):
        for path in folder.iterdir():
            if path.name != LOCK:
                shutil.rmtree(path, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
