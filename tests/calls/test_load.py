"""The load of an endpoint: how its limit moves, and when it counts as down."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ecd_data.calls.load import FAILURES, LONGEST_PAUSE, PROBES, Load


def test_the_limit_halves_once_for_calls_in_flight_together_and_grows_back_by_one_a_round() -> None:
    load = Load(1, 16)
    for _ in range(16):
        load.start()
    load.overloaded(started=0, now=1)
    load.overloaded(started=0, now=1.1)
    assert load.limit == 8
    load.overloaded(started=2, now=3)
    assert load.limit == 4
    for _ in range(4):
        load.answered()
    assert 4.8 < load.limit <= 5
    for _ in range(1000):
        load.start()
        load.answered()
    assert load.limit == 16


def test_no_more_calls_than_the_limit() -> None:
    load = Load(1, 2)
    assert load.is_free(now=0)
    load.start()
    load.start()
    assert not load.is_free(now=0)
    load.end()
    assert load.is_free(now=0)


def test_an_endpoint_that_asks_for_time_gets_it_but_not_forever() -> None:
    load = Load(1, 4)
    load.asked_for_time(now=10, seconds=5)
    load.asked_for_time(now=10, seconds=1)
    assert not load.is_free(now=14.9)
    assert load.is_free(now=15)
    load.asked_for_time(now=20, seconds=86400)
    assert load.is_free(now=20 + LONGEST_PAUSE)


def test_an_endpoint_that_fails_in_a_row_is_down_and_gets_one_call_after_a_pause() -> None:
    load = Load(1, 16)
    for _ in range(FAILURES):
        load.failed(started=0, now=1)
    assert load.is_down
    load.failed(started=0, now=1.1)  # it was in flight with the others
    assert not load.is_free(now=1.5)
    assert load.is_free(now=2)
    load.start()
    assert not load.is_free(now=2)
    load.answered()
    assert not load.is_down


def test_an_endpoint_that_stays_down_is_dead() -> None:
    load, now = Load(1, 16), 0.0
    for tries in range(FAILURES + PROBES):
        assert not load.is_dead, tries
        now = max(now, load.paused_until)
        load.start()
        load.end()
        load.failed(started=now, now=now)
    assert load.is_dead
    assert now < 2 * LONGEST_PAUSE


@given(
    minimum=st.integers(1, 9),
    maximum=st.integers(1, 99),
    events=st.lists(st.sampled_from(["answered", "overloaded", "failed"])),
)
def test_the_limit_stays_within_its_bounds(minimum: int, maximum: int, events: list[str]) -> None:
    load = Load(minimum, maximum)
    for now, event in enumerate(events):
        load.start()
        if event == "answered":
            load.answered()
        else:
            load.end()
            getattr(load, event)(now, now + 0.5)
        assert min(minimum, maximum) <= load.limit <= maximum
        assert load.in_flight == 0
