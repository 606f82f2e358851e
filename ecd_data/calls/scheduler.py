"""Drives chains: asks the store first and the endpoint second, many at a time, results in the order of the chains.

A chain is a generator. It yields the requests it wants answered (one, or several that may run side by side), is sent
their responses in the same order, and returns its result; it waits on nothing itself. When one of its calls failed for
good, `CallFailed` is thrown into it instead.

    for chain in run(chains, store, ModelSource(model, pool)):
        ...
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, TypeVar, cast

from ecd_data.calls.batch_writer import Commits
from ecd_data.calls.loop import blocking, cancelled
from ecd_data.calls.store import Store
from ecd_data.core.errors import CallFailed, EndpointError, EndpointSilent, OtherModel, StoreError
from ecd_data.core.request import JUDGE, Model, Request, Response, Steps, request_key

T = TypeVar("T")
Ask = Callable[[Request, int], Awaitable[Response | CallFailed]]

ACTIVE = 1.25  # chains at work for each call that may be in flight: a chain that thinks leaves no slot empty
WINDOW = 8  # chains begun and not yet given out, for each call: room for short ones behind a long one
REPLAYED = 4  # chains at work in a replay, where none waits for another
MIXED = "Responses of the one may be stored under the name of the other: run again with a new --responses file."
FEW_CALLS = 100  # before which the share of failed ones says little


class Pool(Protocol):
    """Who answers: endpoints (`calls.pool.Pool`), or weights that are loaded here (`evaluation.weights.Weights`).

    `capacity` is how many calls are worth having under way, `limit` how many may be in flight at this moment.
    """

    retries: int

    @property
    def capacity(self) -> int: ...
    @property
    def limit(self) -> int: ...
    @property
    def in_flight(self) -> int: ...
    async def __aenter__(self) -> object: ...
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None: ...
    async def identify(self, model: str | None = None) -> Model: ...
    async def complete(self, request: Request, priority: tuple[int, ...] = ()) -> Response: ...


@dataclass
class Stats:
    """What a run has done so far.

    calls: answered by the endpoint; stored: by the store; failed: calls that failed for good; retries: of calls.
    prompt_tokens, completion_tokens: of the calls that the endpoint answered.
    pools: where it asks.
    """

    calls: int = 0
    stored: int = 0
    failed: int = 0
    retries: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    pools: Collection[Pool] = field(default=(), repr=False, compare=False)

    @property
    def in_flight(self) -> int:
        """Calls at the endpoints at this moment."""
        return sum(pool.in_flight for pool in self.pools)

    @property
    def limit(self) -> int:
        """How many there may be at this moment."""
        return sum(pool.limit for pool in self.pools)


@dataclass(frozen=True)
class ModelSource:
    """A model, and where it is asked; without endpoints the store must hold its responses."""

    model: Model
    pool: Pool | None = None


def run(
    chains: Iterable[Steps[T]],
    store: Store,
    source: ModelSource,
    *,
    extra_models: Mapping[str, ModelSource] | None = None,
    max_failed: float = 0.05,
    on_call: Callable[[Stats], None] | None = None,
    on_key: Callable[[int, str], None] | None = None,
    on_failed: Callable[[str, str], None] | None = None,
) -> Iterator[T]:
    """The chains' results, in order; every new response is in the store before its chain sees it.

    Without endpoints it is a replay: the store must hold every response. A request that names who answers goes to that
    one of `extra_models`; without a `judge` among them, what is asked of it goes to the source itself. Calls of the
    chains that have come furthest go first, so that chains end early. A call that failed for good is remembered, so
    that a replay meets the same failure; a run with endpoints asks again. The run ends when more than the share
    `max_failed` of its calls failed. `on_call` is shown the totals at the start and after every response, `on_key` the
    number of the chain and the store key of every request, in the order of the chain's requests, `on_failed` the key
    and the reason of every call that failed for good. An exception, Ctrl-C or the end of the iteration cancels what is
    in flight; answers that have come are stored.

    Raises:
        EndpointError: too many calls fail, or the endpoint serves another model than the source's.
        StoreError: the store cannot be read or written, or lacks a response in a replay.
    """
    told = (on_call, on_key, on_failed)
    return blocking(lambda: _Run(store, source, extra_models or {}, max_failed, *told).results(chains))


class _Run:
    """One pass over some chains."""

    def __init__(
        self,
        store: Store,
        source: ModelSource,
        extra_models: Mapping[str, ModelSource],
        max_failed: float,
        on_call: Callable[[Stats], None] | None,
        on_key: Callable[[int, str], None] | None,
        on_failed: Callable[[str, str], None] | None,
    ) -> None:
        self.store = store
        self.sources = {"": source, JUDGE: source, **extra_models}
        self.max_failed = max_failed
        self.on_call = on_call
        self.on_key = on_key
        self.on_failed = on_failed
        self.live = {source.pool: source.model for source in self.sources.values() if source.pool is not None}
        self.stats = Stats(pools=self.live.keys())
        self.commits = Commits(store, lambda: self.stats.in_flight)
        self.retried_before = sum(pool.retries for pool in self.live)

    async def results(self, chains: Iterable[Steps[T]]) -> AsyncGenerator[T, None]:
        """The chains' results, in order."""
        capacity = sum(pool.capacity for pool in self.live) or REPLAYED
        async with AsyncExitStack() as opened:
            for pool, model in self.live.items():
                await opened.enter_async_context(pool)
                await _check_model(pool, model)
            opened.push_async_callback(self.commits.close)
            self._tell()
            driven = drive(chains, self.ask, active=int(ACTIVE * capacity) + 1, window=WINDOW * capacity)
            async with aclosing(driven):
                async for result in driven:
                    yield result
            for pool, model in self.live.items() if self.stats.calls else ():
                try:
                    await _check_model(pool, model)  # a server that was restarted may serve another one
                except OtherModel:
                    raise EndpointError(f"{pool} no longer serves {model}, which this run is for. {MIXED}") from None
                except EndpointSilent:
                    pass  # it is gone, and all is answered

    async def ask(self, request: Request, number: int) -> Response | CallFailed:
        """What the store holds, or else the endpoint says, to a request of chain `number`."""
        source = self.sources.get(request.model_name)
        if source is None:
            name = request.model_name
            raise EndpointError(f"{request.name} is for {name!r}: say who that is with --endpoint {name}=URL.")
        key = request_key(source.model, request)
        if self.on_key is not None:
            self.on_key(number, key)
        answer: Response | CallFailed | None = self.store.get(key)
        if answer is not None:
            self.stats.stored += 1
        elif source.pool is None:
            answer = self._remembered_failure(key, source.model, request)
        else:
            try:
                response = await source.pool.complete(request, priority=(-request.round, number))
            except CallFailed as failure:
                answer = failure
                self.store.put_failure(key, source.model, request, failure.reason)
                if self.on_failed is not None:
                    self.on_failed(key, failure.reason)
                self._count_failure(failure)
            else:
                answer = await self.commits.put(key, source.model, request, response)
                self.stats.calls += 1
                self.stats.prompt_tokens += response.prompt_tokens
                self.stats.completion_tokens += response.completion_tokens
        self._tell()
        return answer

    def _tell(self) -> None:
        self.stats.retries = sum(pool.retries for pool in self.live) - self.retried_before
        if self.on_call is not None:
            self.on_call(self.stats)

    def _remembered_failure(self, key: str, model: Model, request: Request) -> CallFailed:
        reason = self.store.failure(key)
        if reason is None:
            raise StoreError(
                f"{self.store.path} has no response of {model} to {request.name}: run without --replay to ask the "
                "endpoint for it."
            )
        return CallFailed(reason, f"{request.name} failed when it was asked.")

    def _count_failure(self, failure: CallFailed) -> None:
        self.stats.failed += 1
        if self.stats.failed > self.max_failed * max(self.stats.calls, FEW_CALLS):
            raise EndpointError(
                f"{self.stats.failed} calls failed for good, {self.stats.calls} were answered; the last: {failure} "
                f"No more than {100 * self.max_failed:g} % of the calls may fail (a recipe's `max_failed`). "
                "Everything answered is stored: run the same command again to continue."
            )


