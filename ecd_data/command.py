"""What every command shares: errors as one clear message on standard error, and how a command ends."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing import parent_process
from pathlib import Path
from types import FrameType

from rich.console import Console

from ecd_data.errors import EcdError

WIDTH = 140  # of a table that goes to no terminal
console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)


def run_command(command: Callable[[], int | None]) -> int:
    """Runs a command and returns its exit code; an `EcdError` is printed as a message, without a traceback.

    SIGTERM ends it like Ctrl-C, so that nothing half-made stays behind; the exit codes are 143 and 130.
    """
    try:
        with terminable():
            return command() or 0
    except EcdError as error:
        console.print(plain(f"error: {error}"), style="red")
        return error.exit_code
    except OSError as error:  # a disk, a permission, a folder that is gone: for the user to mend
        console.print(f"error: {error}", style="red")
        return 1
    except (KeyboardInterrupt, Terminated) as stopped:
        console.print("stopped. Every response so far is stored: the same command goes on from there.")
        return 130 if isinstance(stopped, KeyboardInterrupt) else 143


def counted(number: int, one: str, many: str = "") -> str:
    """A number with what is counted: `1 pair`, `2,000 pairs`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


@contextmanager
def uncollected() -> Iterator[None]:
    """What is imported in here stays for good, so the collector goes through it neither now nor later."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


class Terminated(BaseException):
    """The process was asked to end."""


@contextmanager
def terminable() -> Iterator[None]:
    """In here SIGTERM raises `Terminated`, so that what runs can put away what it has."""
    with _on_sigterm(_terminate):
        yield


@contextmanager
def undisturbed() -> Iterator[None]:
    """In here SIGTERM waits until the end."""
    came: list[int] = []
    try:
        with _on_sigterm(lambda number, _: came.append(number)):
            yield
    finally:
        if came:
            signal.raise_signal(signal.SIGTERM)


def end_with_parent() -> None:
    """Has this process get SIGTERM when the one that started it is gone: killed, it cannot say that nobody waits."""
    parent = parent_process()
    assert parent

    def wait() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


@contextmanager
def _on_sigterm(handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """Only the main thread can see to that: in any other one SIGTERM does what it did."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


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


def build_at(source: str, revision: str | None = None) -> Path:
    """The build that a user names: a directory, or a published dataset `org/name` or `org/name@revision`, downloaded.

    Raises:
        PublishError: there is no such dataset or revision, or the Hub refuses.
    """
    from ecd_data.release.release import download

    if Path(source).is_dir():
        return Path(source)
    repo_id, _, named = source.partition("@")
    return download(repo_id, revision or named or None)


def ecd_home() -> Path:
    """Where the response store lies by default: `$ECD_HOME`, or `~/.cache/ecd`."""
    return Path(os.environ.get("ECD_HOME") or Path.home() / ".cache" / "ecd")


def grid(columns: Sequence[str], rows: Iterable[Sequence[object]], numbers: bool = False) -> None:
    """Prints rows as a table with a heading; `numbers` sets all columns but the first to the right."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    made = Table(box=SIMPLE_HEAD, pad_edge=False)
    for number, name in enumerate(columns):
        made.add_column(name, justify="right" if numbers and number else "left")
    for row in rows:
        made.add_row(*(cell if isinstance(cell, Text) else Text(plain(str(cell))) for cell in row))
    # Of no terminal the width is unknown, and cells that wrap are no help to a log or a pipe.
    Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else WIDTH).print(made)


def plain(text: str) -> str:
    """Text of others, as it may be shown on a terminal: without control characters."""
    return "".join(char if char.isprintable() or char in "\n " else "\N{REPLACEMENT CHARACTER}" for char in text)


def table(rows: Mapping[str, object]) -> str:
    """Names and values as two aligned columns."""
    width = max(map(len, rows), default=0)
    return plain("\n".join(f"  {name:<{width}}  {value}" for name, value in rows.items()))
