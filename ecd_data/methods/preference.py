"""Preference: a judge says which of two answers is better, with the two shown in either order equally often."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ecd_data.core.request import JUDGE, Grammar, Message, Response, Steps
from ecd_data.core.templates import render
from ecd_data.methods.plan import Plan
from ecd_data.methods.task import Task
from ecd_data.requirements.grammars import object_schema
from ecd_data.requirements.judge import REASON, fence

SIDES = ("first", "second")
BETTER = Grammar("json", object_schema({"reason": REASON, "better": {"type": "string", "enum": [*SIDES]}}))


@dataclass(frozen=True)
class Preference:
    """What a judge makes of answers `a` and `b`.

    shown_first: share of the votes for `a` where it was shown first; 0.5 when none could be read.
    shown_second: where it was shown second.
    """

    shown_first: float
    shown_second: float

    @property
    def winner(self) -> Literal["a", "b", ""]:
        """The answer that wins in both orders; nobody when the order decides, or a tie."""
        shares = (self.shown_first, self.shown_second)
        if min(shares) > 0.5:
            return "a"
        return "b" if max(shares) < 0.5 else ""


def prefer(task: Task, a: str, b: str, plan: Plan) -> Steps[Preference]:
    """Ask the judge which answer is better: as many votes as the recipe says, one more where that is odd."""
    votes = plan.recipe.votes + plan.recipe.votes % 2
    responses = yield [
        replace(plan.request(task.place, JUDGE, attempt, comparison(task.instruction, a, b, attempt)), grammar=BETTER)
        for attempt in range(votes)
    ]
    return Preference(_share(responses[::2], "first"), _share(responses[1::2], "second"))


def comparison(instruction: str, a: str, b: str, attempt: int) -> tuple[Message, ...]:
    """Return the messages that ask for one vote; `b` is shown first when `attempt` is odd."""
    first, second = (b, a) if attempt % 2 else (a, b)
    prompt = render(
        "ecd_data.methods.prompts",
        "prefer.jinja",
        instruction=instruction,
        first=first,
        second=second,
        fence=fence(instruction, first, second),
    )
    return ({"role": "user", "content": prompt},)


def _share(responses: Sequence[Response], wanted: str) -> float:
    votes = [vote for response in responses if (vote := _vote(response)) in SIDES]
    return votes.count(wanted) / len(votes) if votes else 0.5


def _vote(response: Response) -> object:
    """What a response votes for; `None` when it cannot be read."""
    try:
        return json.loads(response.answer)["better"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
