"""How many calls one endpoint may have in flight, and whether it is up at all."""

FAILURES = 5  # in a row, after which an endpoint counts as down and gets one call at a time, to see whether it is back
PROBES = 6  # of those calls that fail, after which it counts as dead
LONGEST_PAUSE = 60.0  # seconds before the next call to an endpoint that is down or asked for time


class ConcurrencyLimit:
    """The calls in flight at an endpoint, and their limit, which moves between `minimum` and `maximum`.

    The limit grows by one for each round of answers and halves when the endpoint says that it is overloaded, once for
    all calls that were in flight together (additive increase, multiplicative decrease, as in TCP: Chiu and Jain 1989).
    An endpoint that fails several times in a row is down: it is left alone for a pause that doubles from a second to a
    minute, and then gets one call. Times are seconds of a clock that only goes forward.
    """

    def __init__(self, minimum: int, maximum: int) -> None:
        self.minimum = min(minimum, maximum)
        self.maximum = maximum
        self.limit = float(maximum)
        self.in_flight = 0
        self.paused_until = 0.0
        self._failures = 0
        self._halved_at = 0.0
        self._failed_at = 0.0  # when the last failure counted

    @property
    def is_down(self) -> bool:
        """Whether it failed several times in a row."""
        return self._failures >= FAILURES

    @property
    def is_dead(self) -> bool:
        """Whether it was down and stayed so however often it was tried."""
        return self._failures >= FAILURES + PROBES

    def is_free(self, now: float) -> bool:
        """Return whether one more call may be sent."""
        return now >= self.paused_until and self.in_flight < (1 if self.is_down else int(self.limit))

    def answered(self) -> None:
        """Count a call that was answered."""
        self.in_flight -= 1
        self._failures = 0
        self.limit = min(self.maximum, self.limit + 1 / self.limit)

    def overloaded(self, started: float, now: float) -> None:
        """Lower the limit, since a call that was sent at `started` met an overloaded endpoint."""
        if started >= self._halved_at:
            self._halved_at = now
            self.limit = max(self.minimum, self.limit / 2)

    def pause(self, now: float, seconds: float) -> None:
        """Leave the endpoint alone for as long as it asks for (HTTP's `Retry-After`), and a minute at most."""
        self.paused_until = max(self.paused_until, now + min(seconds, LONGEST_PAUSE))

    def failed(self, started: float, now: float) -> None:
        """Count a failed call that was sent at `started`; of those in flight together when it goes down, only one."""
        if self.is_down and started < self._failed_at:
            return
        self._failed_at = now
        self._failures += 1
        if self.is_down:
            self.paused_until = now + min(2.0 ** (self._failures - FAILURES), LONGEST_PAUSE)
