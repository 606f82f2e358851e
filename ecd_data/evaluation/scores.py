"""Accuracies with their confidence intervals, over all prompts and for parts of them.

An accuracy is a ratio of two sums over clusters: met over scored. The bootstrap (Efron, 1979) draws whole clusters
with replacement, because the rounds of one seed are not independent of each other, and takes percentiles of the ratio.
Two models on the same prompts are compared on the same draws, which leaves out how hard the prompts are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

MEASURES = ("prompt_strict", "prompt_loose", "requirement_strict", "requirement_loose")
RESAMPLES = 2_000
CHUNK = 500  # resamples in memory at a time
LOW, HIGH = 2.5, 97.5  # percentiles of a 95 % interval

Row = Mapping[str, Any]  # a prompt as a result file has it: key, cluster, requirements (name, strict, loose)
Part = tuple[str, str]  # (what it is a part by, its name): ("class", "style")


@dataclass(frozen=True)
class Interval:
    """A number and its 95 % confidence interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Line:
    """One part of the prompts: how many of them and of their requirements were scored, and the measures.

    A prompt is met when all of its scored requirements are. Of a part by class or operation only those requirements
    count, and prompts are not measured.
    """

    part: str
    name: str
    prompts: int
    requirements: int
    measures: Mapping[str, Interval]


def score_lines(rows: Sequence[Row]) -> list[Line]:
    """The accuracies of all parts, in the order: all, number in force, class, operation."""
    sums = _Sums([rows])
    [ratios], [drawn] = sums.ratios(), sums.resampled()
    lines = []
    for part in sums.parts:
        measures = {}
        for measure in sums.measures_of(part):
            column = sums.columns[part, measure]
            clusters = sums.clusters_in(column)
            measures[measure] = _interval(ratios[column], drawn[:, column], clusters)
        lines.append(sums.line(part, measures))
    return lines


def difference_lines(rows: Sequence[Row], others: Sequence[Row]) -> list[Line]:
    """How much more `rows` meet than `others`, which are of the same prompts in the same order."""
    sums = _Sums([rows, others])
    (ours, theirs), (drawn, others_drawn) = sums.ratios(), sums.resampled()
    lines = []
    for part in sums.parts:
        measures = {}
        for measure in sums.measures_of(part):
            column = sums.columns[part, measure]
            value, clusters = ours[column] - theirs[column], sums.clusters_in(column)
            measures[measure] = _difference(value, drawn[:, column] - others_drawn[:, column], clusters)
        lines.append(sums.line(part, measures))
    return lines


class _Sums:
    """Of each cluster, what it adds to both sums of every measure of every part.

    scored: (clusters, columns), the same for all models; met: (clusters, columns) for each.
    """

    def __init__(self, models: Sequence[Sequence[Row]]) -> None:
        entries = [[(row["cluster"], *cell) for row in rows for cell in _cells(row)] for rows in models]
        clusters = {name: number for number, name in enumerate(dict.fromkeys(cluster for cluster, *_ in entries[0]))}
        cells = sorted({cell for _, cell, _ in entries[0]}, key=_order)
        self.columns = {cell: number for number, cell in enumerate(cells)}
        self.parts = list(dict.fromkeys(part for part, _ in cells))
        self.scored = np.zeros((len(clusters), len(cells)))
        self.met = [np.zeros_like(self.scored) for _ in models]
        for cluster, cell, _ in entries[0]:
            self.scored[clusters[cluster], self.columns[cell]] += 1
        for met, of_model in zip(self.met, entries, strict=True):
            for cluster, cell, value in of_model:
                met[clusters[cluster], self.columns[cell]] += value

    def measures_of(self, part: Part) -> list[str]:
        return [measure for measure in MEASURES if (part, measure) in self.columns]

    def clusters_in(self, column: int) -> int:
        return int((self.scored[:, column] > 0).sum())

    def ratios(self) -> list[np.ndarray]:
        return [met.sum(axis=0) / self.scored.sum(axis=0) for met in self.met]

    def resampled(self) -> list[np.ndarray]:
        """For each model (resamples, columns): the ratios; not a number where a draw has none of a part."""
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

    def line(self, part: Part, measures: Mapping[str, Interval]) -> Line:
        def total(measure: str) -> int:
            column = self.columns.get((part, measure))
            return 0 if column is None else int(self.scored[:, column].sum())

        return Line(*part, total("prompt_strict"), total("requirement_strict"), measures)


def _cells(row: Row) -> Iterator[tuple[tuple[Part, str], bool]]:
    """What a prompt adds: (part, measure) and whether it is met."""
    scored = [each for each in row["requirements"] if each["strict"] is not None]
    whole = [("all", ""), ("in force", str(len(row["requirements"])))]
    for mode in ("strict", "loose"):
        if scored:
            for part in whole:
                yield (part, f"prompt_{mode}"), all(each[mode] for each in scored)
        for each in scored:
            for part in (*whole, ("class", class_of(each["name"])), ("operation", each["name"])):
                yield (part, f"requirement_{mode}"), each[mode]


def class_of(name: str) -> str:
    """The class of an operation: `style` of `style/no_commas`, `punctuation` of IFEval's `punctuation:no_comma`."""
    return re.split("[/:]", name)[0]


def _order(cell: tuple[Part, str]) -> tuple[int, int, str, int]:
    (by, name), measure = cell
    number = int(name) if by == "in force" else 0
    return ("all", "in force", "class", "operation").index(by), number, name, MEASURES.index(measure)


def _interval(value: float, drawn: np.ndarray, clusters: int) -> Interval:
    """The percentile interval, or the exact one (Clopper and Pearson, 1934) where all clusters agree.

    Then nothing varies from draw to draw, which says nothing about the clusters that were not seen. One cluster that
    has both says nothing either.
    """
    if value == 0:
        return Interval(0.0, 0.0, _reach(clusters))
    if value == 1:
        return Interval(1.0, 1 - _reach(clusters), 1.0)
    if clusters == 1:
        return Interval(float(value), 0.0, 1.0)
    return Interval(float(value), *_percentiles(drawn))


def _difference(value: float, drawn: np.ndarray, clusters: int) -> Interval:
    """The percentile interval; where the models differ alike in all clusters, as wide as that of one accuracy."""
    low, high = _percentiles(drawn)
    if low == high:
        low, high = max(-1.0, value - _reach(clusters)), min(1.0, value + _reach(clusters))
    return Interval(float(value), float(low), float(high))


def _reach(clusters: int) -> float:
    """The largest share of clusters, with 97.5 % confidence, that are not as all of those that were seen."""
    return float(1 - 0.025 ** (1 / clusters))


def _percentiles(drawn: np.ndarray) -> tuple[float, float]:
    low, high = np.nanpercentile(drawn, [LOW, HIGH])
    return float(low), float(high)
