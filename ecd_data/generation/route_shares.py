"""Shares: a cap on how many of the pairs one adaptation route may make, so that a dataset is not mostly repairs."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import accumulate

from ecd_data.core.rng import keyed_rng
from ecd_data.core.values import Route


def pairs_over_cap(pairs: Iterable[tuple[str, str]], shares: Mapping[Route, float], seed: int) -> set[str]:
    """Return the rounds whose pairs must go so that no route makes more than its share of the pairs that stay.

    A round goes or stays with all its pairs. Those that go are drawn by the recipe's seed and the rounds' ids, so they
    do not depend on the order of anything. Where a capped route makes all pairs there is nothing to mix them with, and
    all of them go.

    Args:
        pairs: round id and route of every pair.
        shares: above 0, at most 1, by route; other routes are not capped.
        seed: the recipe's.
    """
    sizes = Counter(pairs)
    ranked = {
        route: sorted(
            (round_id for round_id, made_by in sizes if made_by == route),
            key=lambda round_id: (keyed_rng(seed, round_id, "share").random(), round_id),
        )
        for route in shares
    }
    grown = {route: list(accumulate(sizes[id_, route] for id_ in ids)) for route, ids in ranked.items()}
    uncapped = sum(size for (_, route), size in sizes.items() if route not in shares)
    total, kept = sizes.total(), dict.fromkeys(shares, 0)
    while True:  # fewer pairs of one route leave less room for another's: down to what all caps allow
        kept = {route: bisect_right(grown[route], share * total + 1e-9) for route, share in shares.items()}
        stay = uncapped + sum(grown[route][n - 1] for route, n in kept.items() if n)
        if stay == total:
            return {round_id for route, ids in ranked.items() for round_id in ids[kept[route] :]}
        total = stay
