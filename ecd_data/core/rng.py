"""Random choices that depend on nothing but their key: a plan is the same in every run and on every machine."""

import hashlib
import random


def keyed_rng(*key: object) -> random.Random:
    """Return a random generator seeded by a key, such as (recipe seed, seed_id, round, attempt, role)."""
    digest = hashlib.sha256("\x1f".join(map(str, key)).encode()).digest()
    return random.Random(int.from_bytes(digest[:16], "big"))


def call_seed(*key: object) -> int:
    """Return the sampling seed of a call: 31 bits, which every server accepts."""
    return keyed_rng("call", *key).getrandbits(31)
