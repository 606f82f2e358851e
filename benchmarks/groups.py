"""Grouping of near-duplicates: our exact join against the MinHash index of `rensa`, in the same run.

    pip install rensa && python -m benchmarks.groups 100000

Both confirm what they find by the exact similarity, so neither groups strangers; an index by hashes can miss some.
"""

import random
import sys
import time

from ecd_data.corpus.groups import THRESHOLD, group_near_duplicates, shingles
from ecd_data.corpus.seeds import read_corpus


def corpus(size: int) -> dict[str, str]:
    """Return texts of 6 to 30 words of the bundled seeds, two of a kind on average, with up to three words changed."""
    rng = random.Random(0)
    words = [word for seed in read_corpus(["bundled"]).seeds for word in seed.instruction.split()]
    kinds = [[rng.choice(words) for _ in range(rng.randint(6, 30))] for _ in range(size // 2)]
    texts = {}
    for i in range(size):
        text = list(rng.choice(kinds))
        for _ in range(rng.randint(0, 3)):
            text[rng.randrange(len(text))] = rng.choice(words)
        texts[f"{i:08d}"] = " ".join(text)
    return texts


def by_minhash(texts: dict[str, str]) -> dict[str, str]:
    """Return groups as `group_near_duplicates` makes them, with candidates from 128 hashes in 32 bands."""
    from rensa import RMinHash, RMinHashLSH

    ids, sets = list(texts), [shingles(text) for text in texts.values()]
    parent = list(range(len(ids)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    index = RMinHashLSH(threshold=THRESHOLD, num_perm=128, num_bands=32)
    for i, set_ in enumerate(sets):
        hashes = RMinHash(num_perm=128, seed=1)
        hashes.update(sorted(set_))
        for j in index.query(hashes):
            if len(set_ & sets[j]) >= THRESHOLD * len(set_ | sets[j]):
                low, high = sorted([root(i), root(j)])
                parent[high] = low
        index.insert(i, hashes)
    return {id_: ids[root(i)] for i, id_ in enumerate(ids)}


def main() -> None:
    """Print seconds and groups of both."""
    texts = corpus(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
    seconds, groups = {}, {}
    for name, join in (("exact", group_near_duplicates), ("minhash", by_minhash)):
        started = time.process_time()
        groups[name] = len(set(join(texts).values()))
        seconds[name] = time.process_time() - started
        print(f"{name:8} {seconds[name]:7.2f} s  {groups[name]} groups of {len(texts)} texts")
    missed = groups["minhash"] - groups["exact"]
    print(f"exact takes {seconds['exact'] / seconds['minhash']:.2f} times as long; minhash misses {missed} joins")


if __name__ == "__main__":
    main()
