"""The numbers of a manifest: what a build holds, counted from its rows and responses, and so verifiable against them.

The card, its figures and the report are drawn from them.
"""

import math
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, median
from typing import Any, get_args

import msgspec

from ecd_data.artifact.funnel import make_funnel
from ecd_data.artifact.parquet import every_row, read_rows
from ecd_data.artifact.schema import ECD, configs
from ecd_data.core.values import Check
from ecd_data.methods.teacher import Comparison
from ecd_data.requirements.taxonomy import class_of

RANKING = "ranking"  # the config of PAD's rankings
SIMILARITY_BINS = 50
OUTCOME_COLUMNS = ("operation", "round", "gap", "evolved_by", "adapted_by")
PAIR_COLUMNS = ("operation", "round", "requirements", "chosen", "rejected", "similarity")


def statistics_from_files(build: Path, builder: str = ECD) -> dict[str, Any]:
    """Return the numbers of a manifest, by its parts, for a build whose rows and responses are in place."""
    counts = count_outcomes(build)
    return {
        "counts": counts,
        "funnel": make_funnel(build, builder),
        "length_ratio": length_ratios(build),
        "distributions": make_distributions(build),
        **({"rankings": make_rankings(build)} if RANKING in configs(builder) else {}),
        "calls": count_calls(build, counts["pairs"]),
    }


def count_outcomes(build: Path) -> dict[str, Any]:
    """Return how many seeds, rounds, pairs and rejects a build has, and how its pairs came about.

    The rounds with a pair and the rejects add up to the rounds.
    """
    pairs: dict[str, Counter[Any]] = {column: Counter() for column in OUTCOME_COLUMNS}
    for row in every_row(build, "preference", OUTCOME_COLUMNS):
        for column, counts in pairs.items():
            counts[row[column]] += 1
    classes: Counter[str] = Counter()
    for operation, number in pairs["operation"].items():
        classes[class_of(operation)] += number
    rejects = Counter(f"{row['step']}/{row['reason']}" for row in every_row(build, "rejects", ["step", "reason"]))
    rounds = [row["rounds"] for row in every_row(build, "chains", ["rounds"])]
    return {
        "seeds": len(rounds),
        "rounds": sum(rounds),
        "pairs": pairs["gap"].total(),
        "rejects": _sorted_counts(rejects),
        "by_gap": _sorted_counts(pairs["gap"]),
        "by_round": _sorted_counts(pairs["round"]),
        "by_class": _sorted_counts(classes),
        "by_operation": _sorted_counts(pairs["operation"]),
        "evolved_by": _sorted_counts(pairs["evolved_by"]),
        "adapted_by": _sorted_counts(pairs["adapted_by"]),
    }


def length_ratios(build: Path) -> dict[str, Any]:
    """Return how much longer chosen answers are than rejected ones, in characters, for each class and over `all`.

    `median` is that of the ratios, `mean_log` the mean of their natural logarithms: 0 where neither side tends to be
    longer, 0.69 where the chosen one has twice the characters.
    """
    ratios: defaultdict[str, list[float]] = defaultdict(list)
    for row in every_row(build, "preference", ["operation", "chosen", "rejected"]):
        ratio = len(row["chosen"][0]["content"]) / len(row["rejected"][0]["content"])
        ratios[class_of(row["operation"])].append(ratio)
        ratios["all"].append(ratio)
    return {
        name: {"median": round(median(values), 2), "mean_log": round(fmean(map(math.log, values)), 2)}
        for name, values in sorted(ratios.items())
    }


def make_distributions(build: Path) -> dict[str, Any]:
    """Return distributions over the pairs of a build, small enough for its manifest.

    {"by_class_and_round": {"style": {"1": 5, "2": 3}, ...}, "requirements": {"by_operation": {"style/no_commas": 9,
     ...}, ...}, "characters": {"from": [48, 64], "chosen": [2, 6], ...}, "similarity": {"pairs": [0, ..., 8], ...}}

    `by_class_and_round` counts pairs by the class of the requirement added last. `requirements` counts those in force
    in the pairs, `by_operation` and `by_check`, and the pairs by how many are in force (`per_pair`). `characters`
    counts chosen and rejected answers by length; `similarity` counts pairs in 50 bins of equal width from 0 to 1.
    """
    rounds: defaultdict[str, Counter[int]] = defaultdict(Counter)
    operations: Counter[str] = Counter()
    checks: Counter[str] = Counter()
    per_pair: Counter[int] = Counter()
    lengths: dict[str, list[int]] = {"chosen": [], "rejected": []}
    similarities: list[float] = []
    for row in every_row(build, "preference", PAIR_COLUMNS):
        rounds[class_of(row["operation"])][row["round"]] += 1
        operations.update(requirement["id"] for requirement in row["requirements"])
        checks.update(requirement["check"] for requirement in row["requirements"])
        per_pair[len(row["requirements"])] += 1
        for side, characters in lengths.items():
            characters.append(len(row[side][0]["content"]))
        similarities.append(row["similarity"])
    return {
        "by_class_and_round": {name: _sorted_counts(counts) for name, counts in sorted(rounds.items())},
        "requirements": {
            "by_operation": _sorted_counts(operations),
            "by_check": {check: checks[check] for check in get_args(Check)},
            "per_pair": _sorted_counts(per_pair),
        },
        "characters": length_histograms(lengths),
        "similarity": _similarity_histogram(similarities),
    }


