"""What every command shares: errors as one clear message, progress on standard error, and how a command ends."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ecd_data.errors import EcdError

console = Console(stderr=True, highlight=False, soft_wrap=True)


def run_command(command: Callable[[], int | None]) -> int:
    """Runs a command and returns its exit code; an `EcdError` is printed as a message, without a traceback."""
    try:
        return command() or 0
    except EcdError as error:
        console.print(f"error: {error}", style="red", markup=False)
        return error.exit_code
    except KeyboardInterrupt:
        console.print("stopped. Every response so far is stored: the same command goes on from there.")
        return 130


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


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[str], None]]:
    """A progress bar, or a plain line at every tenth of the way when standard error is no terminal.

    Yields a function that moves on by one and shows a note.
    """
    if not console.is_terminal:
        done = 0

        def step(note: str) -> None:
            nonlocal done
            done += 1
            if done == total or done * 10 // total > (done - 1) * 10 // total:
                console.print(f"{what}: {done}/{total} {note}", markup=False)

        yield step
        return
    columns = (
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(what, total=total, note="")
        yield lambda note: bar.update(task, advance=1, note=note)


def table(rows: Mapping[str, object]) -> str:
    """Names and values as two aligned columns."""
    width = max(map(len, rows), default=0)
    return "\n".join(f"  {name:<{width}}  {value}" for name, value in rows.items())
