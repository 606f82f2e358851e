"""How much two answers are alike: in their characters, and in their lengths."""

from collections.abc import Collection, Mapping
from functools import lru_cache

from rapidfuzz.distance import Indel

from ecd_data.requirements.operation import Operation
from ecd_data.requirements.taxonomy import LENGTHS


@lru_cache(maxsize=64)  # a candidate is compared when it comes, when the closest is chosen and in its pair
def similarity(a: str, b: str) -> float:
    """Return how close two answers are, 0 to 1: the characters they share in order, letter case aside (Indel)."""
    return round(Indel.normalized_similarity(a.casefold(), b.casefold()), 4)


def is_of_like_length(
    chosen: str, rejected: str, missed: Collection[str], taxonomy: Mapping[str, Operation], max_ratio: float
) -> bool:
    """Return whether two answers are of like length: pairs whose chosen side is merely longer would teach length.

    A requirement on length asks for another length and says so in the instruction, so a pair whose rejected answer
    misses one may differ in length.

    Args:
        missed: ids of the requirements that the rejected answer misses.
        max_ratio: largest ratio of the longer one's characters to the shorter one's.
    """
    if any(taxonomy[id_].family in LENGTHS for id_ in missed):
        return True
    shorter, longer = sorted((len(chosen), len(rejected)))
    return longer <= max_ratio * shorter
