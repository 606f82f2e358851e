"""Accuracies with confidence intervals, over all prompts and over parts of them.

An accuracy is a ratio of two sums over clusters: how many are met, and how many scored. The bootstrap (Efron, 1979)
draws whole clusters with replacement, because the rounds of one seed are not independent of each other, and takes
percentiles of the ratio. Two models on the same prompts are compared on the same draws, which leaves out how hard the
prompts are.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

MEASURES = ("prompt_strict", "prompt_loose", "requirement_strict", "requirement_loose")
RESAMPLES = 2_000
CHUNK = 500  # resamples in memory at a time
LOW, HIGH = 2.5, 97.5  # percentiles of a 95 % interval

Row = Mapping[str, Any]  # of a result: key, cluster, requirements (name, strict, loose)
Part = tuple[str, str]  # what it is a part by, and its name: ("class", "style")


@dataclass(frozen=True)
class Interval:
    """A number and its 95 % confidence interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class PartMeasures:
    """The measures over one part of the prompts, and how many prompts and requirements of it were scored.

    A prompt is met when all of its scored requirements are. In a part by class or operation only requirements of that
    class or operation count, and prompts are not measured.
    """

    part: str
    name: str
    prompts: int
    requirements: int
    measures: Mapping[str, Interval]


def accuracies(rows: Sequence[Row]) -> list[PartMeasures]:
    """Return the accuracies over all parts, in the order: all, number of requirements in force, class, operation."""
    sums = _Sums([rows])
    [ratios], [drawn] = sums.ratios(), sums.resampled()
    return sums.parts(
        lambda column: _interval(ratios[column], drawn[:, column], sums.clusters_in(column)),
    )


def accuracy_differences(rows: Sequence[Row], others: Sequence[Row]) -> list[PartMeasures]:
    """Return how much more `rows` meet than `others`, which are of the same prompts in the same order."""
    sums = _Sums([rows, others])
    ratios, other_ratios = sums.ratios()
    drawn, others_drawn = sums.resampled()
    return sums.parts(
        lambda column: _difference(
            ratios[column] - other_ratios[column], drawn[:, column] - others_drawn[:, column], sums.clusters_in(column)
        )
    )


class _Sums:
    """The sums behind every measure of every part, by cluster.

    columns: number of the column of each part and measure.
    scored: (clusters, columns), the same for all models.
    met: (clusters, columns) for each model.
    """

    def __init__(self, models: Sequence[Sequence[Row]]) -> None:
        entries = [[(row["cluster"], *cell) for row in rows for cell in _cells(row)] for rows in models]
        clusters = {name: number for number, name in enumerate(dict.fromkeys(cluster for cluster, *_ in entries[0]))}
        cells = sorted({cell for _, cell, _ in entries[0]}, key=_order)
        self.columns = {cell: number for number, cell in enumerate(cells)}
        self.scored = np.zeros((len(clusters), len(cells)))
        self.met = [np.zeros_like(self.scored) for _ in models]
        for cluster, cell, _ in entries[0]:
            self.scored[clusters[cluster], self.columns[cell]] += 1
        for met, of_model in zip(self.met, entries, strict=True):
            for cluster, cell, value in of_model:
                met[clusters[cluster], self.columns[cell]] += value

    def parts(self, interval_of: Callable[[int], Interval]) -> list[PartMeasures]:
        """Return all parts, with their measures by the interval of each column."""
        parts = dict.fromkeys(part for part, _ in self.columns)
        return [
            PartMeasures(
                *part,
                prompts=self._total(part, "prompt_strict"),
                requirements=self._total(part, "requirement_strict"),
                measures={
                    measure: interval_of(self.columns[part, measure])
                    for measure in MEASURES
                    if (part, measure) in self.columns
                },
            )
            for part in parts
        ]

    def _total(self, part: Part, measure: str) -> int:
        column = self.columns.get((part, measure))
        return 0 if column is None else int(self.scored[:, column].sum())

    def clusters_in(self, column: int) -> int:
        return int((self.scored[:, column] > 0).sum())

    def ratios(self) -> list[np.ndarray]:
        return [met.sum(axis=0) / self.scored.sum(axis=0) for met in self.met]

    def resampled(self) -> list[np.ndarray]:
        """Return the ratios of each draw, (resamples, columns) for each model; NaN where a draw has none of a part."""
        rng = np.random.default_rng(0)
        n = len(self.scored)
        drawn: list[list[np.ndarray]] = [[] for _ in self.met]
        for _ in range(RESAMPLES // CHUNK):
            weights = rng.multinomial(n, np.full(n, 1 / n), size=CHUNK).astype(float)
            with np.errstate(invalid="ignore"):
                scored = weights @ self.scored
                for number, met in enumerate(self.met):
                    drawn[number].append((weights @ met) / scored)
        return [np.concatenate(ratios) for ratios in drawn]


def _cells(row: Row) -> Iterator[tuple[tuple[Part, str], bool]]:
    """Yield what a prompt adds to the sums: (part, measure), and whether it is met."""
    scored = [requirement for requirement in row["requirements"] if requirement["strict"] is not None]
    whole = [("all", ""), ("in force", str(len(row["requirements"])))]
    for mode in ("strict", "loose"):
        if scored:
            for part in whole:
                yield (part, f"prompt_{mode}"), all(requirement[mode] for requirement in scored)
        for requirement in scored:
            name = requirement["name"]
            for part in (*whole, ("class", _class_by_name(name)), ("operation", name)):
                yield (part, f"requirement_{mode}"), requirement[mode]


def _class_by_name(name: str) -> str:
    """Return `style` of `style/no_commas`, and `punctuation` of IFEval's `punctuation:no_comma`."""
    return re.split("[/:]", name)[0]


def _order(cell: tuple[Part, str]) -> tuple[int, int, str, int]:
    (by, name), measure = cell
    number = int(name) if by == "in force" else 0
    return ("all", "in force", "class", "operation").index(by), number, name, MEASURES.index(measure)


def _interval(value: float, drawn: np.ndarray, clusters: int) -> Interval:
    """Return the percentile interval, or the exact one (Clopper and Pearson, 1934) where all clusters agree.

    Then nothing varies from draw to draw, although other clusters may differ. Nor does a single cluster with both.
    """
    if value == 0:
        return Interval(0.0, 0.0, _reach(clusters))
    if value == 1:
        return Interval(1.0, 1 - _reach(clusters), 1.0)
    if clusters == 1:
        return Interval(float(value), 0.0, 1.0)
    return Interval(float(value), *_percentiles(drawn))


def _difference(value: float, drawn: np.ndarray, clusters: int) -> Interval:
    """Return the percentile interval; where all clusters have the same difference, one as wide as of one accuracy."""
    low, high = _percentiles(drawn)
    if low == high:
        low, high = max(-1.0, value - _reach(clusters)), min(1.0, value + _reach(clusters))
    return Interval(float(value), float(low), float(high))


def _reach(clusters: int) -> float:
    """Return the largest share of clusters that may differ from those seen, all of them alike (97.5 % confidence)."""
    return float(1 - 0.025 ** (1 / clusters))


def _percentiles(drawn: np.ndarray) -> tuple[float, float]:
    low, high = np.nanpercentile(drawn, [LOW, HIGH])
    return float(low), float(high)
