"""The scratch folder of a run: it holds what becomes a build, on the disk that must have room for that anyway."""

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
    """Create a folder beside `out` for the time of the block, and yield it.

    Folders that killed processes left behind are removed first. They are not locked: the system lifts a lock when its
    process ends, in whatever way.
    """
    out = out.resolve()
    prefix = f".{out.name}.partial-"
    out.parent.mkdir(parents=True, exist_ok=True)
    for path in out.parent.glob(f"{glob.escape(prefix)}*/{LOCK}"):
        with suppress(OSError), FileLock(path, blocking=False):  # in use, or another user's
            _remove(path.parent)
    folder, lock = _locked_folder(prefix, out.parent)
    try:
        yield folder
    finally:
        _remove(folder)
        lock.release()


def _locked_folder(prefix: str, parent: Path) -> tuple[Path, FileLock]:
    """Return a new folder and the lock in it."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        lock = FileLock(folder / LOCK)
        with suppress(FileNotFoundError):
            lock.acquire()
        if lock.is_locked and folder.exists():
            return folder, lock
        lock.release()  # before it was locked, another process took it for a leftover


def _remove(folder: Path) -> None:
    """Remove a folder, its lock last: the rest of a folder without a lock would never be removed."""
    with suppress(OSError):
        for path in folder.iterdir():
            if path.name != LOCK:
                shutil.rmtree(path, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
