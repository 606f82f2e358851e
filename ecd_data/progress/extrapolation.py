"""What a whole corpus will take, judged by its first chains, with how far that can be trusted.

calls  1,820 (1,510 to 2,130)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev

# Student's t, 97.5 %, for 1, 2, ... degrees of freedom: two standard errors are too few when they are measured on few
# values. Beyond them it falls slowly from 2.2 to 2.
STUDENT = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23)
STUDENT_BEYOND = 2.2


@dataclass(frozen=True)
class Estimate:
    """An expected sum; 95 % of such sums lie between `low` and `high`, which are `None` where that cannot be told."""

    expected: float
    low: float | None
    high: float | None

    def changed(self, times: float = 1.0, plus: float = 0.0) -> Estimate:
        """Scaled and shifted."""
        low, high = (None if bound is None else bound * times + plus for bound in (self.low, self.high))
        return Estimate(self.expected * times + plus, low, high)


def total(values: Sequence[float], size: int) -> Estimate:
    """The sum over `size` members, of which the first have the given values (0 or more), if the rest are like them.

    What is known is known, so the range (a prediction interval) has the spread of the rest alone. One value, or values
    that are all the same, tell nothing about the spread.
    """
    known, rest = sum(values), size - len(values)
    expected = known + rest * fmean(values)
    if rest <= 0:
        return Estimate(expected, expected, expected)
    deviation = stdev(values) if len(values) > 1 else 0.0
    if not deviation:
        return Estimate(expected, None, None)
    freedom = len(values) - 1
    factor = STUDENT[freedom - 1] if freedom <= len(STUDENT) else STUDENT_BEYOND
    reach = factor * deviation * sqrt(rest * size / len(values))
    return Estimate(expected, max(known, expected - reach), expected + reach)
