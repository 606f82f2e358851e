"""Drives chains: many at a time, with their results in order.

A chain is a generator. It yields the requests it wants answered (one, or several that may be made side by side), is
sent their responses in the same order, and returns its result; it never waits for anything itself. If one of its calls
failed for good, `CallFailed` is thrown into it instead.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeVar, cast

from ecd_data.core.errors import CallFailed
from ecd_data.core.request import Request, Response, Steps

T = TypeVar("T")
Ask = Callable[[Request, int], Awaitable[Response | CallFailed]]


async def drive(chains: Iterable[Steps[T]], ask: Ask, *, active: int, window: int) -> AsyncGenerator[T, None]:
    """Yield the results of chains, in order.

    The first exception, of a chain or of `ask`, cancels everything else and is raised.

    Args:
        chains: generators of requests.
        ask: returns the answer to a request; is also given the number of its chain, from 0.
        active: bound on the chains at work.
        window: bound on the chains at work or finished, but not yet yielded because of an earlier one.
    """
    numbered_chains = enumerate(chains)
    tasks: deque[asyncio.Task[T]] = deque()  # of the chains in the window, in their order
    failed: list[asyncio.Task[T]] = []
    some_ended = asyncio.Event()
    at_work = 0

    def end(task: asyncio.Task[T]) -> None:
        nonlocal at_work
        at_work -= 1
        some_ended.set()
        if not task.cancelled() and task.exception():
            failed.append(task)

    try:
        while True:
            while at_work < active and len(tasks) < window and (item := next(numbered_chains, None)) is not None:
                number, chain = item
                tasks.append(asyncio.create_task(_run_chain(chain, number, ask)))
                tasks[-1].add_done_callback(end)
                at_work += 1
            if not tasks:
                return
            await some_ended.wait()
            some_ended.clear()
            for task in failed:
                task.result()  # raises what the chain raised, even if earlier chains are still at work
            while tasks and tasks[0].done():
                yield tasks.popleft().result()
    finally:
        await _cancel_all(tasks)


async def _run_chain(chain: Steps[T], number: int, ask: Ask) -> T:
    """Run one chain to its end and return its result."""
    try:
        requests = next(chain)
        while True:
            answers = await _ask_all(requests, number, ask)
            failures = [answer for answer in answers if isinstance(answer, CallFailed)]
            requests = chain.throw(failures[0]) if failures else chain.send(cast(list[Response], answers))
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        chain.close()


async def _ask_all(requests: Sequence[Request], number: int, ask: Ask) -> list[Response | CallFailed]:
    """Return the answers to requests made side by side; an exception cancels the others."""
    if len(requests) == 1:
        return [await ask(requests[0], number)]
    tasks = [asyncio.ensure_future(ask(request, number)) for request in requests]
    try:
        return await asyncio.gather(*tasks)
    finally:
        await _cancel_all(tasks)


async def _cancel_all(tasks: Iterable[asyncio.Future[Any]]) -> None:
    """Cancel the tasks that have not ended, and wait until all of them have."""
    tasks = list(tasks)
    for task in tasks:
        task.cancel()  # has no effect on one that has ended
    await asyncio.gather(*tasks, return_exceptions=True)  # retrieves every exception: several tasks may fail at once
