"""What every command shares: errors as one clear message, progress on standard error, and how a command ends."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import rich.progress
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn

from ecd_data.errors import EcdError

PLAIN_SECONDS = 10.0

console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)


def run_command(command: Callable[[], int | None]) -> int:
    """Runs a command and returns its exit code; an `EcdError` is printed as a message, without a traceback.

    SIGTERM ends it like Ctrl-C, so that nothing half-made stays behind; the exit codes are 143 and 130.
    """
    signal.signal(signal.SIGTERM, _terminate)
    try:
        return command() or 0
    except EcdError as error:
        console.print(f"error: {error}", style="red")
        return error.exit_code
    except OSError as error:  # a disk, a permission, a folder that is gone: for the user to mend
        console.print(f"error: {error}", style="red")
        return 1
    except (KeyboardInterrupt, Terminated) as stopped:
        console.print("stopped. Every response so far is stored: the same command goes on from there.")
        return 130 if isinstance(stopped, KeyboardInterrupt) else 143


class Terminated(BaseException):
    """The process was asked to end."""


def _terminate(*_: object) -> None:
    raise Terminated


def quiet_libraries() -> None:
    """Turns off the libraries' own progress bars and log lines, and their calls to hosts that nobody named."""
    import datasets
    import huggingface_hub

    datasets.disable_progress_bars()
    huggingface_hub.utils.disable_progress_bars()
    datasets.logging.set_verbosity_error()
    huggingface_hub.logging.set_verbosity_error()
    # `load_dataset` would ask the dataset viewer's host for a Parquet export; our repositories are Parquet.
    datasets.config.USE_PARQUET_EXPORT = False


def ecd_home() -> Path:
    """Where the response store lies by default: `$ECD_HOME`, or `~/.cache/ecd`."""
    return Path(os.environ.get("ECD_HOME") or Path.home() / ".cache" / "ecd")


class Progress:
    """How far something is: a bar on a terminal, and elsewhere a plain line every ten seconds and at the end."""

    def __init__(self, what: str, total: int) -> None:
        self._what, self._total, self._done, self._note = what, total, 0, ""
        self._bar: rich.progress.Progress | None = None
        self._printed = time.monotonic()

    def __enter__(self) -> Progress:
        if console.is_terminal:
            columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.fields[note]}"))
            self._bar = rich.progress.Progress(TextColumn(self._what), *columns, console=console)
            self._task = self._bar.add_task(self._what, total=self._total, note="")
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()

    def advance(self) -> None:
        """One more is done."""
        self._done += 1
        self._show()

    def note(self, text: str) -> None:
        """What else to show."""
        self._note = text
        self._show()

    def _show(self) -> None:
        if self._bar:
            self._bar.update(self._task, completed=self._done, note=self._note)
        elif self._done == self._total or time.monotonic() - self._printed > PLAIN_SECONDS:
            self._printed = time.monotonic()
            console.print(f"{self._what}: {self._done}/{self._total}, {self._note}")


def table(rows: Mapping[str, object]) -> str:
    """Names and values as two aligned columns."""
    width = max(map(len, rows), default=0)
    return "\n".join(f"  {name:<{width}}  {value}" for name, value in rows.items())
