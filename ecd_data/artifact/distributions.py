"""Distributions over the pairs of a build, small enough for its manifest: what the figures of the card are drawn from.

{"by_class_and_round": {"style": {"1": 5, "2": 3}, ...}, "requirements": {"by_operation": {"style/no_commas": 9,
 ...}, ...}, "characters": {"from": [48, 64], "chosen": [2, 6], ...}, "similarity": {"pairs": [0, ..., 8], ...}}
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import median
from typing import Any, get_args

from ecd_data.artifact.parquet import every_row
from ecd_data.core.values import Check
from ecd_data.requirements.taxonomy import class_of

SIMILARITY_BINS = 50
COLUMNS = ("operation", "round", "requirements", "chosen", "rejected", "similarity")


def make_distributions(build: Path) -> dict[str, Any]:
    """The distributions of a build whose pairs are in place.

    `by_class_and_round` counts pairs by the class of the requirement added last. `requirements` counts those in force
    in the pairs, `by_operation` and `by_check`, and the pairs by how many are in force (`per_pair`). `characters`
    counts chosen and rejected answers by length: a bin begins at the length in `from` and ends before the next.
    `similarity` counts pairs in 50 bins of equal width from 0 to 1.
    """
    rounds: defaultdict[str, Counter[int]] = defaultdict(Counter)
    operations: Counter[str] = Counter()
    checks: Counter[str] = Counter()
    in_force: Counter[int] = Counter()
    characters: dict[str, list[int]] = {"chosen": [], "rejected": []}
    similarities: list[float] = []
    for row in every_row(build, "preference", COLUMNS):
        rounds[class_of(row["operation"])][row["round"]] += 1
        operations.update(requirement["id"] for requirement in row["requirements"])
        checks.update(requirement["check"] for requirement in row["requirements"])
        in_force[len(row["requirements"])] += 1
        for side, lengths in characters.items():
            lengths.append(len(row[side][0]["content"]))
        similarities.append(row["similarity"])
    return {
        "by_class_and_round": {name: _tally(counts) for name, counts in sorted(rounds.items())},
        "requirements": {
            "by_operation": _tally(operations),
            "by_check": {check: checks[check] for check in get_args(Check)},
            "per_pair": _tally(in_force),
        },
        "characters": _lengths(characters),
        "similarity": _similarities(similarities),
    }


def _tally(counts: Mapping[Any, int]) -> dict[str, int]:
    return {str(key): counts[key] for key in sorted(counts)}


def _lengths(characters: Mapping[str, list[int]]) -> dict[str, Any]:
    """Histograms over bins that widen with the length (8, 10, 12, 14, 16, 20, ...), first to last one used."""
    longest = max((max(lengths, default=0) for lengths in characters.values()), default=0)
    edges = [0, 1]
    while edges[-1] <= longest:
        edges.append(edges[-1] + max(1, (1 << edges[-1].bit_length() - 1) // 4))
    found = {side: _histogram(lengths, edges) for side, lengths in characters.items()}
    used = [i for i in range(len(edges)) if any(counts[i] for counts in found.values())] or [0]
    kept = slice(used[0], used[-1] + 1)
    return {
        "from": edges[kept],
        **{side: counts[kept] for side, counts in found.items()},
        "median": {side: round(median(lengths)) if lengths else 0 for side, lengths in characters.items()},
    }


def _histogram(lengths: Iterable[int], edges: list[int]) -> list[int]:
    counts = Counter(bisect_right(edges, length) - 1 for length in lengths)
    return [counts[i] for i in range(len(edges))]


def _similarities(found: list[float]) -> dict[str, Any]:
    counts = Counter(min(int(similarity * SIMILARITY_BINS), SIMILARITY_BINS - 1) for similarity in found)
    return {
        "pairs": [counts[i] for i in range(SIMILARITY_BINS)],
        "median": round(median(found), 2) if found else 0.0,
    }
