"""The funnel: how far the rounds of a build came, per class, operation and round, and what each route gave.

    {"by_class": {"style": {"attempted": 9, "evolved": 9, "adapted": 8, "passed": 5, "pairs": 5}, ...}, ...}

It is counted from the rows alone, so that it can be verified against them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecd_data.artifact.parquet import every_row
from ecd_data.artifact.schema import ECD
from ecd_data.core.values import NEGATIVES, REJECTED, RowId
from ecd_data.methods import METHODS
from ecd_data.requirements.taxonomy import class_of

# Defects of a candidate that is a usable answer: none, missing a requirement, or becoming the rejected answer.
USABLE = ("", "unmet", REJECTED)
# Only these columns are read: with the texts it takes many times as long.
CANDIDATE_COLUMNS = ("candidates.list.element.route", "candidates.list.element.defect")
TURN_COLUMNS = ("round", "operation", "adapted_by", *CANDIDATE_COLUMNS)
CHAIN_COLUMNS = ("id", "pairs", *(f"turns.list.element.{name}" for name in TURN_COLUMNS))
REJECT_COLUMNS = ("round", "step", "reason", "operation", *CANDIDATE_COLUMNS)
NO_OPERATION = "none"  # of rounds that no operation suited, and of chains that never began


@dataclass(frozen=True)
class Round:
    """How far one round came.

    evolved: whether an instruction was made.
    route: of the candidate that met every requirement; empty when none did.
    pair: whether it became a pair with R(t).
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
        """Whether the round reached each stage."""
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
    """Return the funnel of a build whose rows are in place.

    A round of ECD passes five stages: attempted; evolved, it has an instruction; adapted, some candidate had no other
    defect than requirements it missed; passed, one met everything; pairs, it became a pair with R(t). A round of
    another method passes three: attempted; answered, there were two answers to choose from; pairs. `routes` counts
    candidates tried, candidates that passed and rounds that became a pair; `operations` counts the operations drawn
    and those of them that gave a pair.
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
        "by_class": _rows(classes, method.stages),
        "by_operation": _rows(operations, method.stages),
        "by_round": _rows(numbers, method.stages),
        "routes": _rows(routes, ("tried", "passed", "pairs")),
        "operations": {"drawn": len(drawn), "with_pair": sum(counts["pairs"] > 0 for counts in drawn.values())},
    }


def _rounds(build: Path) -> Iterator[Round]:
    """Yield every round once: an accepted turn of a chain, or else a reject."""
    for chain in every_row(build, "chains", CHAIN_COLUMNS):
        with_pair = {RowId.parse(id_).round for id_ in chain["pairs"]}
        for turn in chain["turns"]:
            if number := turn["round"]:
                pair = number in with_pair
                yield Round(number, turn["operation"], True, turn["adapted_by"], pair, turn["candidates"])
    for reject in every_row(build, "rejects", REJECT_COLUMNS):
        if reject["reason"] != "route_share":  # its turn is in the chain
            evolved = reject["step"] in ("elimination", "contrast")
            candidates = reject["candidates"] if reject["round"] else ()  # those of a first answer came by no route
            yield Round(reject["round"], reject["operation"], evolved, "", False, candidates)


def _rows(counts: Mapping[Any, Counter[str]], columns: Iterable[str]) -> dict[str, dict[str, int]]:
    return {str(key): {column: counts[key][column] for column in columns} for key in sorted(counts)}
