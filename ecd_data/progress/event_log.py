"""Write a log for machines: one JSON object per line, with its time and without any text of seeds or answers.

{"time": "2026-01-31T12:00:00.000Z", "event": "chain", "seed_id": "5f0c...", "rounds": 2, "pairs": 1, "rejects": [...]}
"""

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ecd_data.core.errors import ProgressError


class EventLog:
    """A file to which events are appended, from any thread.

    A disk that becomes full ends the log and not the run.

    Args:
        path: the file.
        print_line: called with a message when the log ends early.

    Raises:
        ProgressError: the file cannot be opened.
    """

    def __init__(self, path: Path, print_line: Callable[[str], None]) -> None:
        self._path = path
        self._print_line = print_line
        self._lock = threading.Lock()
        try:
            self._file = open(path, "a", encoding="utf-8", buffering=1)  # noqa: SIM115
        except OSError as error:
            raise ProgressError(
                f"--log-json {path}: cannot be written ({error.strerror}). Name a file in a folder that you may "
                "write to."
            ) from None
        self._broken = False

    def write(self, event: str, **fields: Any) -> None:
        """Append an event; its fields are JSON data."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = json.dumps({"time": now, "event": event, **fields}, ensure_ascii=False)
        with self._lock:
            if self._broken:
                return
            try:
                self._file.write(line + "\n")
            except OSError as error:
                self._broken = True
                self._print_line(f"--log-json {self._path}: {error.strerror}; the run continues without the log.")

    def close(self) -> None:
        """Close the file."""
        with suppress(OSError):  # `write` has reported it
            self._file.close()
