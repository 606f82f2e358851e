from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecd_data.calls.scheduler import Stats
from ecd_data.progress.stage import Rate, Stage


def test_a_rate_looks_back_over_its_window_alone():
    rate = Rate(window=30)
    assert rate.per_second == 0
    for second in range(0, 101):  # a thousand at once, then two a second
        rate.add(second, 0 if second == 0 else 1000 + 2 * second)
    assert rate.per_second == 2


@given(st.lists(st.tuples(st.floats(0, 50), st.integers(0, 9)), min_size=2, max_size=60))
def test_a_rate_is_the_growth_since_a_time_at_least_a_window_ago(steps):
    rate, at, count, samples = Rate(window=30), 0.0, 0, []
    for seconds, more in steps:
        at, count = at + seconds, count + more
        samples.append((at, count))
        rate.add(at, count)
    since, first = max(((t, n) for t, n in samples if t <= at - 30), default=samples[0])
    assert rate.per_second == pytest.approx((count - first) / (at - since) if at > since else 0)


def sampled(stage, stats, until, *, every=0.5, each=lambda at: None, since=0.0):
    """Sample a stage until a time."""
    stage.stats, at = stats, since
    while at < until:
        at += every
        each(at)
        stage.sample(at)
    return at


def test_what_the_store_answers_at_the_start_distorts_neither_rates_nor_the_time_left():
    stage, stats = Stage("chains", 100, 0.0), Stats()

    def from_the_store(at):
        stats.stored += 500
        stage.done, stage.requests_used = stats.stored // 100, stats.stored

    def from_the_endpoint(at):
        stats.calls += 1
        stats.completion_tokens += 50
        answered = stats.stored + stats.calls
        stage.done, stage.requests_used = answered // 100, answered // 100 * 100

    at = sampled(stage, stats, 8, each=from_the_store)
    assert stage.done == 80
    assert stage.calls_per_second == 0
    assert stage.seconds_left == pytest.approx(2.0)  # as long as the store goes on, all of it comes from there
    stats.pools = [SimpleNamespace(in_flight=4)]
    at = sampled(stage, stats, at + 3, since=at)
    assert stage.seconds_left is None  # nothing is known of the endpoint before its first answer
    sampled(stage, stats, at + 4, each=from_the_endpoint, since=at)
    assert stage.calling_since == 8
    assert stage.calls_per_second == pytest.approx(8 / 7)
    assert stage.tokens_per_second == pytest.approx(400 / 7)
    assert stage.seconds_left == pytest.approx((2000 - stats.calls) / 2)


def test_a_wait_for_the_first_answer_counts():
    stage, stats = Stage("chains", 4, 0.0), Stats()
    sampled(stage, None, 9)
    stats.calls = 5
    sampled(stage, stats, 10, since=9)
    assert stage.calls_per_second == pytest.approx(0.5)


def test_the_time_left_is_not_known_before_a_result_is_there_or_when_the_last_one_drags_on():
    stage, stats = Stage("chains", 2, 0.0), Stats()

    def call(at):
        stats.calls += 1

    sampled(stage, stats, 5, each=call)
    assert stage.seconds_left is None
    stage.done, stage.requests_used = 1, 2
    assert stage.requests_done > 4
    assert stage.seconds_left is None
    assert not stage.finished
