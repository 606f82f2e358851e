"""Groups of near-duplicate seeds. A group never crosses two splits, so that no family of prompts leaks into the test.

Two instructions are near-duplicates if the Jaccard similarity of their 3-word shingles is at least 0.6. The join is
exact (prefix filtering: Chaudhuri et al., "A Primitive Operator for Similarity Joins in Data Cleaning", 2006). Groups
decide about splits, so they must be the same on every machine and miss nothing; `benchmarks/groups.py` compares speed
and misses with a MinHash index.
"""

import hashlib
import math
import re
import zlib
from array import array
from collections.abc import Mapping

THRESHOLD = 0.6
BUCKETS = 1 << 22  # for counting shingles: 16 MB


def shingles(text: str) -> frozenset[str]:
    """Return the 3-word shingles of a text, without letter case and punctuation; a shorter text is one shingle."""
    words = re.findall(r"\w+", text.casefold())
    return frozenset(" ".join(words[i : i + 3]) for i in range(max(1, len(words) - 2)))


def group_near_duplicates(instructions: Mapping[str, str]) -> dict[str, str]:
    """Return the group of each seed by its id.

    A group is named by the smallest id in it, which does not depend on the order of the corpus. Shingles are computed
    whenever they are needed: a large corpus has more of them than should be held in memory.

    Args:
        instructions: by the ids of the seeds.
    """
    counts = array("I", bytes(4 * BUCKETS))
    for text in instructions.values():
        for shingle in shingles(text):
            counts[_bucket(shingle)] += 1
    parents = {seed_id: seed_id for seed_id in instructions}

    def root(seed_id: str) -> str:
        while parents[seed_id] != seed_id:
            parents[seed_id] = parents[parents[seed_id]]
            seed_id = parents[seed_id]
        return seed_id

    ids_by_shingle: dict[str, list[str]] = {}
    for seed_id, text in sorted(instructions.items()):
        own = shingles(text)
        # Sets as similar as that share one of their rarest shingles, so that only these are looked up. Any order of
        # shingles will do that is the same for all sets; two in one bucket count as more frequent than they are.
        frequency = {shingle: counts[_bucket(shingle)] for shingle in own}
        rarest = sorted(own, key=lambda shingle: (frequency[shingle], shingle))
        prefix = rarest[: len(own) - math.ceil(THRESHOLD * len(own)) + 1]
        shared = [shingle for shingle in prefix if frequency[shingle] > 1]  # no other text has the rest
        for other_id in sorted({other for shingle in shared for other in ids_by_shingle.get(shingle, ())}):
            other = shingles(instructions[other_id])
            if len(own & other) >= THRESHOLD * len(own | other):
                low, high = sorted([root(seed_id), root(other_id)])
                parents[high] = low
        for shingle in shared:
            ids_by_shingle.setdefault(shingle, []).append(seed_id)
    return {seed_id: root(seed_id) for seed_id in instructions}


def _bucket(shingle: str) -> int:
    return zlib.crc32(shingle.encode()) % BUCKETS


def split_of(group: str, splits: Mapping[str, float], seed: int) -> str:
    """Return the split of a group, which depends on its name and on nothing else in the corpus.

    Args:
        group: its name.
        splits: share of each split, by name.
        seed: of the recipe.
    """
    digest = hashlib.sha256(f"{seed}\x1fsplit\x1f{group}".encode()).digest()
    position, edge = int.from_bytes(digest[:8], "big") / 2**64, 0.0
    for name, share in splits.items():
        edge += share
        if position < edge:
            return name
    return "train"
