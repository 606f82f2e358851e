"""The progress line: a live one on a terminal, and elsewhere a plain one every ten seconds and at the end of a stage.

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
from ecd_data.progress.numbers import Snapshot

PLAIN_SECONDS = 10.0
BAR_WIDTH = 24
WIDE = 120  # columns of a terminal from which on there is room for a bar


def duration(seconds: float) -> str:
    """Hours, minutes and seconds: `0:31:07`."""
    return str(timedelta(seconds=round(seconds)))


def money(amount: float) -> str:
    """An amount with two digits after the point, or so many that two of them count."""
    digits = max(2, 1 - math.floor(math.log10(amount))) if amount else 2
    return f"{amount:,.{digits}f}"


def words(now: Snapshot) -> list[str]:
    """What there is to say of a moment, the most important first; what is 0 and need not be is left out."""
    said = [counted(now.pairs, "pair")] if now.pairs else []
    if now.calls_per_second:
        said += [f"{now.calls_per_second:,.1f} calls/s", f"{now.tokens_per_second:,.0f} tokens/s"]
    if now.in_flight:
        said.append(f"{now.in_flight}/{now.limit} in flight")
    if now.cost is not None:
        said.append(f"cost {money(now.cost)}")
    if now.failed:
        said.append(f"{now.failed:,} failed")
    if now.retries:
        said.append(counted(now.retries, "retry", "retries"))
    if now.stored:
        said.append(f"{now.stored:,} from the store")
    return said


class Line:
    """Where the progress of a run is shown: live on a terminal, elsewhere as plain lines.

    Args:
        console: shows it. A console that is no terminal gets plain lines.
        say: takes plain lines instead, where a run has no console.
    """

    def __init__(self, console: Console | None, say: Callable[[str], None] | None) -> None:
        console = console or Console(quiet=True)
        # What is printed to standard output belongs there, even while standard error is a terminal.
        self._live = Live(console=console, auto_refresh=False, redirect_stdout=False, transient=True)
        self._is_live = console.is_terminal and not console.is_dumb_terminal and say is None
        self._width = console.width
        self.say = say or console.print
        self._printed = time.monotonic()

    def __enter__(self) -> Line:
        if self._is_live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, now: Snapshot) -> None:
        """Show how far a stage is."""
        if self._is_live:
            self._live.update(bar(now, self._width), refresh=True)
        elif time.monotonic() - self._printed >= PLAIN_SECONDS:
            self._print(text(now))

    def end(self, now: Snapshot) -> None:
        """Leave the last numbers of a stage on the screen."""
        if self._is_live:
            self._live.update("", refresh=True)
        self._print(f"{text(now)}, took {duration(now.seconds)}")

    def _print(self, line: str) -> None:
        self._printed = time.monotonic()
        self.say(line)


def text(now: Snapshot) -> str:
    """The plain line."""
    note = [now.note] if now.note else []
    left = [] if now.seconds_left is None else [f"ETA {duration(now.seconds_left)}"]
    return ", ".join([f"{now.stage}: {now.done:,}/{now.total:,}", *note, *words(now), *left])


def bar(now: Snapshot, width: int) -> Table:
    """The live line; what a narrow terminal has no room for is cut off at the end."""
    left = "-:--:--" if now.seconds_left is None else duration(now.seconds_left)
    row: list[RenderableType] = [f"{now.done:,}/{now.total:,}", now.note or f"ETA {left}"]
    if width >= WIDE:
        row.insert(0, ProgressBar(total=now.total, completed=now.done, width=BAR_WIDTH))
    grid = Table.grid(padding=(0, 1))
    grid.add_row(now.stage, *row, Text(" · ".join(words(now)), no_wrap=True, overflow="ellipsis"))
    return grid
