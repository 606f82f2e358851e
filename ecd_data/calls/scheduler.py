"""Drives chains: asks the store first and the endpoint second, many at a time, results in the order of the chains.

A chain is a generator. It yields the requests it wants answered (one, or several that may run side by side), is sent
their responses in the same order, and returns its result; it waits on nothing itself.

    for chain in run(chains, store, model, endpoint, max_concurrency=16):
        ...
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Generator,
    Iterable,
    Iterator,
    Sequence,
)
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar, cast

from ecd_data.calls.endpoint import Endpoint
from ecd_data.calls.store import Store
from ecd_data.errors import EndpointError, StoreError
from ecd_data.values import Model, Request, Response, request_key

T = TypeVar("T")
Chain = Generator[Sequence[Request], list[Response], T]
Ask = Callable[[Request], Awaitable[Response]]

CHAINS_PER_CALL = 2  # chains in progress for each call in flight: room for short chains to wait behind a long one


@dataclass
class Stats:
    """What a run has done so far: `calls` answered by the endpoint, `stored` ones by the store, tokens of both.

    `failed` calls got no answer; `in_flight` are under way, of at most `limit`. The `spent_` tokens are those of
    `calls` alone: what the store answers costs nothing.
    """

    calls: int = 0
    stored: int = 0
    retries: int = 0
    failed: int = 0
    in_flight: int = 0
    limit: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    spent_prompt_tokens: int = 0
    spent_completion_tokens: int = 0


@dataclass(frozen=True)
class Answerer:
    """A model, and where it is asked; without an endpoint the store must hold its responses."""

    model: Model
    endpoint: Endpoint | None = None


def run(
    chains: Iterable[Chain[T]],
    store: Store,
    model: Model,
    endpoint: Endpoint | None,
    *,
    judge: Answerer | None = None,
    max_concurrency: int = 16,
    on_call: Callable[[Stats], None] | None = None,
) -> Iterator[T]:
    """The chains' results, in order; every new response is in the store before its chain sees it.

    Without an endpoint it is a replay: the store must hold every response. Requests of the role `judge` go to `judge`
    when there is one. At most `max_concurrency` calls are in flight. `on_call` is shown the totals after every
    response. An exception, Ctrl-C or the end of the iteration cancels what is in flight.

    Raises:
        EndpointError: a call fails for good, or the endpoint serves another model than `model`.
        StoreError: the store cannot be read or written, or lacks a response in a replay.
    """
    stats = Stats(limit=max_concurrency)
    slots = asyncio.Semaphore(max_concurrency)
    generator = Answerer(model, endpoint)
    answerers = [generator] if judge is None else [generator, judge]
    retried_before = sum(by.endpoint.retries for by in answerers if by.endpoint)  # in another run

    async def ask(request: Request) -> Response:
        by = judge if judge and request.role == "judge" else generator
        model, endpoint = by.model, by.endpoint
        key = request_key(model, request)
        response = store.get(key)
        if response is not None:
            stats.stored += 1
        elif endpoint is None:
            raise StoreError(
                f"{store.path} has no response of {model} to call `{request.role}` of seed {request.seed_id}, round "
                f"{request.round}, attempt {request.attempt}: run without --replay to ask the endpoint for it."
            )
        else:
            async with slots:
                stats.in_flight += 1
                try:
                    response = await endpoint.complete(request)
                finally:
                    stats.in_flight -= 1
            response = store.put(key, model, request, response)
            stats.calls += 1
            stats.retries = sum(by.endpoint.retries for by in answerers if by.endpoint) - retried_before
            stats.spent_prompt_tokens += response.prompt_tokens
            stats.spent_completion_tokens += response.completion_tokens
        stats.prompt_tokens += response.prompt_tokens
        stats.completion_tokens += response.completion_tokens
        if on_call is not None:
            on_call(stats)
        return response

    async def results() -> AsyncIterator[T]:
        async with AsyncExitStack() as opened:
            live = [(by.endpoint, by.model) for by in answerers if by.endpoint is not None]
            for endpoint, model in live:
                await opened.enter_async_context(endpoint)
                await _check_model(endpoint, model)
            async with aclosing(drive(chains, ask, window=CHAINS_PER_CALL * max_concurrency)) as driven:
                async for result in driven:
                    yield result
            for endpoint, model in live if stats.calls else ():
                await _check_model(endpoint, model)  # a server that was restarted may serve another one

    return _blocking(results)


async def drive(chains: Iterable[Chain[T]], ask: Ask, *, window: int) -> AsyncGenerator[T, None]:
    """The chains' results in order, with `window` chains in progress or waiting for an earlier one to end.

    The first exception, of a chain or of `ask`, cancels the rest and is raised.
    """
    ahead = iter(chains)
    tasks: deque[asyncio.Task[T]] = deque()
    try:
        while True:
            tasks.extend(asyncio.create_task(_finish(chain, ask)) for chain in islice(ahead, window - len(tasks)))
            if not tasks:
                return
            running = [task for task in tasks if not task.done()]
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()  # raises what the chain raised, even if earlier chains are still at work
            while tasks and tasks[0].done():
                yield tasks.popleft().result()
    finally:
        await _cancel(tasks)


async def _finish(chain: Chain[T], ask: Ask) -> T:
    """Run one chain to its end and return its result."""
    try:
        requests = next(chain)
        while True:
            requests = chain.send(await _answers(requests, ask))
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        chain.close()


async def _answers(requests: Sequence[Request], ask: Ask) -> list[Response]:
    """The responses to `requests`, asked side by side; a failure cancels the others."""
    tasks = [asyncio.ensure_future(ask(request)) for request in requests]
    try:
        return await asyncio.gather(*tasks)
    finally:
        await _cancel(tasks)


async def _cancel(tasks: Iterable[asyncio.Future[Any]]) -> None:
    """Cancel what is still running of `tasks` and wait until all of it has stopped."""
    tasks = list(tasks)
    for task in tasks:
        task.cancel()  # nothing happens to one that has ended
    await asyncio.gather(*tasks, return_exceptions=True)  # every exception is read: several may fail at once


async def _check_model(endpoint: Endpoint, model: Model) -> None:
    served = await endpoint.identify(model.id)
    if served != model:
        raise EndpointError(
            f"{endpoint.url} now serves {served}, and this run is for {model}. Responses of the one may be stored "
            "under the name of the other: run again with a new --responses file."
        )


def _blocking(results: Callable[[], AsyncIterator[T]]) -> Iterator[T]:
    """Iterate `results()` in an event loop of its own; whatever ends the iteration stops everything in the loop."""
    loop = asyncio.new_event_loop()
    end = object()

    async def following() -> T | object:
        return await anext(stream, end)

    async def stop() -> None:
        await _cancel(asyncio.all_tasks() - {asyncio.current_task()})

    try:
        stream = results()
        while (item := _run_to_end(loop, following())) is not end:
            yield cast(T, item)
    finally:
        loop.run_until_complete(stop())
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def _run_to_end(loop: asyncio.AbstractEventLoop, steps: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine. Ctrl-C and SIGTERM cancel it and are raised after that, not inside whatever code they hit."""
    task = loop.create_task(steps)
    if threading.current_thread() is not threading.main_thread():
        return loop.run_until_complete(task)
    caught: list[int] = []

    def cancel(number: int, _: object) -> None:
        caught.append(number)
        loop.call_soon_threadsafe(task.cancel)

    before = {number: signal.signal(number, cancel) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        return loop.run_until_complete(task)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if caught:
            signal.raise_signal(caught[0])
