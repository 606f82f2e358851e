"""Writes responses to the store in batches: those that arrive together are committed together, off the event loop."""

import asyncio
from collections.abc import Callable

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
        self._batch: list[tuple[Answer, asyncio.Future[Response]]] = []
        self._batch_is_due = asyncio.Event()
        self._writing: asyncio.Task[None] | None = None

    async def put(self, key: str, model: Model, request: Request, response: Response) -> Response:
        """Return the response that is stored under a key, once it is safe on the disk.

        Raises:
            StoreError: the store cannot be written.
        """
        stored: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._batch.append(((key, model, request, response), stored))
        if CALLS_PER_RESPONSE * len(self._batch) >= self._in_flight():
            self._batch_is_due.set()
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_batches())
        return await stored

    async def close(self) -> None:
        """Wait until everything is written, even what no caller waits for any more."""
        if self._writing is not None:
            self._batch_is_due.set()
            await self._writing

    async def _write_batches(self) -> None:
        try:
            while self._batch:
                timer = asyncio.get_running_loop().call_later(MAX_WAIT, self._batch_is_due.set)
                await self._batch_is_due.wait()
                self._batch_is_due.clear()
                timer.cancel()
                batch, self._batch = self._batch, []
                try:
                    responses = await asyncio.to_thread(self._store.put_many, [answer for answer, _ in batch])
                except Exception as error:
                    for _, stored in batch:
                        if not stored.done():
                            stored.set_exception(error)
                else:
                    for (_, stored), response in zip(batch, responses, strict=True):
                        if not stored.done():
                            stored.set_result(response)
        finally:
            self._writing = None
