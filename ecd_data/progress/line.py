"""Show the progress of a run: live on a terminal, elsewhere as a plain line every ten seconds and after each stage.

chains: 120/2000, 171 pairs, 14.2 calls/s, 2210 tokens/s, 64/64 in flight, ETA 0:31:07
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import timedelta

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ecd_data.core.text import counted
from ecd_data.progress.snapshot import Snapshot

PLAIN_SECONDS = 10.0
BAR_WIDTH = 24
WIDE = 120  # columns of a terminal that has room for a bar


class ProgressLine:
    """The line that shows the progress of a run.

    Args:
        console: where the line is shown; one that is not a terminal gets plain lines.
        print_line: called with plain lines instead, for runs without a console.
    """

    def __init__(self, console: Console | None, print_line: Callable[[str], None] | None) -> None:
        console = console or Console(quiet=True)
        # What is printed to standard output belongs there, even while standard error is a terminal.
        self._live = Live(console=console, auto_refresh=False, redirect_stdout=False, transient=True)
        self._is_live = console.is_terminal and not console.is_dumb_terminal and print_line is None
        self._width = console.width
        self.print_line = print_line or console.print
        self._printed_at = time.monotonic()

    def __enter__(self) -> ProgressLine:
        if self._is_live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, now: Snapshot) -> None:
        """Show how far a stage is."""
        if self._is_live:
            self._live.update(live_line(now, self._width), refresh=True)
        elif time.monotonic() - self._printed_at >= PLAIN_SECONDS:
            self._print(plain_line(now))

    def end(self, now: Snapshot) -> None:
        """Leave the last numbers of a stage on the screen."""
        if self._is_live:
            self._live.update("", refresh=True)
        self._print(f"{plain_line(now)}, took {format_duration(now.seconds)}")

    def _print(self, line: str) -> None:
        self._printed_at = time.monotonic()
        self.print_line(line)


def plain_line(now: Snapshot) -> str:
    """Return the progress as plain text."""
    note = [now.note] if now.note else []
    left = [] if now.seconds_left is None else [f"ETA {format_duration(now.seconds_left)}"]
    return ", ".join([f"{now.stage}: {now.done:,}/{now.total:,}", *note, *details(now), *left])


def live_line(now: Snapshot, width: int) -> Table:
    """Return the progress as one line with a bar; a narrow terminal cuts it off at the end."""
    left = "-:--:--" if now.seconds_left is None else format_duration(now.seconds_left)
    row: list[RenderableType] = [f"{now.done:,}/{now.total:,}", now.note or f"ETA {left}"]
    if width >= WIDE:
        row.insert(0, ProgressBar(total=now.total, completed=now.done, width=BAR_WIDTH))
    grid = Table.grid(padding=(0, 1))
    grid.add_row(now.stage, *row, Text(" · ".join(details(now)), no_wrap=True, overflow="ellipsis"))
    return grid


def details(now: Snapshot) -> list[str]:
    """Return the numbers of a moment in words, the most important first, without those that are 0."""
    words = [counted(now.pairs, "pair")] if now.pairs else []
    if now.calls_per_second:
        words += [f"{now.calls_per_second:,.1f} calls/s", f"{now.tokens_per_second:,.0f} tokens/s"]
    if now.in_flight:
        words.append(f"{now.in_flight}/{now.limit} in flight")
    if now.cost is not None:
        words.append(f"cost {format_money(now.cost)}")
    if now.failed:
        words.append(f"{now.failed:,} failed")
    if now.retries:
        words.append(counted(now.retries, "retry", "retries"))
    if now.stored:
        words.append(f"{now.stored:,} from the store")
    return words


def format_duration(seconds: float) -> str:
    """Return hours, minutes and seconds: `0:31:07`."""
    return str(timedelta(seconds=round(seconds)))


def format_money(amount: float) -> str:
    """Return an amount with two decimals, or with as many as its first two significant digits need."""
    digits = max(2, 1 - math.floor(math.log10(amount))) if amount else 2
    return f"{amount:,.{digits}f}"
