"""Differences between what a release holds and what it should hold, each as a sentence."""

from collections.abc import Iterator
from itertools import zip_longest

from ecd_data.artifact.row_checks import row_name
from ecd_data.proof.comparison import RowChange, differing_values

LONGEST = 160  # characters of a value that a sentence shows


def value_differences(recorded: object, expected: object, source: str, path: str = "") -> Iterator[str]:
    """Yield where two JSON values differ.

    Args:
        source: what the expected value comes from.
        path: of the values themselves.
    """
    for name, value, expected_value in differing_values(recorded, expected, path):
        yield f"{name}: is {shortened(value)}, but {shortened(expected_value)} according to {source}"


def line_difference(name: str, text: str, expected: str) -> Iterator[str]:
    """Yield the first line in which the text of a file differs, if there is one."""
    lines = zip_longest(text.splitlines(), expected.splitlines(), fillvalue="(nothing)")
    for number, (line, expected_line) in enumerate(lines, 1):
        if line != expected_line:
            yield f"{name}, line {number}: is {shortened(line)}, not {shortened(expected_line)}"
            return
    if text != expected:
        yield f"{name}: has other line endings"


def row_difference(change: RowChange) -> str:
    """Return how a row of a release differs from that of its replay."""
    where = row_name(change.config, change.split, change.id)
    return {
        "added": f"{where}: missing; the replay makes it",
        "removed": f"{where}: the replay makes no such row",
        "changed": f"{where}: the replay makes it with another {', '.join(change.columns)}",
    }[change.kind]


def shortened(value: object) -> str:
    """Return how a sentence shows a value."""
    text = repr(value)
    return text if len(text) <= LONGEST else text[:LONGEST] + " ..."
