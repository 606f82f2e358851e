"""Answers on their way into the store: those that come together are committed together, off the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ecd_data.calls.store import Store
from ecd_data.core.request import Model, Request, Response

Answer = tuple[str, Model, Request, Response]

SHARE = 8  # a commit gathers one answer for as many calls in flight: in about an eighth of the time that a call takes
PATIENCE = 0.1  # seconds that it waits for them at most


class Commits:
    """Puts responses into `store`. While one commit is being written to the disk, the next one gathers.

    A commit takes about the same time for ten answers as for one, so it waits a moment for others: the longer, the
    more calls are under way. `in_flight` tells how many are.
    """

    def __init__(self, store: Store, in_flight: Callable[[], int]) -> None:
        self._store = store
        self._in_flight = in_flight
        self._enough = asyncio.Event()
        self._gathered: list[tuple[Answer, asyncio.Future[Response]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def put(self, key: str, model: Model, request: Request, response: Response) -> Response:
        """The response that is stored under `key`, once it is safe on the disk.

        Raises:
            StoreError: the store cannot be written.
        """
        stored: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._gathered.append(((key, model, request, response), stored))
        if SHARE * len(self._gathered) >= self._in_flight():
            self._enough.set()
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        return await stored

    async def close(self) -> None:
        """Waits until everything is written, also for those that no longer wait for it themselves."""
        if self._writer is not None:
            self._enough.set()
            await self._writer

    async def _write(self) -> None:
        try:
            while self._gathered:
                late = asyncio.get_running_loop().call_later(PATIENCE, self._enough.set)
                await self._enough.wait()
                self._enough.clear()
                late.cancel()
                gathered, self._gathered = self._gathered, []
                try:
                    responses = await asyncio.to_thread(self._store.put_many, [answer for answer, _ in gathered])
                except Exception as error:
                    for _, stored in gathered:
                        if not stored.done():
                            stored.set_exception(error)
                else:
                    for (_, stored), response in zip(gathered, responses, strict=True):
                        if not stored.done():
                            stored.set_result(response)
        finally:
            self._writer = None