async def drive(chains: Iterable[Steps[T]], ask: Ask, *, active: int, window: int) -> AsyncGenerator[T, None]:
    """The chains' results in order, with `active` chains at work and `window` at work or waiting for an earlier one.

    `ask` gets each request with the number of its chain. The first exception, of a chain or of `ask`, cancels the rest
    and is raised.
    """
    ahead = enumerate(chains)
    tasks: deque[asyncio.Task[T]] = deque()
    ended = asyncio.Event()
    at_work = 0

    def end(task: asyncio.Task[T]) -> None:
        nonlocal at_work
        at_work -= 1
        ended.set()
        if not task.cancelled() and task.exception():
            failed.append(task)

    failed: list[asyncio.Task[T]] = []
    try:
        more = True
        while True:
            while more and at_work < active and len(tasks) < window:
                if (numbered := next(ahead, None)) is None:
                    more = False
                    break
                number, chain = numbered
                tasks.append(asyncio.create_task(_finish(chain, number, ask)))
                tasks[-1].add_done_callback(end)
                at_work += 1
            if not tasks:
                return
            await ended.wait()
            ended.clear()
            for task in failed:
                task.result()  # raises what the chain raised, even if earlier chains are still at work
            while tasks and tasks[0].done():
                yield tasks.popleft().result()
    finally:
        await cancelled(tasks)


async def _finish(chain: Steps[T], number: int, ask: Ask) -> T:
    """Run one chain to its end and return its result."""
    try:
        requests = next(chain)
        while True:
            answers = await _answers(requests, number, ask)
            failures = [answer for answer in answers if isinstance(answer, CallFailed)]
            requests = chain.throw(failures[0]) if failures else chain.send(cast(list[Response], answers))
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        chain.close()


async def _answers(requests: Sequence[Request], number: int, ask: Ask) -> list[Response | CallFailed]:
    """The answers to `requests`, asked side by side; an exception cancels the others."""
    if len(requests) == 1:
        return [await ask(requests[0], number)]
    tasks = [asyncio.ensure_future(ask(request, number)) for request in requests]
    try:
        return await asyncio.gather(*tasks)
    finally:
        await cancelled(tasks)


async def _check_model(pool: Pool, model: Model) -> None:
    served = await pool.identify(model.id)
    if served != model:
        raise EndpointError(f"{pool} now serves {served}, and this run is for {model}. {MIXED}")
