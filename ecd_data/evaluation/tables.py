"""Prints the results of an evaluation as tables."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ecd_data.evaluation.result import Result
from ecd_data.evaluation.scores import MEASURES

WIDTH = 160  # columns, where the output is not a terminal


def print_measures(parts: Sequence[Mapping[str, Any]], title: str, signed: bool = False) -> None:
    """Print the measures over the parts of a result: accuracies in percent, or differences in points if `signed`."""
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
    for _, section in groupby(parts, key=lambda part: part["part"]):
        table.add_section()
        for part in section:
            name = f"{part['name']} in force" if part["part"] == "in force" else part["name"] or part["part"]
            counts = [f"{part[count]:,}" if part[count] else "" for count in ("prompts", "requirements")]
            table.add_row(name, *counts, *(_cell(part["measures"].get(measure), signed) for measure in MEASURES))
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = WIDTH
    console.print(table)


def notes(result: Result) -> list[str]:
    """Return lines about the requirements that are not scored, and about length and defects of the answers."""
    left_out = [f"{count:,} requirements left out: {reason}" for reason, count in result["left_out"].items()]
    answers = result["answers"]
    defects = ", ".join(f"{count:,} {defect}" for defect, count in sorted(answers["defects"].items()))
    return [
        *left_out,
        f"answers: {answers['mean_words']:,.0f} words in the mean; {defects or 'none cut off, empty or looping'}",
    ]


def _cell(interval: Mapping[str, float] | None, signed: bool) -> str:
    if interval is None:
        return ""
    sign = "+" if signed else ""
    value, low, high = (f"{100 * number:{sign}.1f}" for number in interval.values())
    return f"{value} [{low}, {high}]"
