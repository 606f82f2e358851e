"""Near-duplicate seeds share a group, and a group never parts into two splits: no prompt family leaks into the test.

Two instructions are near-duplicates when the Jaccard similarity of their 3-word shingles is at least 0.6. The join is
exact (prefix filtering: Chaudhuri et al., "A Primitive Operator for Similarity Joins in Data Cleaning", 2006). Groups
decide about splits, so they must be the same on every machine and miss nothing; `benchmarks/groups.py` compares speed
and misses with a MinHash index.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter, defaultdict
from collections.abc import Mapping

THRESHOLD = 0.6


def shingles(text: str) -> frozenset[str]:
    """The 3-word shingles of a text, without case and punctuation; a shorter text is one shingle."""
    words = re.findall(r"\w+", text.casefold())
    return frozenset(" ".join(words[i : i + 3]) for i in range(max(1, len(words) - 2)))


def group_near_duplicates(texts: Mapping[str, str]) -> dict[str, str]:
    """Group name by id; the name of a group is its smallest id, so it does not depend on the order of the corpus."""
    sets = {id_: shingles(text) for id_, text in texts.items()}
    frequency = Counter(shingle for set_ in sets.values() for shingle in set_)
    parent = {id_: id_ for id_ in texts}

    def root(id_: str) -> str:
        while parent[id_] != id_:
            parent[id_] = parent[parent[id_]]
            id_ = parent[id_]
        return id_

    index: dict[str, list[str]] = defaultdict(list)
    for id_, set_ in sorted(sets.items()):
        # Sets that similar must share one of their rarest shingles, so only those are looked up.
        rarest = sorted(set_, key=lambda shingle: (frequency[shingle], shingle))
        prefix = rarest[: len(set_) - math.ceil(THRESHOLD * len(set_)) + 1]
        for other in sorted({other for shingle in prefix for other in index[shingle]}):
            if len(set_ & sets[other]) >= THRESHOLD * len(set_ | sets[other]):
                low, high = sorted([root(id_), root(other)])
                parent[high] = low
        for shingle in prefix:
            index[shingle].append(id_)
    return {id_: root(id_) for id_ in texts}


def split_of(group: str, splits: Mapping[str, float], seed: int) -> str:
    """The split that a group falls into, by its hash: the same whatever else is in the corpus."""
    digest = hashlib.sha256(f"{seed}\x1fsplit\x1f{group}".encode()).digest()
    position, edge = int.from_bytes(digest[:8], "big") / 2**64, 0.0
    for name, share in splits.items():
        edge += share
        if position < edge:
            return name
    return "train"
