"""Runs chains: answers their requests from the store or else an endpoint, many at a time, with results in order.

for chain in run(chains, store, ModelSource(model, pool)):
    ...
"""

from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Iterator, Mapping, MutableMapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from ecd_data.calls.batch_writer import BatchWriter
from ecd_data.calls.chains import drive
from ecd_data.calls.loop import iterate_blocking
from ecd_data.calls.store import Store
from ecd_data.core.errors import CallFailed, EndpointError, EndpointUnavailable, ModelNotServed, StoreError
from ecd_data.core.request import JUDGE, Model, Request, Response, Steps, request_key

T = TypeVar("T")

# For each call that may be in flight:
ACTIVE_PER_CALL = 1.25  # chains at work, so that a chain between two calls leaves no slot empty
WINDOW_PER_CALL = 8  # chains begun and not yet yielded, so that short ones can finish behind a long one
REPLAY_CAPACITY = 4  # calls that a replay counts as, although none of them has to wait
MIN_CALLS = 100  # below so many the share of failed calls says little
MIXED_MODELS = "Responses of one may be stored under the name of the other: run again with a new --responses file."


class Backend(AbstractAsyncContextManager[Any], Protocol):
    """Answers the requests to a model: endpoints (`calls.pool.Pool`) or loaded weights (`evaluation.weights.Weights`).

    retries: of calls, since it was created.
    capacity: the number of calls worth having under way.
    limit: the number of calls that may be in flight at this moment.
    in_flight: the number of calls in flight at this moment.
    """

    retries: int

    @property
    def capacity(self) -> int: ...
    @property
    def limit(self) -> int: ...
    @property
    def in_flight(self) -> int: ...
    async def identify(self, model: str | None = None) -> Model: ...
    async def complete(self, request: Request, priority: tuple[int, ...] = ()) -> Response: ...


@dataclass
class Stats:
    """The totals of a run so far.

    calls: calls that the endpoints answered.
    stored: requests that the store answered.
    failed: calls that failed for good.
    retries: attempts at calls after the first.
    prompt_tokens, completion_tokens: of the calls that the endpoints answered.
    pools: the endpoints.
    """

    calls: int = 0
    stored: int = 0
    failed: int = 0
    retries: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    pools: Collection[Backend] = field(default=(), repr=False, compare=False)

    @property
    def in_flight(self) -> int:
        """The number of calls in flight at this moment."""
        return sum(pool.in_flight for pool in self.pools)

    @property
    def limit(self) -> int:
        """The number of calls that may be in flight at this moment."""
        return sum(pool.limit for pool in self.pools)


@dataclass
class Call:
    """A call of a chain.

    key: in the response store.
    failure: the reason code, if it failed for good.
    prompt_tokens, completion_tokens: of its response.
    """

    key: str
    failure: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True)
class ModelSource:
    """A model and its backend; without one, the store must hold all responses of the model."""

    model: Model
    pool: Backend | None = None


def run(
    chains: Iterable[Steps[T]],
    store: Store,
    source: ModelSource,
    *,
    extra_models: Mapping[str, ModelSource] | None = None,
    max_failed: float = 0.05,
    on_call: Callable[[Stats], None] | None = None,
    calls: MutableMapping[int, list[Call]] | None = None,
) -> Iterator[T]:
    """Yield the results of chains, in order.

    Every new response is in the store before its chain sees it. Calls of the chains that are furthest ahead go first,
    so that chains finish early. A call that failed for good is stored too, so that a replay meets the same failure,
    while a run with endpoints makes it again. An exception, Ctrl-C or the end of the iteration cancels what is in
    flight; answers that have arrived are stored.

    Args:
        chains: as `calls.chains` describes them.
        store: answers what it holds; without endpoints (a replay) it must hold everything.
        source: the model that is asked.
        extra_models: other models, by the names that requests have for them. Requests for a `judge` that is not among
            them go to `source`.
        max_failed: share of the calls that may fail for good before the run stops.
        on_call: called with the totals, at the start and after every response.
        calls: a `defaultdict` that takes the calls of each chain, by its number, in the order in which the chain makes
            them.

    Raises:
        EndpointError: too many calls fail, or an endpoint serves another model than its source says.
        StoreError: the store cannot be read or written, or lacks a response in a replay.
    """
    sources = {"": source, JUDGE: source, **(extra_models or {})}
    calls = defaultdict(list) if calls is None else calls
    return iterate_blocking(_Run(store, sources, max_failed, on_call, calls).results(chains))


