"""The numbers of a run that is going on: counts, rates over the last seconds, what it cost and when it ends."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from ecd_data.calls.scheduler import Stats

WINDOW = 30.0  # seconds that a rate looks back


@dataclass(frozen=True)
class Price:
    """What a million tokens cost, of prompts and of completions, in any currency."""

    prompt: float
    completion: float

    def of(self, prompt_tokens: float, completion_tokens: float) -> float:
        """The price of so many tokens."""
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) / 1e6


class Rate:
    """How much a count grows in a second, over the last `window` seconds."""

    def __init__(self, window: float = WINDOW) -> None:
        self._window = window
        self._seen: deque[tuple[float, int]] = deque()

    def add(self, at: float, count: int) -> None:
        """The count at a time (seconds); times do not go back."""
        self._seen.append((at, count))
        while len(self._seen) > 2 and self._seen[1][0] <= at - self._window:
            self._seen.popleft()

    def restart(self) -> None:
        """Forgets what was before."""
        self._seen.clear()

    @property
    def per_second(self) -> float:
        """0 until time has passed."""
        if not self._seen:
            return 0.0
        (since, first), (until, last) = self._seen[0], self._seen[-1]
        return (last - first) / (until - since) if until > since else 0.0


class Stage:
    """One stage of a run: `done` of `total` results, and what was asked for them.

    `answers` is what the results so far took, from wherever it came; `asking_since` the time since when the endpoint
    is asked. What the store answers before that says nothing about the rates to expect.
    """

    def __init__(self, name: str, total: int, at: float) -> None:
        self.name = name
        self.total = total
        self.since = self.asking_since = at
        self.done = self.answers = 0
        self.note = ""
        self.stats: Stats | None = None
        self._called = False
        self._calls, self._tokens, self._answered = Rate(), Rate(), Rate()
        self.tick(at)

    def tick(self, at: float) -> None:
        """Takes the counts down; to be called about every second."""
        stats = self.stats or Stats()
        if self.stats and not stats.calls and not stats.in_flight:
            self.asking_since = at
            self._calls.restart()
            self._tokens.restart()
        if (stats.calls or stats.in_flight) and not self._called:
            self._called = stats.calls > 0
            self._answered.restart()  # from the first call's answer on: the store's came all at once
        self._calls.add(at, stats.calls)
        self._tokens.add(at, stats.completion_tokens)
        self._answered.add(at, self.answered)

    @property
    def finished(self) -> bool:
        """Whether every result is there."""
        return self.done >= self.total

    @property
    def answered(self) -> int:
        """Requests that are through, those of unfinished results too."""
        return self.stats.calls + self.stats.stored + self.stats.failed if self.stats else 0

    @property
    def calls_per_second(self) -> float:
        """Calls that the endpoint answered."""
        return self._calls.per_second

    @property
    def tokens_per_second(self) -> float:
        """Tokens that the endpoint wrote."""
        return self._tokens.per_second

    @property
    def seconds_left(self) -> float | None:
        """From what a result takes on average and the recent rate; `None` while they are not known well enough."""
        rate = self._answered.per_second
        left = self.answers / self.done * self.total - self.answered if self.done else 0
        return left / rate if rate and left > 0 else None


@dataclass(frozen=True)
class Snapshot:
    """The numbers of a run at a moment.

    `done` and `total` count the results of `stage`, and the rates and times are its own: `seconds` since it began,
    `seconds_left` if that can be told. Everything else is of the whole run. `prompt_tokens`, `completion_tokens` and
    the `cost` are those of `calls`: what came from the store costs nothing.
    """

    stage: str
    note: str
    done: int
    total: int
    seconds: float
    seconds_left: float | None
    calls_per_second: float
    tokens_per_second: float
    chains_done: int
    chains_total: int
    pairs: int
    rejects: Mapping[str, int]
    calls: int
    stored: int
    retries: int
    failed: int
    in_flight: int
    limit: int
    prompt_tokens: int
    completion_tokens: int
    cost: float | None
