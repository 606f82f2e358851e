"""Route shares: the cap on the share of pairs that one route makes, so that a dataset is not mostly repairs."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import accumulate

from ecd_data.core.rng import keyed_rng
from ecd_data.core.values import Route


def pairs_over_cap(pairs: Iterable[tuple[str, str]], shares: Mapping[Route, float], seed: int) -> set[str]:
    """Return the rounds whose pairs to drop so that no route makes more than its share of the pairs that are kept.

    A round is dropped or kept with all its pairs. The draw is by the recipe's seed and the rounds' ids, so it does not
    depend on any order. Where one capped route makes all pairs, all are dropped: there is nothing to mix them with.

    Args:
        pairs: round id and route of every pair.
        shares: above 0, at most 1, by route; other routes are not capped.
        seed: the recipe's.

    Returns:
        The ids of the rounds.
    """
    sizes = Counter(pairs)
    ranked = {
        route: sorted(
            (round_id for round_id, route_of_round in sizes if route_of_round == route),
            key=lambda round_id: (keyed_rng(seed, round_id, "share").random(), round_id),
        )
        for route in shares
    }
    cumulative = {route: list(accumulate(sizes[id_, route] for id_ in ids)) for route, ids in ranked.items()}
    uncapped = sum(size for (_, route), size in sizes.items() if route not in shares)
    total = sizes.total()
    while True:  # fewer pairs of one route lower the cap of another, until all caps hold
        rounds = {route: bisect_right(cumulative[route], share * total + 1e-9) for route, share in shares.items()}
        kept = uncapped + sum(cumulative[route][n - 1] for route, n in rounds.items() if n)
        if kept == total:
            return {round_id for route, ids in ranked.items() for round_id in ids[rounds[route] :]}
        total = kept
