import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecd_data.progress.extrapolation import Estimate, total


def test_the_rest_is_taken_to_be_like_the_first():
    estimate = total([10, 20], 4)
    assert estimate.expected == 60
    assert estimate.low == 30  # what is known is known
    assert estimate.high == pytest.approx(60 + 12.71 * 50**0.5 * 2)


def test_all_of_it_is_known_when_all_of_it_ran():
    assert total([10, 20, 30], 3) == Estimate(60, 60, 60)


@pytest.mark.parametrize("values", [[10], [10, 10, 10]])
def test_without_a_spread_there_is_no_range(values):
    assert total(values, 100) == Estimate(1000, None, None)


def test_a_change_of_scale_moves_the_whole_range():
    assert Estimate(10, 5, 20).changed(times=2, plus=1) == Estimate(21, 11, 41)
    assert Estimate(10, None, None).changed(plus=-4) == Estimate(6, None, None)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=30), st.integers(0, 1000))
def test_the_range_holds_the_expected_sum_and_what_is_known(values, more):
    estimate = total(values, len(values) + more)
    assert estimate.expected >= sum(values) * (1 - 1e-9)
    if estimate.low is not None and estimate.high is not None:
        assert sum(values) * (1 - 1e-9) <= estimate.low <= estimate.expected * (1 + 1e-9)
        assert estimate.expected <= estimate.high * (1 + 1e-9)


@pytest.mark.parametrize("first", [2, 5, 12, 40])
def test_nineteen_of_twenty_corpora_lie_in_the_range(first):
    rng = random.Random(first)
    inside = 0
    for _ in range(1000):
        corpus = [max(0.0, rng.gauss(20, 5)) for _ in range(100)]
        estimate = total(corpus[:first], 100)
        assert estimate.low is not None
        assert estimate.high is not None
        inside += estimate.low <= sum(corpus) <= estimate.high
    assert 930 <= inside <= 985
