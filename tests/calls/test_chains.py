"""Chains give their results in order, within bounds, and stop at the first exception."""

import asyncio
import random
import time
from collections.abc import Iterator
from contextlib import aclosing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecd_data.calls.chains import drive
from ecd_data.core.errors import EndpointError
from ecd_data.core.request import Request, Response
from tests.helpers.chains import Talk, talk
from tests.helpers.fake_endpoint import make_request


def expected(number: int, rounds: int = 3) -> list[str]:
    chain = talk(number, rounds)
    try:
        requests = next(chain)
        while True:
            requests = chain.send([echo(request) for request in requests])
    except StopIteration as stop:
        return stop.value


def echo(request: Request) -> Response:
    return Response(
        f"{request.seed_id}/{request.round}/{request.attempt}:{len(request.messages[0]['content'])};", "stop"
    )


@settings(max_examples=40, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 4), max_size=30),
    active=st.integers(1, 9),
    window=st.integers(1, 9),
    salt=st.integers(0, 2**32),
)
def test_results_come_in_order_whatever_the_delays(lengths: list[int], active: int, window: int, salt: int) -> None:
    delays = random.Random(salt)
    open_chains = most = 0

    async def ask(request: Request, number: int) -> Response:
        for _ in range(delays.randrange(4)):
            await asyncio.sleep(0)
        return echo(request)

    def watched(number: int, length: int) -> Talk:
        nonlocal open_chains, most
        open_chains += 1
        most = max(most, open_chains)
        try:
            return (yield from talk(number, length))
        finally:
            open_chains -= 1

    async def collect() -> list[list[str]]:
        chains = (watched(*numbered) for numbered in enumerate(lengths))
        return [result async for result in drive(chains, ask, active=active, window=window)]

    assert asyncio.run(collect()) == [expected(*numbered) for numbered in enumerate(lengths)]
    assert most <= min(active, window)
    assert open_chains == 0


def test_the_window_holds_back_chains_behind_a_slow_one() -> None:
    taken = 0

    def chains() -> Iterator[Talk]:
        nonlocal taken
        while True:
            taken += 1
            yield talk(taken - 1)

    async def main() -> int:
        gate = asyncio.Event()

        async def ask(request: Request, number: int) -> Response:
            if request.seed_id == "seed0":
                await gate.wait()
            return echo(request)

        async with aclosing(drive(chains(), ask, active=2, window=5)) as results:
            first = asyncio.ensure_future(anext(results))
            for _ in range(200):
                await asyncio.sleep(0)
            assert not first.done()
            taken_meanwhile = taken
            gate.set()
            assert await first == expected(0)
        return taken_meanwhile

    assert asyncio.run(main()) == 5


@pytest.mark.parametrize("where", ["ask", "chain", "chains"])
def test_the_first_exception_stops_everything(where: str) -> None:
    running = closed = 0

    async def ask(request: Request, number: int) -> Response:
        nonlocal running
        if request.seed_id == "seed3":
            await asyncio.sleep(0.01)
            if where == "ask":
                raise EndpointError("no more")
            return echo(request)
        running += 1
        try:
            await asyncio.sleep(60)
        finally:
            running -= 1
        return echo(request)

    def chain(number: int) -> Talk:
        nonlocal closed
        try:
            yield [make_request(number), make_request(number, attempt=1)]
            raise EndpointError("no more")
        finally:
            closed += 1

    def chains() -> Iterator[Talk]:
        for number in range(4):
            yield chain(number)
        if where == "chains":
            raise EndpointError("no more")

    async def main() -> None:
        async for _ in drive(chains(), ask, active=10, window=10):
            pytest.fail("no chain can end")

    async def alone() -> None:
        with pytest.raises(EndpointError, match="no more"):
            await main()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    start = time.monotonic()
    asyncio.run(alone())
    assert time.monotonic() - start < 5
    assert running == 0
    assert closed in (0, 4)  # chains that never started have nothing to close
