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
import zlib
from array import array
from collections.abc import Mapping

THRESHOLD = 0.6
BUCKETS = 1 << 22  # in which shingles are counted: 16 MB


def shingles(text: str) -> frozenset[str]:
    """The 3-word shingles of a text, without case and punctuation; a shorter text is one shingle."""
    words = re.findall(r"\w+", text.casefold())
    return frozenset(" ".join(words[i : i + 3]) for i in range(max(1, len(words) - 2)))


def group_near_duplicates(texts: Mapping[str, str]) -> dict[str, str]:
    """Group name by id; the name of a group is its smallest id, so it does not depend on the order of the corpus.

    Shingles are made anew where they are needed: a large corpus has more of them than memory should hold.
    """
    counts = array("I", bytes(4 * BUCKETS))
    for text in texts.values():
        for shingle in shingles(text):
            counts[_bucket(shingle)] += 1
    parent = {id_: id_ for id_ in texts}

    def root(id_: str) -> str:
        while parent[id_] != id_:
            parent[id_] = parent[parent[id_]]
            id_ = parent[id_]
        return id_

    index: dict[str, list[str]] = {}
    for id_, text in sorted(texts.items()):
        set_ = shingles(text)
        # Sets that similar must share one of their rarest shingles, so only those are looked up. Any order will do
        # that is the same for all; two shingles in a bucket count as more frequent than they are.
        frequency = {shingle: counts[_bucket(shingle)] for shingle in set_}
        rarest = sorted(set_, key=lambda shingle: (frequency[shingle], shingle))
        prefix = rarest[: len(set_) - math.ceil(THRESHOLD * len(set_)) + 1]
        shared = [shingle for shingle in prefix if frequency[shingle] > 1]  # no other text has the rest
        for other in sorted({other for shingle in shared for other in index.get(shingle, ())}):
            theirs = shingles(texts[other])
            if len(set_ & theirs) >= THRESHOLD * len(set_ | theirs):
                low, high = sorted([root(id_), root(other)])
                parent[high] = low
        for shingle in shared:
            index.setdefault(shingle, []).append(id_)
    return {id_: root(id_) for id_ in texts}


def _bucket(shingle: str) -> int:
    return zlib.crc32(shingle.encode()) % BUCKETS


def split_of(group: str, splits: Mapping[str, float], seed: int) -> str:
    """The split that a group falls into, by its hash: the same whatever else is in the corpus."""
    digest = hashlib.sha256(f"{seed}\x1fsplit\x1f{group}".encode()).digest()
    position, edge = int.from_bytes(digest[:8], "big") / 2**64, 0.0
    for name, share in splits.items():
        edge += share
        if position < edge:
            return name
    return "train"
