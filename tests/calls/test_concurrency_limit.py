"""The limit of calls in flight at an endpoint: how it moves, and when the endpoint counts as down."""

from hypothesis import given
from hypothesis import strategies as st

from ecd_data.calls.concurrency_limit import FAILURES, LONGEST_PAUSE, PROBES, ConcurrencyLimit


def test_the_limit_halves_once_for_calls_in_flight_together_and_grows_back_by_one_a_round() -> None:
    calls = ConcurrencyLimit(1, 16)
    for _ in range(16):
        calls.in_flight += 1
    calls.overloaded(started=0, now=1)
    calls.overloaded(started=0, now=1.1)
    assert calls.limit == 8
    calls.overloaded(started=2, now=3)
    assert calls.limit == 4
    for _ in range(4):
        calls.answered()
    assert 4.8 < calls.limit <= 5
    for _ in range(1000):
        calls.in_flight += 1
        calls.answered()
    assert calls.limit == 16


def test_no_more_calls_than_the_limit() -> None:
    calls = ConcurrencyLimit(1, 2)
    assert calls.is_free(now=0)
    calls.in_flight += 1
    calls.in_flight += 1
    assert not calls.is_free(now=0)
    calls.in_flight -= 1
    assert calls.is_free(now=0)


def test_an_endpoint_that_asks_for_time_gets_it_but_not_forever() -> None:
    calls = ConcurrencyLimit(1, 4)
    calls.pause(now=10, seconds=5)
    calls.pause(now=10, seconds=1)
    assert not calls.is_free(now=14.9)
    assert calls.is_free(now=15)
    calls.pause(now=20, seconds=86400)
    assert calls.is_free(now=20 + LONGEST_PAUSE)


def test_an_endpoint_that_fails_in_a_row_is_down_and_gets_one_call_after_a_pause() -> None:
    calls = ConcurrencyLimit(1, 16)
    for _ in range(FAILURES):
        calls.failed(started=0, now=1)
    assert calls.is_down
    calls.failed(started=0, now=1.1)  # it was in flight with the others
    assert not calls.is_free(now=1.5)
    assert calls.is_free(now=2)
    calls.in_flight += 1
    assert not calls.is_free(now=2)
    calls.answered()
    assert not calls.is_down


def test_an_endpoint_that_stays_down_is_dead() -> None:
    calls, now = ConcurrencyLimit(1, 16), 0.0
    for tries in range(FAILURES + PROBES):
        assert not calls.is_dead, tries
        now = max(now, calls.paused_until)
        calls.in_flight += 1
        calls.in_flight -= 1
        calls.failed(started=now, now=now)
    assert calls.is_dead
    assert now < 2 * LONGEST_PAUSE


@given(
    minimum=st.integers(1, 9),
    maximum=st.integers(1, 99),
    events=st.lists(st.sampled_from(["answered", "overloaded", "failed"])),
)
def test_the_limit_stays_within_its_bounds(minimum: int, maximum: int, events: list[str]) -> None:
    calls = ConcurrencyLimit(minimum, maximum)
    for now, event in enumerate(events):
        calls.in_flight += 1
        if event == "answered":
            calls.answered()
        else:
            calls.in_flight -= 1
            getattr(calls, event)(now, now + 0.5)
        assert min(minimum, maximum) <= calls.limit <= maximum
        assert calls.in_flight == 0
