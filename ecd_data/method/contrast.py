"""Contrast: (I(t+1), chosen R(t+1), rejected R(s)), when R(s) misses one or two requirements and nothing else.

Answers of a round between which the verdicts show no contrast are ties.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from rapidfuzz.distance import Indel

from ecd_data.requirements.taxonomy import LENGTHS, Operation
from ecd_data.values import STUDENT, Pair, Requirement, Ruling, Tie, Turn


class Ruled(NamedTuple):
    """An answer to I(t+1): how it came about (a route, or what negative it is), its text, and the rulings on it."""

    route: str
    text: str
    rulings: tuple[Ruling, ...]


@lru_cache(maxsize=64)  # a candidate is compared when it comes, when the closest is chosen and in its pair
def similarity(a: str, b: str) -> float:
    """How close two answers are, 0 to 1: the characters they share in order, without regard to case (Indel)."""
    return round(Indel.normalized_similarity(a.casefold(), b.casefold()), 4)


def negative_defect(rulings: Sequence[Ruling], max_missed: int) -> str:
    """Why an older answer is no hard negative for these requirements: a reason code, or an empty string."""
    if any(ruling.undecided for ruling in rulings):
        return "negative_undecided"
    missed = sum(not ruling.met for ruling in rulings)
    if missed == 0:
        return "negative_meets_all"
    return "negative_misses_many" if missed > max_missed else ""


def balanced(
    chosen: str, rejected: str, missed: Collection[str], taxonomy: Mapping[str, Operation], max_ratio: float
) -> bool:
    """Whether two answers are of like length: pairs whose chosen side is merely longer would teach length.

    A requirement on length asks for another length and says so in the instruction, so a pair whose rejected answer
    misses one is left to it.

    Args:
        missed: ids of the requirements that the rejected answer misses.
        max_ratio: of the longer one's characters to the shorter one's.
    """
    if any(taxonomy[id_].family in LENGTHS for id_ in missed):
        return True
    shorter, longer = sorted((len(chosen), len(rejected)))
    return longer <= max_ratio * shorter


def contrast(seed_id: str, rejected: Ruled, newer: Turn, gap: int) -> Pair:
    """A pair of the newer turn's round, with the answer of the accepted turn `gap` before it, or (0) with another."""
    return Pair(
        seed_id=seed_id,
        round=newer.round,
        gap=gap,
        operation=newer.operation,
        instruction=newer.instruction,
        chosen=newer.response,
        rejected=rejected.text,
        requirements=newer.requirements,
        chosen_rulings=newer.rulings,
        rejected_rulings=rejected.rulings,
        similarity=similarity(newer.response, rejected.text),
        evolved_by=newer.evolved_by,
        adapted_by=newer.adapted_by,
        rejected_by=STUDENT if rejected.route == STUDENT else "",
        negative=rejected.route,
    )


def ties(
    seed_id: str,
    operation: str,
    instruction: str,
    requirements: Sequence[Requirement],
    kept: Sequence[Ruled],
    dropped: Sequence[Ruled],
) -> Iterator[Tie]:
    """The ties of a round: each dropped answer with the first one that meets and misses the same requirements.

    They are what is left of a round's calls, so they cost no further one: two candidates may have held up where the
    recipe's `select` is `closest`, one that misses the new requirement alone is no better than R(t), and two may fail
    alike. Where R(t) turns out to meet the new requirement already (`negative_meets_all`), no other answer to I(t+1)
    has been made; a tie would take the calls of an adaptation and teach less than a pair, so none is asked for.

    All verdicts must be known: where code found a fault the judge was not asked, and split votes say nothing. A
    dropped answer is in one tie at most.

    Args:
        kept: the answers that a pair or the chain keeps; one of them comes first in its tie.
        dropped: those that would be thrown away.
    """
    first_of: dict[tuple[bool, ...], Ruled] = {}
    number = 0
    for place, answer in enumerate((*kept, *dropped)):
        if len(answer.rulings) < len(requirements) or any(ruling.undecided for ruling in answer.rulings):
            continue
        first = first_of.setdefault(tuple(ruling.met for ruling in answer.rulings), answer)
        if place < len(kept) or first.text == answer.text:
            continue
        number += 1
        yield Tie(
            seed_id=seed_id,
            round=requirements[-1].round,
            number=number,
            operation=operation,
            instruction=instruction,
            first=first.text,
            second=answer.text,
            requirements=tuple(requirements),
            first_rulings=first.rulings,
            second_rulings=answer.rulings,
            similarity=similarity(first.text, answer.text),
            routes=(first.route, answer.route),
        )
