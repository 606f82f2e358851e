"""How much two answers are alike."""

from functools import lru_cache

from rapidfuzz.distance import Indel


@lru_cache(maxsize=64)  # a candidate is compared when it comes, when the closest is chosen and in its pair
def similarity(a: str, b: str) -> float:
    """Return how close two answers are, 0 to 1: the characters they share in order, letter case aside (Indel)."""
    return round(Indel.normalized_similarity(a.casefold(), b.casefold()), 4)
