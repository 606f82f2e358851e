"""Answers on their way into the store: those that come together are committed together, off the event loop."""

from __future__ import annotations

import asyncio

from ecd_data.calls.store import Store
from ecd_data.values import Model, Request, Response

Answer = tuple[str, Model, Request, Response]


class Commits:
    """Puts responses into `store`. While one commit is being written to the disk, the next one gathers."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._gathered: list[tuple[Answer, asyncio.Future[Response]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def put(self, key: str, model: Model, request: Request, response: Response) -> Response:
        """The response that is stored under `key`, once it is safe on the disk.

        Raises:
            StoreError: the store cannot be written.
        """
        stored: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._gathered.append(((key, model, request, response), stored))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        return await stored

    async def close(self) -> None:
        """Waits until everything is written, also for those that no longer wait for it themselves."""
        if self._writer is not None:
            await self._writer

    async def _write(self) -> None:
        try:
            while self._gathered:
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
