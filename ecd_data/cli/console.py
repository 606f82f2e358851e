"""The console of every command: its tables, its exit code, and its errors as one message on standard error."""

import sys
from collections.abc import Callable, Iterable, Sequence

from rich.console import Console

from ecd_data.core.errors import EcdError
from ecd_data.core.process import Terminated, raise_on_sigterm
from ecd_data.core.text import visible

WIDTH = 140  # characters, of a table that is not printed on a terminal
console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)


def run_command(command: Callable[[], int | None]) -> int:
    """Run a command and return its exit code. An `EcdError` is printed as a message, without a traceback.

    SIGTERM ends the command like Ctrl-C, so that it can clean up; the exit codes are 143 and 130.
    """
    try:
        with raise_on_sigterm():
            return command() or 0
    except EcdError as error:
        console.print(visible(f"error: {error}"), style="red")
        return error.exit_code
    except OSError as error:  # a full disk, a permission, a missing folder: for the user to fix
        console.print(visible(f"error: {error}"), style="red")
        return 1
    except (KeyboardInterrupt, Terminated) as stopped:
        console.print("stopped. Every response so far is stored: run the same command again to continue.")
        return 130 if isinstance(stopped, KeyboardInterrupt) else 143


def quiet_libraries() -> None:
    """Turn off the progress bars and log lines of the libraries, and their requests to hosts that nobody named."""
    import datasets
    import huggingface_hub

    datasets.disable_progress_bars()
    huggingface_hub.utils.disable_progress_bars()
    datasets.logging.set_verbosity_error()
    huggingface_hub.logging.set_verbosity_error()
    # `load_dataset` would ask the dataset viewer for a Parquet export; our repositories are Parquet already.
    datasets.config.USE_PARQUET_EXPORT = False


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], numbers: bool = False) -> None:
    """Print a table with a heading.

    Args:
        columns: their names.
        rows: the cells of each.
        numbers: align all columns but the first to the right.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for number, name in enumerate(columns):
        table.add_column(name, justify="right" if numbers and number else "left")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(visible(str(cell))) for cell in row))
    # Without a terminal the width is unknown, and wrapped cells are hard to read in a log or a pipe.
    Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else WIDTH).print(table)
