"""Estimate from the first chains what a whole corpus takes, and how far off that may be.

calls  1,820 (1,510 to 2,130)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev

from ecd_data.core.text import two_columns
from ecd_data.generation.generation import Usage
from ecd_data.progress.line import format_duration, format_money
from ecd_data.progress.preview import Preview
from ecd_data.progress.price import Price

# The 97.5 % quantile of Student's t for 1, 2, ... degrees of freedom; the normal distribution's is too small for a
# deviation estimated from few values. Beyond the table it falls slowly from 2.2 to 2.
STUDENT = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23)
STUDENT_BEYOND = 2.2


@dataclass(frozen=True)
class Estimate:
    """An expected sum, and the 95 % prediction interval from `low` to `high`, both `None` where it is unknown."""

    expected: float
    low: float | None
    high: float | None

    def rescaled(self, factor: float = 1.0, offset: float = 0.0) -> Estimate:
        """Return the estimate times a factor, plus an offset."""
        low, high = (None if bound is None else bound * factor + offset for bound in (self.low, self.high))
        return Estimate(self.expected * factor + offset, low, high)


def extrapolate(values: Sequence[float], size: int) -> Estimate:
    """Estimate the sum over `size` members from the values (0 or more) of the first ones.

    The values themselves are certain, so the interval covers the spread of the rest only. A single value, or values
    that are all the same, do not show a spread.

    Args:
        values: of the first members, at least one.
        size: number of all members.
    """
    certain, rest = sum(values), size - len(values)
    expected = certain + rest * fmean(values)
    if rest <= 0:
        return Estimate(expected, expected, expected)
    deviation = stdev(values) if len(values) > 1 else 0.0
    if not deviation:
        return Estimate(expected, None, None)
    freedom = len(values) - 1
    factor = STUDENT[freedom - 1] if freedom <= len(STUDENT) else STUDENT_BEYOND
    reach = factor * deviation * sqrt(rest * size / len(values))
    return Estimate(expected, max(certain, expected - reach), expected + reach)


def forecast(preview: Preview, price: Price | None) -> str:
    """Return what the whole corpus would take, as a table."""
    first, size = len(preview.chains), len(preview.generation.corpus.seeds)

    def estimate(amount: Callable[[Usage], float]) -> Estimate:
        chains = extrapolate([amount(usage) for usage in preview.usages], size)
        return chains.rescaled(offset=sum(map(amount, preview.trial)))

    calls = estimate(lambda usage: usage.calls)
    rows: dict[str, object] = {
        "calls": _range(calls),
        "prompt tokens": _range(estimate(lambda usage: usage.prompt_tokens)),
        "completion tokens": _range(estimate(lambda usage: usage.completion_tokens)),
        "pairs before max_share" if preview.generation.recipe.max_share else "pairs": _range(
            extrapolate([len(chain.pairs) for chain in preview.chains], size)
        ),
        "time for the rest": _time_left(preview, calls),
    }
    if price:
        cost = estimate(lambda usage: price.of(usage.prompt_tokens, usage.completion_tokens))
        rows["cost"] = _range(cost, format_money)
    return f"all {size:,} seeds, if they are like the first {first}\n{two_columns(rows)}"


def _time_left(preview: Preview, calls: Estimate) -> str:
    rate = preview.calls_per_second
    if not rate:
        return "not measured: the store had every answer"
    calls_made = sum(usage.calls for usage in (*preview.usages, *preview.trial))
    seconds = calls.rescaled(offset=-calls_made).rescaled(1 / rate)
    pool = preview.generation.source.pool
    may_be_faster = pool and len(preview.chains) < pool.capacity
    more = "; with more chains it may be faster" if may_be_faster else ""
    return f"{_range(seconds, format_duration)} at {rate:,.1f} calls/s{more}"


def _range(estimate: Estimate, spell: Callable[[float], str] = lambda number: f"{number:,.0f}") -> str:
    expected = spell(estimate.expected)
    if estimate.low is None or estimate.high is None:
        return f"{expected} (too few to tell how far off)"
    if estimate.low == estimate.high:
        return expected
    return f"{expected} ({spell(estimate.low)} to {spell(estimate.high)})"