@dataclass
class _Run:
    """One run: answers the requests of its chains, counts the calls, and calls back."""

    store: Store
    sources: Mapping[str, ModelSource]
    max_failed: float
    on_call: Callable[[Stats], None] | None
    calls: MutableMapping[int, list[Call]]

    def __post_init__(self) -> None:
        self.models = {source.pool: source.model for source in self.sources.values() if source.pool is not None}
        self.stats = Stats(pools=self.models.keys())
        self.writer = BatchWriter(self.store, lambda: self.stats.in_flight)
        self.earlier_retries = sum(pool.retries for pool in self.models)

    async def results(self, chains: Iterable[Steps[T]]) -> AsyncGenerator[T, None]:
        """Yield the results of chains, in order."""
        capacity = sum(pool.capacity for pool in self.models) or REPLAY_CAPACITY
        async with AsyncExitStack() as opened:
            for pool, model in self.models.items():
                await opened.enter_async_context(pool)
                await _check_model(pool, model)
            opened.push_async_callback(self.writer.close)
            self._report()
            active, window = int(ACTIVE_PER_CALL * capacity) + 1, WINDOW_PER_CALL * capacity
            async with aclosing(drive(chains, self.ask, active=active, window=window)) as results:
                async for result in results:
                    yield result
            for pool, model in self.models.items() if self.stats.calls else ():
                try:
                    await _check_model(pool, model)  # a server that was restarted may serve another one
                except ModelNotServed:
                    raise EndpointError(
                        f"{pool} no longer serves {model}, which this run is for. {MIXED_MODELS}"
                    ) from None
                except EndpointUnavailable:
                    pass  # everything has been answered

    async def ask(self, request: Request, number: int) -> Response | CallFailed:
        """Return the response to a request of the chain `number`, from the store or else the endpoint."""
        source = self.sources.get(request.model_name)
        if source is None:
            name = request.model_name
            raise EndpointError(f"{request.name} is for the model {name!r}: give its server, --endpoint {name}=URL.")
        key = request_key(source.model, request)
        call = Call(key)
        self.calls[number].append(call)
        answer: Response | CallFailed | None = self.store.get(key)
        if answer is not None:
            self.stats.stored += 1
        elif source.pool is None:
            answer = self._stored_failure(key, source.model, request)
        else:
            try:
                response = await source.pool.complete(request, priority=(-request.round, number))
            except CallFailed as failure:
                answer = failure
                self.store.put_failure(key, source.model, request, failure.reason)
                self._count_failure(failure)
            else:
                answer = await self.writer.put(key, source.model, request, response)
                self.stats.calls += 1
                self.stats.prompt_tokens += response.prompt_tokens
                self.stats.completion_tokens += response.completion_tokens
        if isinstance(answer, CallFailed):
            call.failure = answer.reason
        else:
            call.prompt_tokens, call.completion_tokens = answer.prompt_tokens, answer.completion_tokens
        self._report()
        return answer

    def _report(self) -> None:
        self.stats.retries = sum(pool.retries for pool in self.models) - self.earlier_retries
        if self.on_call is not None:
            self.on_call(self.stats)

    def _stored_failure(self, key: str, model: Model, request: Request) -> CallFailed:
        reason = self.store.failure(key)
        if reason is None:
            raise StoreError(
                f"{self.store.path} has no response of {model} to {request.name}: run without --replay to ask the "
                "endpoint for it."
            )
        return CallFailed(reason, f"{request.name} failed in the run that made it.")

    def _count_failure(self, failure: CallFailed) -> None:
        self.stats.failed += 1
        if self.stats.failed > self.max_failed * max(self.stats.calls, MIN_CALLS):
            raise EndpointError(
                f"{self.stats.failed} calls failed for good, {self.stats.calls} were answered; the last failure: "
                f"{failure} No more than {100 * self.max_failed:g} % of the calls may fail (a recipe's `max_failed`). "
                "Every response so far is stored: run the same command again to continue."
            )


async def _check_model(pool: Backend, model: Model) -> None:
    """Raise an EndpointError unless a pool serves this model."""
    served = await pool.identify(model.id)
    if served != model:
        raise EndpointError(f"{pool} now serves {served}, but this run is for {model}. {MIXED_MODELS}")
