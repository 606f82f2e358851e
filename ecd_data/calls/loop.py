"""An event loop in the foreground: what is iterated from outside it, and stopped as a whole."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Iterator
from typing import Any, TypeVar, cast

T = TypeVar("T")


async def cancelled(tasks: Iterable[asyncio.Future[Any]]) -> None:
    """Cancel what is still running of `tasks` and wait until all of it has stopped."""
    tasks = list(tasks)
    for task in tasks:
        task.cancel()  # nothing happens to one that has ended
    await asyncio.gather(*tasks, return_exceptions=True)  # every exception is read: several may fail at once


def blocking(results: Callable[[], AsyncGenerator[T, None]]) -> Iterator[T]:
    """Iterate `results()` in an event loop of its own; whatever ends the iteration stops everything in the loop."""
    loop = asyncio.new_event_loop()
    end = object()

    async def following() -> T | object:
        return await anext(stream, end)

    async def stop() -> None:
        await cancelled(asyncio.all_tasks() - {asyncio.current_task()})

    stream = results()
    try:
        while (item := _run_to_end(loop, following())) is not end:
            yield cast(T, item)
    finally:
        loop.run_until_complete(stream.aclose())  # what has been answered is stored before all else ends
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
        if not caught:  # once more would cancel the wait for answers that are being stored
            loop.call_soon_threadsafe(task.cancel)
        caught.append(number)

    before = {number: signal.signal(number, cancel) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        return loop.run_until_complete(task)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if caught:
            signal.raise_signal(caught[0])
