"""Calibration: how often a judge is right where code knows the truth.

Plain answers (`calibration.yaml`) are put to the judge with requirements that they do not meet, and, after a change by
code, with requirements that they do. A requirement that takes counting beyond three is left out: it would measure
arithmetic rather than reading.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml

from ecd_data.core.rng import keyed_rng
from ecd_data.core.values import Requirement, Ruling
from ecd_data.requirements.checks import check
from ecd_data.requirements.repairs import repair
from ecd_data.requirements.taxonomy import CLASSES, Operation, load_taxonomy

MOST_COUNTED = 3
Z = 1.96  # of a 95 % interval


@dataclass(frozen=True)
class Item:
    """A question with a known answer: whether `response` meets `requirement`."""

    id: str
    instruction: str
    response: str
    requirement: Requirement
    truth: bool


@dataclass(frozen=True)
class Reliability:
    """How a judge did on some items; an undecided ruling counts as wrong.

    `false_accept` is the share of unmet requirements ruled met, `false_reject` that of met ones ruled unmet;
    `balanced_accuracy` is the mean of the shares right on either side (0.5 is guessing).
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
    """So many items, in equal parts of every class and of met and unmet; the same ones every time.

    Fewer come back when there are not enough different ones.
    """
    chosen: list[Item] = []
    for kind in CLASSES:
        for truth in (True, False):
            found = [
                item for item in _all_items() if item.truth is truth and item.requirement.id.startswith(f"{kind}/")
            ]
            keyed_rng("calibration", kind, truth).shuffle(found)
            chosen += _spread(found)[: count // (2 * len(CLASSES))]
    return chosen


def calibration(ruled: Sequence[tuple[Item, Ruling]]) -> Calibration:
    """What the rulings on the items say about the judge that made them."""
    by_class = {
        kind: _reliability([(item, ruling) for item, ruling in ruled if item.requirement.id.startswith(f"{kind}/")])
        for kind in CLASSES
    }
    overall = _reliability(ruled)
    low, high = _wilson(overall.accuracy, overall.items)
    return Calibration(overall, by_class, low, high)


def table(measured: Mapping[str, Any]) -> str:
    """A calibration, as plain data, as a Markdown table with a row for each class and one for all."""
    names = ["items", "accuracy", "balanced_accuracy", "false_accept", "false_reject", "undecided"]
    head = "| class | " + " | ".join(name.replace("_", " ") for name in names) + " |"
    lines = [head, "| --- |" + " ---: |" * len(names)]
    for kind, row in [*measured["by_class"].items(), ("all", measured["overall"])]:
        cells = (str(row[name]) if name == "items" else f"{row[name]:.2f}" for name in names)
        lines.append(f"| {kind} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _reliability(ruled: Sequence[tuple[Item, Ruling]]) -> Reliability:
    decided = [(item.truth, None if ruling.undecided else ruling.met) for item, ruling in ruled]

    def share(verdict: bool | None, truth: bool | None = None) -> float:
        of = [said for true, said in decided if truth is None or true is truth]
        return round(sum(said is verdict for said in of) / len(of), 4) if of else 0.0

    right = sum(said is true for true, said in decided) / len(decided) if decided else 0.0
    return Reliability(
        items=len(decided),
        accuracy=round(right, 4),
        balanced_accuracy=round((share(True, True) + share(False, False)) / 2, 4),
        false_accept=share(True, False),
        false_reject=share(False, True),
        undecided=share(None),
    )


def _wilson(share: float, n: int) -> tuple[float, float]:
    """The Wilson score interval of a share (Wilson, 1927)."""
    if not n:
        return 0.0, 1.0
    middle = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    reach = Z / (1 + Z**2 / n) * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    return round(middle - reach, 4), round(middle + reach, 4)


def _spread(found: Sequence[Item]) -> list[Item]:
    """The items with the operations taking turns, so that a few of them are of many kinds."""
    turns: dict[str, int] = {}
    order = []
    for item in found:
        turns[item.requirement.id] = turns.get(item.requirement.id, 0) + 1
        order.append((turns[item.requirement.id], item))
    return [item for _, item in sorted(order, key=lambda pair: pair[0])]


@cache
def _all_items() -> list[Item]:
    text = (resources.files("ecd_data.requirements") / "calibration.yaml").read_text(encoding="utf-8")
    found = []
    for number, example in enumerate(yaml.safe_load(text)):
        for operation in load_taxonomy().values():
            if operation.check == "judge" or not _by_reading(operation):
                continue
            requirement = operation.draw(keyed_rng("calibration", number, operation.id), 1)
            if any(isinstance(value, int) and value > MOST_COUNTED for value in requirement.kwargs.values()):
                continue
            answer = example["answer"]
            changed = _changed(requirement, answer)
            for truth, response in ((True, changed), (False, answer)):
                if response is not None and check(requirement, response).met is truth:
                    id_ = f"calibration-{number:02d}-{operation.id}-{'met' if truth else 'unmet'}"
                    found.append(Item(id_, example["instruction"], response, requirement, truth))
    return found


def _by_reading(operation: Operation) -> bool:
    """Whether an operation can be judged by reading: letters and words are not counted one by one."""
    return operation.check not in (
        "word_count",
        "character_count",
        "sentence_length",
        "longest_word",
        "repeated_words",
    )


def _changed(requirement: Requirement, answer: str) -> str | None:
    """The answer, changed so that it meets the requirement; `None` where code has no such change."""
    if (repaired := repair(requirement, answer)) is not None:
        return repaired
    complete = COMPLETIONS.get(load_taxonomy()[requirement.id].check)
    return None if complete is None else complete(answer, **requirement.kwargs)


def _first(answer: str) -> str:
    return answer.split(". ")[0].rstrip(".!") + "."


COMPLETIONS: dict[str, Callable[..., str]] = {
    "include_words": lambda answer, keywords: f"{answer} Two more words: {' and '.join(keywords)}.",
    "mentions_phrase": lambda answer, phrase: f"{answer} It all happens {phrase}.",
    "ordered_words": lambda answer, keywords: f"{answer} To sum up: {', '.join(keywords)}.",
    "last_line_starting": lambda answer, label: f"{answer}\n{label} {_first(answer)}",
    "percent_line": lambda answer, label: f"{answer}\n{label} 80%",
    "line_starting": lambda answer, label: f"{answer}\n{label} {_first(answer)}",
    "labelled_lines": lambda answer, labels: "\n".join([answer, *(f"{label} {_first(answer)}" for label in labels)]),
    "last_line_items": lambda answer, label, n: f"{answer}\n{label} {', '.join(['tips', 'tricks', 'history'][:n])}",
    "question_and_answer": lambda answer, n: "\n".join([answer, *[f"Q: Is that so?\nA: {_first(answer)}"] * n]),
    "question_count": lambda answer, n: " ".join([answer, *["Did you know that?", "Is it new to you?"][:n]]),
    "iso_date": lambda answer: f"{answer} This was written on 2024-05-01.",
    "percentage": lambda answer: f"{answer} About 80% of people agree.",
    "metric_units": lambda answer: f"{answer} That is true within 5 km.",
    "parentheses": lambda answer, n: " ".join([answer, *["That is all (for now)."] * n]),
    "json_object": lambda answer, keys: json.dumps(dict.fromkeys(keys, _first(answer))),
    "table": lambda answer, columns, n: "\n".join(
        "| " + " | ".join(row) + " |"
        for row in [columns, ["---"] * len(columns), *[["this", "that", "more"][: len(columns)]] * n]
    ),
}
