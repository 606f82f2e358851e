"""An event loop in the foreground that ordinary code can iterate, and that stops as a whole."""

import asyncio
import signal
from collections.abc import AsyncGenerator, Iterator
from functools import partial
from typing import TypeVar, cast

from ecd_data.core.process import defer_signals

T = TypeVar("T")


def iterate_blocking(results: AsyncGenerator[T, None]) -> Iterator[T]:
    """Yield what `results` yields, from an event loop of its own. All tasks in the loop end with the iteration.

    Ctrl-C and SIGTERM cancel what goes on in the loop, and are raised only once that has ended. A second one changes
    nothing: another cancellation would end the wait for answers that are being stored.
    """
    end = object()

    async def next_result() -> T | object:
        return await anext(results, end)

    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        try:
            while True:
                task = loop.create_task(next_result())
                cancel = partial(loop.call_soon_threadsafe, task.cancel)
                with defer_signals(signal.SIGINT, signal.SIGTERM, on_first=cancel):
                    item = loop.run_until_complete(task)
                if item is end:
                    return
                yield cast(T, item)
        finally:
            loop.run_until_complete(results.aclose())  # stores what has been answered, before the rest is cancelled
