"""Calibration: how often a judge is right where code knows the truth.

The judge is shown plain answers (`calibration.yaml`) with requirements that they do not meet and, after a change by
code, with requirements that they do. A requirement that takes counting beyond three is left out: it would measure
arithmetic rather than reading.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

from ecd_data.core.rng import keyed_rng
from ecd_data.core.templates import read_yaml
from ecd_data.core.values import Requirement, Ruling
from ecd_data.requirements.kinds import KINDS, check, repair
from ecd_data.requirements.taxonomy import CLASSES, class_of, load_taxonomy

MOST_COUNTED = 3
Z = 1.96  # of a 95 % interval


@dataclass(frozen=True)
class Item:
    """A question to a judge whose answer code knows: `truth` says whether `response` meets `requirement`."""

    id: str
    instruction: str
    response: str
    requirement: Requirement
    truth: bool


@dataclass(frozen=True)
class Reliability:
    """How often a judge was right on some items; an undecided ruling counts as wrong.

    `false_accept` is the share of unmet requirements that were ruled met, `false_reject` that of met ones ruled unmet;
    `balanced_accuracy` is the mean of the shares of right rulings on either side (0.5 is guessing).
    """

    items: int
    accuracy: float
    balanced_accuracy: float
    false_accept: float
    false_reject: float
    undecided: float


@dataclass(frozen=True)
class Calibration:
    """The reliability of a judge over all items and for each class; `low` and `high` bound the accuracy (95 %)."""

    overall: Reliability
    by_class: dict[str, Reliability]
    low: float
    high: float


def items(count: int) -> list[Item]:
    """Return so many items, in equal parts of every class and of met and unmet; the same ones every time.

    There are fewer if calibration has not enough different ones.
    """
    chosen: list[Item] = []
    for name in CLASSES:
        for truth in (True, False):
            fitting = [item for item in _all_items() if item.truth is truth and class_of(item.requirement.id) == name]
            keyed_rng("calibration", name, truth).shuffle(fitting)
            chosen += _in_turns(fitting)[: count // (2 * len(CLASSES))]
    return chosen


def calibration(ruled: Sequence[tuple[Item, Ruling]]) -> Calibration:
    """Return how reliable the judge is that made these rulings on the items."""
    by_class = {
        name: _reliability([(item, ruling) for item, ruling in ruled if class_of(item.requirement.id) == name])
        for name in CLASSES
    }
    overall = _reliability(ruled)
    low, high = _wilson(overall.accuracy, overall.items)
    return Calibration(overall, by_class, low, high)


def table(measured: Mapping[str, Any]) -> str:
    """Return a calibration, given as plain data, as a Markdown table with a row for each class and one for all."""
    names = [field.name for field in fields(Reliability)]
    head = "| class | " + " | ".join(name.replace("_", " ") for name in names) + " |"
    lines = [head, "| --- |" + " ---: |" * len(names)]
    for label, row in [*measured["by_class"].items(), ("all", measured["overall"])]:
        cells = (str(row[name]) if name == "items" else f"{row[name]:.2f}" for name in names)
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _reliability(ruled: Sequence[tuple[Item, Ruling]]) -> Reliability:
    verdicts = [(item.truth, None if ruling.undecided else ruling.met) for item, ruling in ruled]

    def share(wanted: bool | None, truth: bool | None = None) -> float:
        """Return the share of a verdict among all, or among those on items of that truth."""
        among = [verdict for true, verdict in verdicts if truth is None or true is truth]
        return round(sum(verdict is wanted for verdict in among) / len(among), 4) if among else 0.0

    right = sum(verdict is true for true, verdict in verdicts) / len(verdicts) if verdicts else 0.0
    return Reliability(
        items=len(verdicts),
        accuracy=round(right, 4),
        balanced_accuracy=round((share(True, True) + share(False, False)) / 2, 4),
        false_accept=share(True, False),
        false_reject=share(False, True),
        undecided=share(None),
    )


def _wilson(share: float, n: int) -> tuple[float, float]:
    """Return the Wilson score interval of a share of `n` (Wilson, 1927)."""
    if not n:
        return 0.0, 1.0
    middle = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    reach = Z / (1 + Z**2 / n) * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    return round(middle - reach, 4), round(middle + reach, 4)


def _in_turns(items: Sequence[Item]) -> list[Item]:
    """Return the items with the operations taking turns, so that the first few are of many."""
    turns: Counter[str] = Counter()

    def turn(item: Item) -> int:
        turns[item.requirement.id] += 1
        return turns[item.requirement.id]

    return sorted(items, key=turn)


@cache
def _all_items() -> list[Item]:
    result = []
    for number, example in enumerate(read_yaml("ecd_data.requirements", "calibration.yaml")):
        for operation in load_taxonomy().values():
            if operation.check == "judge" or KINDS[operation.check].needs_counting:
                continue
            requirement = operation.draw(keyed_rng("calibration", number, operation.id), 1)
            if any(isinstance(value, int) and value > MOST_COUNTED for value in requirement.kwargs.values()):
                continue
            answer = example["answer"]
            for truth, response in ((True, _meeting(requirement, answer)), (False, answer)):
                if response is not None and check(requirement, response).met is truth:
                    id_ = f"calibration-{number:02d}-{operation.id}-{'met' if truth else 'unmet'}"
                    result.append(Item(id_, example["instruction"], response, requirement, truth))
    return result


def _meeting(requirement: Requirement, answer: str) -> str | None:
    """Return the answer, changed so that it meets the requirement; `None` where code has no such change."""
    if (repaired := repair(requirement, answer)) is not None:
        return repaired
    completion = KINDS[load_taxonomy()[requirement.id].check].completion
    return None if completion is None else completion(answer, **requirement.kwargs)
