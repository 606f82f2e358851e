"""What several tests need is made once in a test run, by whichever process needs it first."""

import shutil
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock


class Shelf:
    """A folder of folders that are made once and then only read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def take(self, name: str, make: Callable[[Path], object]) -> Path:
        """Return the folder `name`; `make` fills it when it is needed for the first time."""
        kept, partial = self.folder / name, self.folder / f"{name}.partial"
        with FileLock(f"{kept}.lock"):
            if not kept.exists():
                shutil.rmtree(partial, ignore_errors=True)
                partial.mkdir()
                make(partial)
                partial.rename(kept)
        return kept
