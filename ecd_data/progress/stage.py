"""Measure a stage of a run: its results, its rates over the last seconds, and when it ends."""

from collections import deque

from ecd_data.calls.scheduler import Stats

WINDOW = 30.0  # seconds that a rate looks back


class Rate:
    """The growth of a count per second, over the last `window` seconds."""

    def __init__(self, window: float = WINDOW) -> None:
        self._window = window
        self._samples: deque[tuple[float, int]] = deque()

    def add(self, at: float, count: int) -> None:
        """Add the count at a time in seconds; times must not decrease."""
        self._samples.append((at, count))
        while len(self._samples) > 2 and self._samples[1][0] <= at - self._window:
            self._samples.popleft()

    def restart(self) -> None:
        """Forget all samples."""
        self._samples.clear()

    @property
    def per_second(self) -> float:
        """Return the rate; 0 until time has passed."""
        if not self._samples:
            return 0.0
        (since, first), (until, last) = self._samples[0], self._samples[-1]
        return (last - first) / (until - since) if until > since else 0.0


class Stage:
    """One stage of a run.

    name: shown to the user.
    total, done: results that the stage has to give, and those that are finished.
    note: more about the moment, for the user.
    requests_used: requests that the finished results took, whether the store or an endpoint answered them.
    stats: totals of the calls; `None` before the first one.
    since: time in seconds when the stage began.
    calling_since: time in seconds since when an endpoint is called. What the store answers before says nothing about
        the rates to expect.
    """

    def __init__(self, name: str, total: int, at: float) -> None:
        self.name = name
        self.total = total
        self.since = self.calling_since = at
        self.done = self.requests_used = 0
        self.note = ""
        self.stats: Stats | None = None
        self._called = False
        self._calls, self._tokens, self._requests = Rate(), Rate(), Rate()
        self.sample(at)

    def sample(self, at: float) -> None:
        """Sample the counts at a time in seconds; to be called about every second."""
        stats = self.stats or Stats()
        if self.stats and not stats.calls and not stats.in_flight:
            self.calling_since = at
            self._calls.restart()
            self._tokens.restart()
        if (stats.calls or stats.in_flight) and not self._called:
            self._called = stats.calls > 0
            self._requests.restart()  # measure from the first call on: what the store answered came all at once
        self._calls.add(at, stats.calls)
        self._tokens.add(at, stats.completion_tokens)
        self._requests.add(at, self.requests_done)

    @property
    def finished(self) -> bool:
        """Return whether the stage has all its results."""
        return self.done >= self.total

    @property
    def requests_done(self) -> int:
        """Return how many requests are answered or failed, including those of unfinished results."""
        return self.stats.calls + self.stats.stored + self.stats.failed if self.stats else 0

    @property
    def calls_per_second(self) -> float:
        """Return the recent rate of calls that an endpoint answered."""
        return self._calls.per_second

    @property
    def tokens_per_second(self) -> float:
        """Return the recent rate of tokens that an endpoint generated."""
        return self._tokens.per_second

    @property
    def seconds_left(self) -> float | None:
        """Return the time left, from the requests per result and their recent rate; `None` while it is unknown."""
        rate = self._requests.per_second
        left = self.requests_used / self.done * self.total - self.requests_done if self.done else 0
        return left / rate if rate and left > 0 else None
