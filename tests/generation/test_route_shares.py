from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecd_data.generation.route_shares import pairs_over_cap

ROUTES = ["edit", "fresh", "guided", "repair"]
SHARES = st.dictionaries(st.sampled_from(ROUTES), st.floats(0.01, 1.0))


def pairs_of(sizes):
    """Pairs of rounds with a route and a number of pairs each."""
    return [(f"{i:016x}-r1", route) for i, (route, size) in enumerate(sizes) for _ in range(size)]


@given(st.lists(st.tuples(st.sampled_from(ROUTES), st.integers(1, 3)), max_size=60), SHARES, st.integers())
def test_what_stays_keeps_the_shares_and_depends_on_no_order(sizes, shares, seed):
    pairs = pairs_of(sizes)
    gone = pairs_over_cap(pairs, shares, seed)
    assert gone == pairs_over_cap(reversed(pairs), shares, seed)
    assert gone <= {id_ for id_, route in pairs if route in shares}
    stay = Counter(route for id_, route in pairs if id_ not in gone)
    assert all(stay[route] <= share * stay.total() + 1e-6 for route, share in shares.items())


@given(st.integers(0, 50), st.integers(0, 50), st.floats(0.05, 0.95))
def test_no_more_goes_than_must(repaired, others, share):
    pairs = pairs_of([("repair", 1)] * repaired + [("edit", 1)] * others)
    stay = repaired - len(pairs_over_cap(pairs, {"repair": share}, 0))
    assert stay == repaired or stay + 1 > share * (stay + 1 + others)


@pytest.mark.parametrize(("repaired", "kept"), [(10, 10), (11, 10), (40, 10)])
def test_half_of_the_pairs(repaired, kept):
    pairs = pairs_of([("repair", 1)] * repaired + [("edit", 1)] * 10)
    assert repaired - len(pairs_over_cap(pairs, {"repair": 0.5}, 0)) == kept


def test_another_recipe_seed_drops_other_rounds():
    pairs = pairs_of([("repair", 1)] * 40 + [("edit", 1)] * 10)
    assert pairs_over_cap(pairs, {"repair": 0.5}, 0) != pairs_over_cap(pairs, {"repair": 0.5}, 1)