def length_histograms(lengths: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    """Return histograms of lengths in characters, by side, over common bins, and the median of each side.

    A bin begins at the length in `from` and ends before the next one. Bins widen with the length (8, 10, 12, 14, 16,
    20, ...); those before the first and after the last one used are left out.
    """
    longest = max((max(side, default=0) for side in lengths.values()), default=0)
    edges = [0, 1]
    while edges[-1] <= longest:
        edges.append(edges[-1] + max(1, (1 << edges[-1].bit_length() - 1) // 4))
    histograms = {
        name: _bins(Counter(bisect_right(edges, length) - 1 for length in side), len(edges))
        for name, side in lengths.items()
    }
    used = [i for i in range(len(edges)) if any(counts[i] for counts in histograms.values())] or [0]
    kept = slice(used[0], used[-1] + 1)
    return {
        "from": edges[kept],
        **{name: counts[kept] for name, counts in histograms.items()},
        "median": {name: round(median(side)) if side else 0 for name, side in lengths.items()},
    }


def _similarity_histogram(similarities: Sequence[float]) -> dict[str, Any]:
    counts = Counter(min(int(similarity * SIMILARITY_BINS), SIMILARITY_BINS - 1) for similarity in similarities)
    return {
        "pairs": _bins(counts, SIMILARITY_BINS),
        "median": round(median(similarities), 2) if similarities else 0.0,
    }


def make_rankings(build: Path) -> dict[str, Any]:
    """Return statistics of the rankings of a build.

    {"responses": {"3": 2, "4": 38}, "favourite": 0.41,
     "order": {"shown": 468, "read": 468, "first": 0.56, "decides": 0.12, "options": 0.97}}

    `responses` counts rankings by their number of responses; `favourite` is the mean probability of the response that
    the teacher prefers. `order` says, where the teacher chose between two responses at a time, how much the order in
    which they were shown weighed; else it is `None`.
    """
    responses: Counter[int] = Counter()
    favourites: list[float] = []
    comparisons: list[Comparison] = []
    for row in every_row(build, RANKING, ["responses", "preference", "comparisons"]):
        responses[len(row["responses"])] += 1
        favourites.append(max(row["preference"]))
        comparisons += (Comparison(**comparison) for comparison in row["comparisons"])
    return {
        "responses": _sorted_counts(responses),
        "favourite": round(fmean(favourites), 4) if favourites else 0.0,
        "order": _order_effect(comparisons) if comparisons else None,
    }


def _order_effect(comparisons: Sequence[Comparison]) -> dict[str, Any]:
    """Return how much the order weighed, from comparisons of which two of the same pair follow each other.

    shown: comparisons.
    read: those of them in which the teacher named an option.
    first: mean share of the response shown first; 0.5 says that its place was no help.
    decides: share of the pairs in which the order decides, since either response wins in one of them.
    options: mean probability of the options together.
    """
    read = [comparison.share for comparison in comparisons if comparison.share is not None]
    shares = [(one.share, other.share) for one, other in zip(comparisons[::2], comparisons[1::2], strict=True)]
    both = [(one, other) for one, other in shares if one is not None and other is not None]
    decided = sum((one - 0.5) * (other - 0.5) > 0 for one, other in both)
    return {
        "shown": len(comparisons),
        "read": len(read),
        "first": round(fmean(read), 4),
        "decides": round(decided / len(both), 4) if both else 0.0,
        "options": round(fmean(comparison.seen for comparison in comparisons), 4),
    }


def count_calls(build: Path, pairs: int) -> dict[str, Any]:
    """Return the calls and tokens behind a build, from the responses in it: the same however often they were replayed.

    Args:
        pairs: of the build, for the calls and tokens per pair.
    """
    roles: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    prompt_tokens = completion_tokens = 0
    for row in read_rows(sorted((build / "responses").glob("*.parquet")), ["role", "response", "failure"]):
        if row["failure"]:
            failed[row["failure"]] += 1
            continue
        tokens = msgspec.json.decode(row["response"], type=_Tokens)
        roles[row["role"]] += 1
        prompt_tokens += tokens.prompt_tokens
        completion_tokens += tokens.completion_tokens
    totals = {"total": roles.total(), "prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens}
    return {
        **totals,
        "by_role": _sorted_counts(roles),
        "failed": _sorted_counts(failed),
        "per_pair": {name: round(number / pairs, 1) for name, number in totals.items()} if pairs else {},
    }


class _Tokens(msgspec.Struct):
    """The part of a stored response that is counted."""

    prompt_tokens: int
    completion_tokens: int


def _sorted_counts(counts: Mapping[Any, int]) -> dict[str, int]:
    return {str(key): counts[key] for key in sorted(counts)}


def _bins(counts: Mapping[int, int], number: int) -> list[int]:
    """Return the counts of the bins from 0 to `number`, exclusive."""
    return [counts.get(i, 0) for i in range(number)]
