"""The funnel: how far the rounds of a build came, per class, operation and round, and what each route gave.

    {"by_class": {"style": {"attempted": 9, "evolved": 9, "adapted": 8, "passed": 5, "pairs": 5}, ...}, ...}

It is counted from the rows alone, so it can be checked against them.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any

from ecd_data.artifact.parquet import every_row
from ecd_data.artifact.schema import ECD
from ecd_data.core.values import NEGATIVES, RowId
from ecd_data.methods import METHODS
from ecd_data.requirements.taxonomy import class_of

USABLE = (
    "",
    "unmet",
    "rejected",
)  # candidates with no other defect than what they miss, or that they were chosen over
# The columns that are read: with the texts it takes many times as long.
CANDIDATES = ("candidates.list.element.route", "candidates.list.element.defect")
TURN = ("round", "operation", "adapted_by", *CANDIDATES)
CHAIN = ("id", "pairs", *(f"turns.list.element.{name}" for name in TURN))
REJECT = ("round", "step", "reason", "operation", *CANDIDATES)
NO_OPERATION = "none"  # of rounds for which nothing fitted, and of chains that never began


@dataclass(frozen=True)
class Round:
    """How far one round came.

    evolved: an instruction was made.
    route: of the candidate that met everything; empty when none did.
    pair: it became a pair with R(t).
    candidates: as the rows hold them.
    """

    number: int
    operation: str
    evolved: bool
    route: str
    pair: bool
    candidates: Sequence[Mapping[str, Any]]

    @property
    def reached(self) -> dict[str, bool]:
        """For each stage, whether the round came that far."""
        usable = sum(candidate["defect"] in USABLE for candidate in self.candidates)
        return {
            "attempted": True,
            "evolved": self.evolved,
            "adapted": usable > 0,
            "answered": usable > 1,
            "passed": bool(self.route),
            "pairs": self.pair,
        }


def make_funnel(build: Path, builder: str = ECD) -> dict[str, Any]:
    """The funnel of a build whose rows are in place.

    `by_class`, `by_operation` and `by_round` count the rounds that came as far as each of the stages. ECD has five:
    attempted; evolved, an instruction was made; adapted, a candidate had no defect other than that it missed a
    requirement; passed, one met all; pairs, it became a pair with R(t). Others have three: attempted; answered, there
    were two answers to choose from; pairs. `routes` counts candidates tried, those that passed and the rounds that
    became a pair; `operations` how many of the operations drawn gave a pair.
    """
    classes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    operations: defaultdict[str, Counter[str]] = defaultdict(Counter)
    numbers: defaultdict[int, Counter[str]] = defaultdict(Counter)
    routes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    method = METHODS[builder]
    for round in _rounds(build):
        reached = [stage for stage in method.stages if round.reached[stage]]
        operation = round.operation or NO_OPERATION
        for counts in (classes[class_of(operation) or operation], operations[operation], numbers[round.number]):
            counts.update(reached)
        for candidate in round.candidates:
            if method.evolves and candidate["route"] in NEGATIVES:
                continue  # made to be rejected
            routes[candidate["route"]].update(["tried"] if candidate["defect"] else ["tried", "passed"])
        if round.pair:
            routes[round.route]["pairs"] += 1
    drawn = {operation: counts for operation, counts in operations.items() if operation != NO_OPERATION}
    return {
        "by_class": _table(classes, method.stages),
        "by_operation": _table(operations, method.stages),
        "by_round": _table(numbers, method.stages),
        "routes": _table(routes, ("tried", "passed", "pairs")),
        "operations": {"drawn": len(drawn), "with_pair": sum(counts["pairs"] > 0 for counts in drawn.values())},
    }


def length_ratios(build: Path) -> dict[str, Any]:
    """Characters of chosen to rejected, per class and over `all`: the median, and the mean of the logarithm.

    A mean logarithm of 0 says that neither side tends to be longer, 0.69 that the chosen one has twice the characters.
    """
    ratios: defaultdict[str, list[float]] = defaultdict(list)
    for row in every_row(build, "preference", ["operation", "chosen", "rejected"]):
        ratio = len(row["chosen"][0]["content"]) / len(row["rejected"][0]["content"])
        ratios[class_of(row["operation"])].append(ratio)
        ratios["all"].append(ratio)
    return {
        name: {"median": round(median(found), 2), "mean_log": round(fmean(map(math.log, found)), 2)}
        for name, found in sorted(ratios.items())
    }


def _rounds(build: Path) -> Iterator[Round]:
    """Every round once: as an accepted turn of a chain, or else as a reject."""
    for chain in every_row(build, "chains", CHAIN):
        for turn in chain["turns"]:
            if turn["round"]:
                paired = turn["round"] in {RowId.parse(id_).round for id_ in chain["pairs"]}
                yield Round(turn["round"], turn["operation"], True, turn["adapted_by"], paired, turn["candidates"])
    for reject in every_row(build, "rejects", REJECT):
        if reject["reason"] != "route_share":  # its turn is in the chain
            evolved = reject["step"] in ("elimination", "contrast")
            candidates = reject["candidates"] if reject["round"] else ()  # of a first answer, which no route made
            yield Round(reject["round"], reject["operation"], evolved, "", False, candidates)


def _table(counts: Mapping[Any, Counter[str]], columns: Iterable[str]) -> dict[str, dict[str, int]]:
    return {str(key): {column: counts[key][column] for column in columns} for key in sorted(counts)}
