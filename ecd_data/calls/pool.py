"""The endpoints that serve one model: each call goes to the least loaded one, and is retried when that may help.

async with Pool([Endpoint("http://gpu1:8080"), Endpoint("http://gpu2:8080")]) as pool:
    model = await pool.identify()
    response = await pool.complete(request)
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

from ecd_data.calls.concurrency_limit import ConcurrencyLimit
from ecd_data.calls.endpoint import Endpoint, RetryableError
from ecd_data.core.errors import CallFailed, EndpointError, EndpointUnavailable
from ecd_data.core.request import Model, Request, Response

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds between two tries; the bound doubles from the first to the longest
FREE_RETRIES = 10  # per slot, before there may be no more retries than answers

Lane = tuple[Endpoint, ConcurrencyLimit]
Priority = tuple[int, ...]


class Pool:
    """One or several endpoints that serve the same model.

    Args:
        endpoints: the servers.
        min_concurrency, max_concurrency: bounds of the calls in flight at each; between them the number follows how
            the endpoint copes (see `ConcurrencyLimit`).
        max_retries: tries of one call after the first. All calls together may be retried about as often as they are
            answered: beyond that the run stops, since it would mostly load a server that cannot cope.

    Open it with `async with`, in the event loop that uses it; it may be opened again later.
    """

    def __init__(
        self, endpoints: Sequence[Endpoint], min_concurrency: int = 1, max_concurrency: int = 16, max_retries: int = 6
    ) -> None:
        self.endpoints = list(endpoints)
        self.bounds = (min_concurrency, max_concurrency)
        self.capacity = max_concurrency * len(self.endpoints)
        self.max_retries = max_retries
        self.retries = self.answered = 0

    async def __aenter__(self) -> Pool:
        self._lanes: list[Lane] = [(endpoint, ConcurrencyLimit(*self.bounds)) for endpoint in self.endpoints]
        self._waiting: list[tuple[Priority, int, asyncio.Future[Lane]]] = []
        self._numbers = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self._opened = AsyncExitStack()
        for endpoint in self.endpoints:
            await self._opened.enter_async_context(endpoint)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._timer:
            self._timer.cancel()
        await self._opened.aclose()

    def __str__(self) -> str:
        return ", ".join(endpoint.url for endpoint in self.endpoints)

    def __reduce__(self) -> tuple[Any, ...]:
        return Pool, (self.endpoints, *self.bounds, self.max_retries)  # another process opens its own connections

    @property
    def in_flight(self) -> int:
        """Calls in flight at all endpoints."""
        return sum(limit.in_flight for _, limit in self._lanes)

    @property
    def limit(self) -> int:
        """Calls that may be in flight at present."""
        return sum(int(limit.limit) for _, limit in self._lanes)

    async def identify(self, model: str | None = None) -> Model:
        """Return the model that all endpoints say they serve; `model` chooses one when a server has several.

        Once calls have been answered, an endpoint that does not answer any more is passed over.

        Raises:
            EndpointError: one of them cannot be used, or they serve different models.
        """
        served: dict[str, Model] = {}
        unavailable: list[EndpointUnavailable] = []

        async def ask(endpoint: Endpoint) -> None:
            try:
                served[endpoint.url] = await endpoint.identify(model)
            except EndpointUnavailable as error:
                unavailable.append(error)

        await asyncio.gather(*map(ask, self.endpoints))
        if unavailable and not (served and self.answered):
            raise unavailable[0]
        url, *others = (endpoint.url for endpoint in self.endpoints if endpoint.url in served)
        for other in others:
            if served[other] != served[url]:
                raise EndpointError(
                    f"{url} serves {served[url]} and {other} serves {served[other]}: several endpoints share the work "
                    "of one model. Leave one out, or serve the same model and revision at both."
                )
        return served[url]

    async def complete(self, request: Request, priority: Priority = ()) -> Response:
        """Return the answer to `request`. If all endpoints are busy, the call with the lowest priority number is next.

        Raises:
            CallFailed: this call cannot be answered, others may be.
            EndpointError: none can, or the run has used up its retries.
        """
        # Not a retry library's loop: each try takes another slot, moves that endpoint's limit and draws on one budget.
        for attempt in range(self.max_retries + 1):
            endpoint, limit = await self._slot(priority)
            started = _now()
            try:
                response = await endpoint.complete(request)
            except RetryableError as error:
                failure = f"{endpoint.url}: {error}"
                self._record_failure(limit, error, started)
            except BaseException:
                limit.in_flight -= 1
                raise
            else:
                limit.answered()
                self.answered += 1
                return response
            finally:
                self._assign_room()
            if attempt < self.max_retries:
                self._count_retry(failure)
                bound = min(FIRST_PAUSE * 2**attempt, LONGEST_PAUSE)
                await asyncio.sleep(random.uniform(0, bound))  # full jitter: the calls in flight spread out
        raise CallFailed("no_answer", f"{request.name} failed {self.max_retries + 1} times; the last time {failure}.")

    def _record_failure(self, limit: ConcurrencyLimit, error: RetryableError, started: float) -> None:
        """Adapt the endpoint's limit to a failed try; raise EndpointError once all endpoints are dead."""
        limit.in_flight -= 1
        if error.overloaded:
            limit.overloaded(started, _now())
        if error.retry_after:
            limit.pause(_now(), error.retry_after)
        if not error.alive:
            limit.failed(started, _now())
        if all(limit.is_dead for _, limit in self._lanes):
            raise EndpointError(
                f"{', '.join(endpoint.url for endpoint in self.endpoints)} failed again and again; the last time: "
                f"{error}. Everything answered so far is stored: run the same command again when the server is well."
            )

    def _count_retry(self, failure: str) -> None:
        """Raise EndpointError if the calls of the run have been retried too often."""
        self.retries += 1
        if self.retries > FREE_RETRIES * self.capacity + self.answered:
            raise EndpointError(
                f"{self.retries} tries had to be repeated for {self.answered} answers; the last one: {failure}. "
                "Everything answered is stored: run the same command again when the server is well, or with a lower "
                "--max-concurrency."
            )

    async def _slot(self, priority: Priority) -> Lane:
        """Wait for room at an endpoint and take it."""
        future: asyncio.Future[Lane] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (priority, next(self._numbers), future))
        self._assign_room()
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():  # it got room and was cancelled before it could use it
                future.result()[1].in_flight -= 1
                self._assign_room()
            raise

    def _assign_room(self) -> None:
        """Give free room to the calls that wait."""
        now = _now()
        while self._waiting:
            free = [lane for lane in self._lanes if lane[1].is_free(now)]
            if not free:
                break
            _, _, future = heapq.heappop(self._waiting)
            if not future.done():  # else it was cancelled
                lane = min(free, key=lambda lane: lane[1].in_flight / lane[1].limit)
                lane[1].in_flight += 1
                future.set_result(lane)
        if self._waiting:
            self._wake(now)

    def _wake(self, now: float) -> None:
        """Set a timer for the end of an endpoint's pause: there may be no call whose end would notice it."""
        ends = [limit.paused_until for _, limit in self._lanes if limit.paused_until > now]
        if self._timer:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(min(ends) - now, self._assign_room) if ends else None


def identify(pool: Pool, model: str | None = None) -> Model:
    """Return the model that the pool's endpoints serve, for code outside an event loop; see `Pool.identify`."""

    async def ask() -> Model:
        async with pool:
            return await pool.identify(model)

    return asyncio.run(ask())


def _now() -> float:
    return asyncio.get_running_loop().time()
