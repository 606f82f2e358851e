"""Contrast: (I(t+1), chosen R(t+1), rejected R(s)), when R(s) misses one or two requirements and nothing else."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache

from rapidfuzz.distance import Indel

from ecd_data.requirements.taxonomy import LENGTHS, Operation
from ecd_data.values import Pair, Ruling, Turn


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


def contrast(seed_id: str, older: Turn, newer: Turn, rejected_rulings: Sequence[Ruling], gap: int) -> Pair:
    """A pair of the newer turn's round, with an older accepted turn that lies `gap` before it."""
    return Pair(
        seed_id=seed_id,
        round=newer.round,
        gap=gap,
        operation=newer.operation,
        instruction=newer.instruction,
        chosen=newer.response,
        rejected=older.response,
        requirements=newer.requirements,
        chosen_rulings=newer.rulings,
        rejected_rulings=tuple(rejected_rulings),
        similarity=similarity(newer.response, older.response),
        evolved_by=newer.evolved_by,
        adapted_by=newer.adapted_by,
    )
