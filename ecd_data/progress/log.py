"""The log for machines: one JSON object a line, with the time and no text of seeds or answers.

{"time": "2026-01-31T12:00:00.000Z", "event": "chain", "seed_id": "5f0c...", "rounds": 2, "pairs": 1, "rejects": [...]}
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ecd_data.core.errors import WatchError


class Log:
    """Appends events to a file, from any thread.

    A disk that fills up later ends the log, with a message by `say`, and not the run.

    Raises:
        WatchError: the file cannot be opened.
    """

    def __init__(self, path: Path, say: Callable[[str], None]) -> None:
        self._path = path
        self._say = say
        self._lock = threading.Lock()
        try:
            self._file = open(path, "a", encoding="utf-8", buffering=1)  # noqa: SIM115
        except OSError as error:
            raise WatchError(
                f"--log-json {path}: cannot be written ({error.strerror}). Name a file in a folder that you may "
                "write to."
            ) from None
        self._broken = False

    def write(self, event: str, **fields: Any) -> None:
        """One line; `fields` are JSON data."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = json.dumps({"time": now, "event": event, **fields}, ensure_ascii=False)
        with self._lock:
            if self._broken:
                return
            try:
                self._file.write(line + "\n")
            except OSError as error:
                self._broken = True
                self._say(f"--log-json {self._path}: {error.strerror}; the run goes on without the log.")

    def close(self) -> None:
        """Closes the file."""
        with suppress(OSError):  # what could not be written was told before
            self._file.close()
