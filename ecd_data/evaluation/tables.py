"""Results as tables on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ecd_data.evaluation.result import Result
from ecd_data.evaluation.scores import MEASURES

WIDTH = 160  # where the output is no terminal


def show(lines: Sequence[Mapping[str, Any]], title: str, signed: bool = False) -> None:
    """Prints the lines of a result: accuracies in percent, or `signed`, differences in points."""
    table = Table(
        box=SIMPLE_HEAD,
        title=title,
        title_justify="left",
        caption="95 % intervals in brackets",
        caption_justify="left",
    )
    table.add_column("", overflow="fold")
    for name in ("prompts", "scored", *(measure.replace("_", "\n") for measure in MEASURES)):
        table.add_column(name, justify="right", no_wrap=True)
    before = ""
    for line in lines:
        if before not in ("", line["part"]):
            table.add_section()
        before = line["part"]
        name = f"{line['name']} in force" if line["part"] == "in force" else line["name"] or line["part"]
        counts = [f"{line[what]:,}" if line[what] else "" for what in ("prompts", "requirements")]
        table.add_row(name, *counts, *(_cell(line["measures"].get(measure), signed) for measure in MEASURES))
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = WIDTH
    console.print(table)


def notes(result: Result) -> list[str]:
    """What else there is to know of a result, a line each."""
    said = [f"{count:,} requirements left out: {reason}" for reason, count in result["left_out"].items()]
    answers = result["answers"]
    defects = ", ".join(f"{count:,} {defect}" for defect, count in sorted(answers["defects"].items()))
    return [
        *said,
        f"answers: {answers['mean_words']:,.0f} words in the mean; {defects or 'none cut off, empty or looping'}",
    ]


def _cell(interval: Mapping[str, float] | None, signed: bool) -> str:
    if interval is None:
        return ""
    sign = "+" if signed else ""
    value, low, high = (f"{100 * number:{sign}.1f}" for number in interval.values())
    return f"{value} [{low}, {high}]"
