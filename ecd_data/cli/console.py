"""What every command prints, and how it ends: errors as one clear message on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence

from rich.console import Console

from ecd_data.core.errors import EcdError
from ecd_data.core.process import Terminated, terminable
from ecd_data.core.text import visible

WIDTH = 140  # columns of a table that goes to no terminal
console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)


def run_command(command: Callable[[], int | None]) -> int:
    """Run a command and return its exit code; an `EcdError` is printed as a message, without a traceback.

    SIGTERM ends it like Ctrl-C, so that nothing half-made stays behind; the exit codes are 143 and 130.
    """
    try:
        with terminable():
            return command() or 0
    except EcdError as error:
        console.print(visible(f"error: {error}"), style="red")
        return error.exit_code
    except OSError as error:  # a full disk, a permission, a folder that is gone: for the user to mend
        console.print(visible(f"error: {error}"), style="red")
        return 1
    except (KeyboardInterrupt, Terminated) as stopped:
        console.print("stopped. Every response so far is stored: run the same command again to continue.")
        return 130 if isinstance(stopped, KeyboardInterrupt) else 143


def quiet_libraries() -> None:
    """Turn off the libraries' own progress bars and log lines, and their calls to hosts that nobody named."""
    import datasets
    import huggingface_hub

    datasets.disable_progress_bars()
    huggingface_hub.utils.disable_progress_bars()
    datasets.logging.set_verbosity_error()
    huggingface_hub.logging.set_verbosity_error()
    # `load_dataset` would ask the dataset viewer's host for a Parquet export; our repositories are Parquet.
    datasets.config.USE_PARQUET_EXPORT = False


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], numbers: bool = False) -> None:
    """Print rows as a table with a heading; `numbers` aligns all columns but the first to the right."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for number, name in enumerate(columns):
        table.add_column(name, justify="right" if numbers and number else "left")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(visible(str(cell))) for cell in row))
    # Without a terminal the width is unknown, and cells that wrap are no help in a log or a pipe.
    Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else WIDTH).print(table)
