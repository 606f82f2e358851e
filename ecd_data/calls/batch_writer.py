"""Writes responses to the store in batches: those that arrive together are committed together, off the event loop."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from ecd_data.calls.store import Answer, Store
from ecd_data.core.request import Model, Request, Response

# A batch is written once it has one response for so many calls in flight: after about an eighth of a call's time.
CALLS_PER_RESPONSE = 8
MAX_WAIT = 0.1  # seconds that a batch waits for more responses


class BatchWriter:
    """Puts responses into a store. While one batch is written to the disk, the next one gathers.

    A commit takes about the same time for ten responses as for one. So each batch waits a moment for more of them: the
    more calls are in flight, the longer.

    Args:
        store: takes the responses.
        in_flight: returns how many calls are in flight.
    """

    def __init__(self, store: Store, in_flight: Callable[[], int]) -> None:
        self._store = store
        self._in_flight = in_flight
        self._answers: list[Answer] = []  # of the batch that gathers
        self._is_due = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        self._batch: asyncio.Task[list[Response]] | None = None  # the last one

    async def put(self, key: str, model: Model, request: Request, response: Response) -> Response:
        """Return the response that is stored under a key, once it is safe on the disk.

        Raises:
            StoreError: the store cannot be written.
        """
        if not self._answers or self._batch is None:
            self._batch = asyncio.create_task(self._write_batch())
        number = len(self._answers)
        self._answers.append((key, model, request, response))
        if CALLS_PER_RESPONSE * len(self._answers) >= self._in_flight():
            self._is_due.set()
        return (await asyncio.shield(self._batch))[number]

    async def close(self) -> None:
        """Wait until everything is written, even what no caller waits for any more."""
        if self._batch is not None:
            self._is_due.set()
            await asyncio.wait([self._batch])

    async def _write_batch(self) -> list[Response]:
        """Write the batch that gathers, once it is due and the one before it is written."""
        with suppress(TimeoutError):
            async with asyncio.timeout(MAX_WAIT):
                await self._is_due.wait()
        async with self._one_at_a_time:
            answers, self._answers = self._answers, []
            self._is_due.clear()
            return await asyncio.to_thread(self._store.put_many, answers)
