"""The pool: tries that are repeated, endpoints that share the work, and when it gives up. Over real HTTP."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

import pytest

from ecd_data.calls import concurrency_limit
from ecd_data.calls.endpoint import Endpoint
from ecd_data.calls.pool import Pool, identify
from ecd_data.core.errors import CallFailed, EndpointError
from ecd_data.core.request import Response
from tests.helpers.fake_endpoint import TGI_INFO, TGI_MODEL, FakeServer, Fault, chat_completion, make_request

T = TypeVar("T")
MORE = {"min_concurrency": 1, "max_concurrency": 4}


@pytest.fixture
def second() -> Iterator[FakeServer]:
    fake = FakeServer()
    yield fake
    fake.stop()


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concurrency_limit, "LONGEST_PAUSE", 0.01)


def with_pool(
    servers: list[FakeServer], work: Callable[[Pool], Coroutine[Any, Any, T]], timeout: float = 5, **options: Any
) -> T:
    async def call() -> T:
        endpoints = [Endpoint(server.url, timeout=timeout) for server in servers]
        async with Pool(endpoints, **{**MORE, **options}) as pool:
            await pool.identify()
            return await work(pool)

    return asyncio.run(call())


async def one(pool: Pool) -> Response:
    return await pool.complete(make_request())


async def many(pool: Pool, calls: int = 40) -> list[Response]:
    return await asyncio.gather(*(pool.complete(make_request(number)) for number in range(calls)))


@pytest.mark.parametrize("fault", [Fault(429), Fault(500), Fault(200, b"{"), Fault(hang=9)])
def test_a_call_is_tried_again(server: FakeServer, fault: Fault) -> None:
    server.faults.extend([fault] * 2)
    assert with_pool([server], one, timeout=0.3).text.startswith("answer ")
    assert len(server.bodies) == 3
    assert server.bodies[0] == server.bodies[1] == server.bodies[2]


def test_a_call_that_never_succeeds_fails_alone(server: FakeServer) -> None:
    """It gets all its tries, though the endpoint counts as down before the last one; others are answered."""
    poison = make_request(7)
    server.answer = lambda body: Fault(500, b"boom") if body["messages"] == list(poison.messages) else None

    async def work(pool: Pool) -> list[object]:
        calls = (pool.complete(make_request(number)) for number in range(12))
        return await asyncio.gather(*calls, return_exceptions=True)

    outcomes = with_pool([server], work)
    (failure,) = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert isinstance(failure, CallFailed)
    assert failure.reason == "no_answer"
    assert "call `edit` of seed seed7, round 1, attempt 0 failed 7 times; the last time" in str(failure)
    assert "500 Internal Server Error: boom" in str(failure)


def test_a_request_that_is_refused_is_not_tried_again(server: FakeServer) -> None:
    server.always = Fault(422, {"error": "too long", "error_type": "validation"})
    with pytest.raises(CallFailed, match="too long") as caught:
        with_pool([server], one)
    assert caught.value.reason == "refused"
    assert len(server.bodies) == 1


def test_a_dead_server_ends_the_run(server: FakeServer) -> None:
    server.always = Fault(500, b"boom")
    with pytest.raises(EndpointError, match="failed again and again.*boom.*run the same command again") as caught:
        with_pool([server], many)
    assert not isinstance(caught.value, CallFailed)
    assert len(server.bodies) <= 4 + concurrency_limit.FAILURES + concurrency_limit.PROBES


def test_a_server_that_only_wants_less_is_not_dead_and_yet_not_asked_forever(server: FakeServer) -> None:
    server.always = Fault(429)
    with pytest.raises(CallFailed, match="429"):
        with_pool([server], one, max_retries=3)
    assert len(server.bodies) == 4
    with pytest.raises(EndpointError, match="tries had to be repeated for 0 answers.*--max-concurrency"):
        with_pool([server], many, max_retries=100)


def test_fewer_calls_are_sent_to_an_overloaded_server(server: FakeServer) -> None:
    """It answers 429 whenever more than two calls are in flight: most calls should not run into that."""
    server.pause = lambda: 0.02
    server.answer = lambda body: Fault(429) if server.in_flight > 2 else None
    assert len(with_pool([server], lambda pool: many(pool, 120), max_concurrency=16)) == 120
    refused = len(server.bodies) - 120
    assert 0 < refused < 120  # sixteen at a time would be refused seven times for each two that are answered


def test_retry_after_holds_back_all_calls(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concurrency_limit, "LONGEST_PAUSE", 60)
    server.faults.append(Fault(429, {"error": "slow down"}, {"Retry-After": "1"}))
    start = time.monotonic()
    with_pool([server], many, max_concurrency=1)
    assert 1 <= time.monotonic() - start < 5


def test_endpoints_share_the_work(server: FakeServer, second: FakeServer) -> None:
    server.pause = second.pause = lambda: 0.02
    with_pool([server, second], lambda pool: many(pool, 80))
    assert len(server.bodies) + len(second.bodies) == 80
    assert 25 <= len(server.bodies) <= 55
    assert server.most_in_flight == second.most_in_flight == 4


def test_the_slower_endpoint_gets_less(server: FakeServer, second: FakeServer) -> None:
    server.pause, second.pause = lambda: 0.1, lambda: 0.01
    with_pool([server, second], lambda pool: many(pool, 80))
    assert len(server.bodies) < 30


def test_the_others_go_on_when_one_goes_away(server: FakeServer, second: FakeServer) -> None:
    server.always = Fault(500)
    assert len(with_pool([server, second], many)) == 40
    assert len(second.bodies) == 40
    server.stop()


def test_one_that_went_away_is_not_missed_by_the_others(server: FakeServer, second: FakeServer) -> None:
    async def goes_away(pool: Pool) -> None:
        second.stop()
        with pytest.raises(EndpointError, match=f"{second.url} does not answer"):
            await pool.identify()  # before any call it may be a mistake
        await pool.complete(make_request())
        assert await pool.identify() == TGI_MODEL
        server.routes["/info"] = Fault(503)
        with pytest.raises(EndpointError, match="is not ready|does not answer"):
            await pool.identify()

    with_pool([server, second], goes_away)


def test_endpoints_of_different_models_are_refused(server: FakeServer, second: FakeServer) -> None:
    second.routes["/info"] = {**TGI_INFO, "model_sha": "another"}
    message = f"{server.url} serves {TGI_MODEL} and {second.url} serves test/tiny-model@another"
    with pytest.raises(EndpointError, match=message):
        identify(Pool([Endpoint(server.url), Endpoint(second.url)]))
    assert identify(Pool([Endpoint(server.url)])) == TGI_MODEL


def test_the_lowest_priority_number_goes_first(server: FakeServer) -> None:
    async def work(pool: Pool) -> None:
        calls = [pool.complete(make_request(number), priority=(-number,)) for number in range(6)]
        await asyncio.gather(*calls)

    with_pool([server], work, max_concurrency=1)
    asked = [body["messages"][1]["content"] for body in server.bodies]
    assert asked == [f"Élan no. {number}?" for number in (0, 5, 4, 3, 2, 1)]  # the first found an empty queue


def test_a_call_that_is_cancelled_leaves_its_slot(server: FakeServer) -> None:
    async def work(pool: Pool) -> None:
        server.faults.append(Fault(hang=9))
        tasks = [asyncio.ensure_future(pool.complete(make_request(number))) for number in range(5)]
        while not server.bodies:
            await asyncio.sleep(0.01)
        tasks[0].cancel()  # in flight
        tasks[1].cancel()  # waiting
        await asyncio.gather(*tasks, return_exceptions=True)
        assert [task.cancelled() for task in tasks] == [True, True, False, False, False]
        assert pool.in_flight == 0

    with_pool([server], work, max_concurrency=1)


def test_the_answers_are_the_servers_own(server: FakeServer) -> None:
    texts = [response.text for response in with_pool([server], many)]
    bodies = ({"messages": list(make_request(n).messages), "seed": 1234 + n} for n in range(40))
    assert texts == [chat_completion(body)["choices"][0]["message"]["content"] for body in bodies]
