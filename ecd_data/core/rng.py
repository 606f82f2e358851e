"""Random choices that depend on nothing but their key, so that a plan is the same on every run and machine."""

from __future__ import annotations

import hashlib
import random


def keyed(*key: object) -> random.Random:
    """A generator seeded by `key` (recipe seed, seed_id, round, attempt, role), never by a global or by time."""
    digest = hashlib.sha256("\x1f".join(map(str, key)).encode()).digest()
    return random.Random(int.from_bytes(digest[:16], "big"))


def call_seed(*key: object) -> int:
    """A sampling seed for one call: 31 bits, which every server takes."""
    return keyed("call", *key).getrandbits(31)
