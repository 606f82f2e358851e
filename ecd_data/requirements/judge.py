"""The judge: requirements that code cannot check are put to the model, several votes each, and the majority rules."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ecd_data.templates import render
from ecd_data.values import Grammar, Message, Requirement, Response, Ruling

VOTE = Grammar(
    "json",
    {
        "type": "object",
        "properties": {"reason": {"type": "string"}, "met": {"type": "boolean"}},
        "required": ["reason", "met"],
        "additionalProperties": False,
    },
)


def question(requirement: Requirement, instruction: str, response: str) -> tuple[Message, ...]:
    """The messages that ask for one vote on one requirement."""
    prompt = render(
        "ecd_data.requirements",
        "judge.jinja",
        instruction=instruction,
        response=response,
        requirement=requirement.text,
    )
    return ({"role": "user", "content": prompt},)


def vote(response: Response) -> tuple[bool, str] | None:
    """(met, reason) of one vote; `None` when it cannot be read, and then it does not count."""
    try:
        answer = json.loads(response.text)
    except ValueError:
        return None
    if not isinstance(answer, dict) or not isinstance(answer.get("met"), bool):
        return None
    return answer["met"], str(answer.get("reason", ""))


def tally(requirement: Requirement, responses: Sequence[Response]) -> Ruling:
    """The ruling of all votes: the share that says "met", with the first reason given on the winning side."""
    votes = [counted for response in responses if (counted := vote(response)) is not None]
    if not votes:
        return Ruling(requirement.id, 0.5, "no vote could be read")
    share = sum(met for met, _ in votes) / len(votes)
    reason = next((reason for met, reason in votes if met == (share > 0.5)), "")
    return Ruling(requirement.id, round(share, 4), reason)
