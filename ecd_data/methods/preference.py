"""Preference: a judge says which of two answers is better, with the two shown in either order equally often."""

from collections.abc import Sequence
from dataclasses import replace

from ecd_data.core.request import JUDGE, Grammar, Message, Response, Steps
from ecd_data.core.templates import render
from ecd_data.core.values import Candidate
from ecd_data.methods.plan import Plan
from ecd_data.methods.rounds import check_usable
from ecd_data.methods.task import Task
from ecd_data.requirements.grammars import object_schema
from ecd_data.requirements.judge import REASON, fence, read_object

SIDES = ("first", "second")
BETTER = Grammar("json", object_schema({"reason": REASON, "better": {"type": "string", "enum": [*SIDES]}}))


def prefer(task: Task, a: Candidate, b: Candidate, plan: Plan) -> Steps[Candidate | None]:
    """Return the one of two answers that the judge prefers in both orders; `None` if it is a tie or the order decides.

    The judge has as many votes as the recipe says, one more where that is odd.

    Raises:
        NoPair: they are not usable.
    """
    check_usable(task, a, b)
    responses = yield [
        replace(
            plan.request(task.place, JUDGE, attempt, comparison(task.instruction, a.text, b.text, attempt)),
            grammar=BETTER,
        )
        for attempt in range(plan.recipe.votes + plan.recipe.votes % 2)
    ]
    shares = (_share(responses[::2], "first"), _share(responses[1::2], "second"))  # of the votes for `a`
    if min(shares) > 0.5:
        return a
    return b if max(shares) < 0.5 else None


def comparison(instruction: str, a: str, b: str, attempt: int) -> tuple[Message, ...]:
    """Return the messages that ask for one vote; `b` is shown first when `attempt` is odd."""
    first, second = (b, a) if attempt % 2 else (a, b)
    texts = {"instruction": instruction, "first": first, "second": second}
    prompt = render("ecd_data.methods.prompts", "prefer.jinja", fence=fence(*texts.values()), **texts)
    return ({"role": "user", "content": prompt},)


def _share(responses: Sequence[Response], wanted: str) -> float:
    """Return the share of the votes for a side; 0.5 when none can be read."""
    votes = [vote for response in responses if (vote := read_object(response).get("better")) in SIDES]
    return votes.count(wanted) / len(votes) if votes else 0.5
