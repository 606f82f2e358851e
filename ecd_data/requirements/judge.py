"""The judge: requirements that code cannot check are put to a model, several votes each, and the majority rules."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ecd_data.core.request import Grammar, Message, Response
from ecd_data.core.templates import render
from ecd_data.core.values import Requirement, Ruling

VOTE = Grammar(
    "json",
    {
        "type": "object",
        "properties": {"reason": {"type": "string", "maxLength": 300}, "met": {"type": "boolean"}},
        "required": ["reason", "met"],
        "additionalProperties": False,
    },
)


def question(requirement: Requirement, instruction: str, response: str, attempt: int) -> tuple[Message, ...]:
    """The messages that ask for one vote on one requirement.

    A judge can lean towards what it reads first or last. So every other vote (odd `attempt`) names the verdicts, and
    shows requirement and answer, in the other order.
    """
    prompt = render(
        "ecd_data.requirements",
        "judge.jinja",
        instruction=instruction,
        response=response,
        fence=fence(instruction, response),
        requirement=requirement.text,
        swapped=attempt % 2 == 1,
    )
    return ({"role": "user", "content": prompt},)


def vote(response: Response) -> tuple[bool, str] | None:
    """(met, reason) of one vote; `None` when it cannot be read, and then it does not count."""
    try:
        answer = json.loads(response.answer)
    except (ValueError, RecursionError):
        return None
    if not isinstance(answer, dict) or not isinstance(answer.get("met"), bool):
        return None
    return answer["met"], str(answer.get("reason", ""))


def tally(requirement: Requirement, responses: Sequence[Response]) -> Ruling:
    """The ruling of all votes: the share that says "met", with the first reason given on the winning side.

    Votes that are split evenly, or of which no more than half can be read, decide nothing: the share is then 0.5.
    """
    votes = [counted for response in responses if (counted := vote(response)) is not None]
    if 2 * len(votes) <= len(responses):
        return Ruling(requirement.id, 0.5, f"{len(votes)} of {len(responses)} votes could be read")
    share = sum(met for met, _ in votes) / len(votes)
    reason = next((reason for met, reason in votes if met == (share > 0.5)), "")
    return Ruling(requirement.id, round(share, 4), reason)


def fence(*texts: str) -> str:
    """A line of equals signs that stands in none of the texts, so that none of them can end its own section."""
    length = 5
    while any("=" * length in text for text in texts):
        length += 1
    return "=" * length
