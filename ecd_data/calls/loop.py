"""An event loop in the foreground that ordinary code can iterate, and that stops as a whole."""

import asyncio
import signal
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Iterator
from typing import Any, TypeVar, cast

T = TypeVar("T")


async def cancel_all(tasks: Iterable[asyncio.Future[Any]]) -> None:
    """Cancel the tasks that have not ended, and wait until all of them have."""
    tasks = list(tasks)
    for task in tasks:
        task.cancel()  # has no effect on one that has ended
    await asyncio.gather(*tasks, return_exceptions=True)  # retrieves every exception: several tasks may fail at once


def iterate_blocking(results: Callable[[], AsyncGenerator[T, None]]) -> Iterator[T]:
    """Yield what `results()` yields, from an event loop of its own. All tasks in the loop end with the iteration."""
    loop = asyncio.new_event_loop()
    end = object()

    async def next_result() -> T | object:
        return await anext(stream, end)

    async def stop() -> None:
        await cancel_all(asyncio.all_tasks() - {asyncio.current_task()})

    stream = results()
    try:
        while (item := _run_until_complete(loop, next_result())) is not end:
            yield cast(T, item)
    finally:
        loop.run_until_complete(stream.aclose())  # stores what has been answered, before everything else is cancelled
        loop.run_until_complete(stop())
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def _run_until_complete(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine. Ctrl-C and SIGTERM cancel it, and are raised only once it has ended."""
    task = loop.create_task(coroutine)
    if threading.current_thread() is not threading.main_thread():
        return loop.run_until_complete(task)
    received: list[int] = []

    def cancel(number: int, _: object) -> None:
        if not received:  # a second cancellation would end the wait for answers that are being stored
            loop.call_soon_threadsafe(task.cancel)
        received.append(number)

    previous = {number: signal.signal(number, cancel) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        return loop.run_until_complete(task)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        if received:
            signal.raise_signal(received[0])
