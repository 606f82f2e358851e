"""A teacher's preference over several answers, as a distribution: by selection, by likelihood, or by a mix of both.

Selection shows every two answers in both orders and reads the probabilities of the options off the first token of the
teacher's reply; likelihood is how likely the teacher itself would have given each answer.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import fmean
from typing import cast

from ecd_data.core.request import Message, Steps
from ecd_data.core.templates import render
from ecd_data.methods.plan import Plan
from ecd_data.methods.task import Task
from ecd_data.requirements.judge import fence

TEACHER = "teacher"
TOP = 5  # first tokens whose log-probabilities are asked for: as many as TGI tells
FLOOR = 1e-6  # the least share of an answer: of the log-probabilities only the greatest are told, and 0 has none


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the teacher makes of two answers, shown in this order.

    first, second: which answers, by their places in the row.
    a, b, none: probability that its reply begins with the option; 0 where that is not among the likeliest tokens.
    """

    first: int
    second: int
    a: float
    b: float
    none: float

    @property
    def seen(self) -> float:
        """Probability of all options together."""
        return self.a + self.b + self.none

    @property
    def share(self) -> float | None:
        """What of it goes to the answer shown first, `none` half to each; `None` when no option was seen."""
        return (self.a + self.none / 2) / self.seen if self.seen else None


def compare(task: Task, answers: Sequence[str], plan: Plan) -> Steps[list[Comparison]]:
    """Show every two answers to the teacher in both orders; a pair's two comparisons follow each other."""
    shown = [order for pair in combinations(range(len(answers)), 2) for order in (pair, pair[::-1])]
    requests = [
        plan.request(task.place, "select", attempt, question(task.instruction, answers[first], answers[second]))
        for attempt, (first, second) in enumerate(shown)
    ]
    responses = yield [
        replace(request, max_tokens=1, temperature=0, model_name=TEACHER, top_logprobs=TOP) for request in requests
    ]
    return [
        Comparison(first, second, **options(response.top_logprobs or {}))
        for (first, second), response in zip(shown, responses, strict=True)
    ]


def question(instruction: str, a: str, b: str) -> tuple[Message, ...]:
    """Return the messages that ask for the better one of two answers."""
    texts = {"instruction": instruction, "a": a, "b": b}
    prompt = render("ecd_data.methods.prompts", "select.jinja", fence=fence(*texts.values()), **texts)
    return ({"role": "user", "content": prompt},)


def options(top_logprobs: Mapping[str, float]) -> dict[str, float]:
    """Return the probabilities of `a`, `b` and `none`, from the log-probabilities (nats) of the first token.

    A token stands for an option whatever marks and spaces are around it, and for `none` when it begins it.
    """
    found: dict[str, list[float]] = {"a": [], "b": [], "none": []}
    for token, logprob in top_logprobs.items():
        word = re.sub(r"[\W_]", "", token)
        if word in ("A", "B"):
            found[word.lower()].append(math.exp(logprob))
        elif word and "none".startswith(word.lower()):
            found["none"].append(math.exp(logprob))
    return {option: round(math.fsum(shares), 6) for option, shares in found.items()}


def likelihoods(task: Task, answers: Sequence[str], plan: Plan) -> Steps[list[float]]:
    """Return the teacher's mean log-probability (nats per token) of each answer."""
    requests = [
        plan.request(task.place, "score", attempt, plan.chat(task.instruction, answer))
        for attempt, answer in enumerate(answers)
    ]
    responses = yield [
        replace(request, max_tokens=1, temperature=0, model_name=TEACHER, scored=True) for request in requests
    ]
    return [cast(float, response.mean_logprob) for response in responses]  # what was scored has one


def selected(comparisons: Sequence[Comparison], answers: int) -> list[float] | None:
    """Return how often each answer is preferred: its mean share over its pairs and both orders.

    An order in which no option was seen is left out; `None` when a pair was seen in neither.
    """
    shares: dict[tuple[int, int], list[float]] = {pair: [] for pair in combinations(range(answers), 2)}
    for shown in comparisons:
        if shown.share is not None:
            pair = (min(shown.first, shown.second), max(shown.first, shown.second))
            shares[pair].append(shown.share if shown.first < shown.second else 1 - shown.share)
    if not all(shares.values()):
        return None
    won: list[list[float]] = [[] for _ in range(answers)]
    for (one, other), found in shares.items():
        won[one].append(fmean(found))
        won[other].append(1 - fmean(found))
    return [fmean(pairs) for pairs in won]


def teacher_scores(
    comparisons: Sequence[Comparison], loglikelihoods: Sequence[float], alpha: float, answers: int
) -> list[float] | None:
    """alpha * log-likelihood + (1 - alpha) * logarithm of how often an answer is preferred; `None` when that is lost.

    Of the two, what has no weight need not be there.
    """
    preferred = selected(comparisons, answers) if alpha < 1 else [1.0] * answers
    if preferred is None:
        return None
    likely = loglikelihoods if alpha > 0 else [0.0] * answers
    return [
        round(alpha * logprob + (1 - alpha) * math.log(max(share, FLOOR)), 6)
        for logprob, share in zip(likely, preferred, strict=True)
    ]


def distribution(scores: Sequence[float]) -> list[float]:
    """Return the probability of preferring each answer, proportional to exp(score) and at least `FLOOR`."""
    highest = max(scores)
    weights = [math.exp(score - highest) for score in scores]
    shares = [max(weight / math.fsum(weights), FLOOR) for weight in weights]
    return [round(share / math.fsum(shares), 6) for share in shares]
