import random
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecd_data.calls.scheduler import ModelSource
from ecd_data.core.recipe import recipe_from_dict
from ecd_data.core.values import Chain
from ecd_data.generation.generation import Generation, Usage
from ecd_data.progress.forecast import Estimate, extrapolate, forecast
from ecd_data.progress.preview import Preview
from ecd_data.progress.price import Price
from tests.helpers.scripted import MODEL, RECIPE, ScriptedPool

TWO_PAIRS, NO_PAIRS = (Chain("5f0c", "group", (), pairs, ()) for pairs in ((object(), object()), ()))


def test_the_rest_is_expected_to_be_like_the_first():
    estimate = extrapolate([10, 20], 4)
    assert estimate.expected == 60
    assert estimate.low == 30  # the sum of the first is certain
    assert estimate.high == pytest.approx(60 + 12.71 * 50**0.5 * 2)


def test_a_sum_over_all_members_is_certain():
    assert extrapolate([10, 20, 30], 3) == Estimate(60, 60, 60)


@pytest.mark.parametrize("values", [[10], [10, 10, 10]])
def test_without_a_spread_there_is_no_range(values):
    assert extrapolate(values, 100) == Estimate(1000, None, None)


def test_a_change_of_scale_moves_the_whole_range():
    assert Estimate(10, 5, 20).rescaled(2, offset=1) == Estimate(21, 11, 41)
    assert Estimate(10, None, None).rescaled(offset=-4) == Estimate(6, None, None)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=30), st.integers(0, 1000))
def test_the_range_holds_the_expected_sum_and_what_is_known(values, more):
    estimate = extrapolate(values, len(values) + more)
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
        estimate = extrapolate(corpus[:first], 100)
        assert estimate.low is not None
        assert estimate.high is not None
        inside += estimate.low <= sum(corpus) <= estimate.high
    assert 930 <= inside <= 985


@pytest.fixture
def generation(corpus):
    """Returns a generation of 100 seeds."""

    def make(**changes):
        recipe = recipe_from_dict({**RECIPE.to_dict(), **changes})
        hundred = replace(corpus, seeds=corpus.seeds[:1] * 100)
        return Generation(hundred, recipe, ModelSource(MODEL, ScriptedPool()), store=None)

    return make


def test_the_forecast_has_a_range_and_counts_the_trial_once(generation):
    usages = [Usage(10, 100, 50), Usage(20, 100, 50)]
    trial = [Usage(3, 30, 3)] * 20
    preview = Preview(generation(), [TWO_PAIRS, NO_PAIRS], usages, trial, calls_per_second=2.0)
    assert forecast(preview, Price(1, 10)).splitlines() == [
        "all 100 seeds, if they are like the first 2",
        "  calls              1,560 (90 to 7,851)",
        "  prompt tokens      10,600 (too few to tell how far off)",
        "  completion tokens  5,060 (too few to tell how far off)",
        "  pairs              100 (2 to 1,358)",
        "  time for the rest  0:12:15 (0:00:00 to 1:04:41) at 2.0 calls/s; with more chains it may be faster",
        "  cost               0.061 (too few to tell how far off)",
    ]


def test_one_chain_is_too_few_and_a_replay_measures_no_time(generation):
    preview = Preview(generation(max_share={"repair": 0.5}), [TWO_PAIRS], [Usage(10, 100, 50)])
    table = forecast(preview, None)
    assert re.search(r"calls +1,000 \(too few to tell how far off\)", table)
    assert re.search(r"pairs before max_share +200 \(too few", table)
    assert re.search(r"time for the rest +not measured: the store had every answer", table)
    assert "cost" not in table
