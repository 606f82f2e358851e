"""Rankings: what a build's manifest tells of a teacher's preference distributions, and what a row of them claims.

{"responses": {"3": 2, "4": 38}, "favourite": 0.41,
 "order": {"shown": 468, "read": 468, "first": 0.56, "decides": 0.12, "options": 0.97}}
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import permutations
from pathlib import Path
from statistics import fmean
from typing import Any

from ecd_data.artifact.parquet import every_row
from ecd_data.artifact.row_checks import verdict_problems
from ecd_data.methods.teacher import Comparison, distribution, teacher_scores

CONFIG = "ranking"
Row = Mapping[str, Any]


def make_rankings(build: Path) -> dict[str, Any]:
    """What the rankings of a build are like.

    `responses` counts them by the number of responses; `favourite` is the mean probability of the response that the
    teacher prefers. `order`, where it chose between two at a time, tells how much the order weighed in which they were
    shown: comparisons `shown`, those of them in which an option could be `read`, the mean share of the response shown
    `first` (0.5 says that its place was no help), the share of the pairs in which the order `decides`, since either
    response wins in one of them, and the mean probability of the `options` together.
    """
    responses: Counter[int] = Counter()
    favourites: list[float] = []
    comparisons: list[Comparison] = []
    for row in every_row(build, CONFIG, ["responses", "preference", "comparisons"]):
        responses[len(row["responses"])] += 1
        favourites.append(max(row["preference"]))
        comparisons += (Comparison(**stored) for stored in row["comparisons"])
    return {
        "responses": {str(number): responses[number] for number in sorted(responses)},
        "favourite": round(fmean(favourites), 4) if favourites else 0.0,
        "order": _order(comparisons) if comparisons else None,
    }


def _order(comparisons: list[Comparison]) -> dict[str, Any]:
    """How much the order weighed; the two comparisons of a pair follow each other."""
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


def ranking_problems(row: Row, alpha: float, teacher: str) -> Iterator[str]:
    """A row of `ranking`: what it says of its responses, and how its numbers follow from what the teacher said."""
    answers, requirements = [answer[0]["content"] for answer in row["responses"]], row["requirements"]
    number = len(answers)
    if len(set(answers)) < number:
        yield "two responses are the same"
    if row["teacher"] != teacher:
        yield f"teacher is {row['teacher']!r}, but the manifest's {teacher!r}"
    if row["operation"] != f"pad/{row['method']}":
        yield f"operation is {row['operation']!r}, but the method {row['method']!r}"
    shown = sorted((c["first"], c["second"]) for c in row["comparisons"])
    if shown != sorted(permutations(range(number), 2)) * (alpha < 1):
        yield "comparisons are not every two responses in both orders"
        return
    lengths = {len(row[name]) for name in ("teacher_scores", "preference", "met", "votes")}
    if lengths != {number} or len(row["likelihoods"]) != number * (alpha > 0):
        yield "responses, scores, shares and verdicts differ in number"
        return
    scores = teacher_scores([Comparison(**c) for c in row["comparisons"]], row["likelihoods"], alpha, number)
    if row["teacher_scores"] != scores:
        yield f"teacher_scores are {row['teacher_scores']}, but what the teacher said makes {scores}"
    if row["preference"] != (found := distribution(row["teacher_scores"])):
        yield f"preference is {row['preference']}, but teacher_scores make {found}"
    for i, (answer, met, votes) in enumerate(zip(answers, row["met"], row["votes"], strict=True)):
        if not len(met) == len(votes) == len(requirements):
            yield f"response {i}: requirements, verdicts and votes differ in number"
            continue
        if met != [share > 0.5 for share in votes]:
            yield f"response {i} is marked met={met}, but its shares of votes are {votes}"
        yield from verdict_problems(f"response {i}", answer, requirements, met)


def extremes(row: Row) -> tuple[str, str, str]:
    """The prompt and the responses preferred most and least, by a row of `ranking` or the pair that was made of it."""
    prompt = row["prompt"][0]["content"]
    if "preference" not in row:
        return prompt, row["chosen"][0]["content"], row["rejected"][0]["content"]
    by_share = [row["preference"].index(pick(row["preference"])) for pick in (max, min)]
    best, worst = (row["responses"][i][0]["content"] for i in by_share)
    return prompt, best, worst
