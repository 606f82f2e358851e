"""The judge: a model votes several times on each requirement that code cannot check, and the majority rules."""

import json
from collections.abc import Sequence
from itertools import count
from typing import Any

from ecd_data.core.request import Grammar, Message, Response
from ecd_data.core.templates import render
from ecd_data.core.values import Requirement, Ruling
from ecd_data.requirements.grammars import object_schema

REASON = {"type": "string", "maxLength": 300}
VOTE = Grammar("json", object_schema({"reason": REASON, "met": {"type": "boolean"}}))


def question(requirement: Requirement, instruction: str, response: str, attempt: int) -> tuple[Message, ...]:
    """Return the messages that ask for one vote on one requirement.

    A judge can lean towards what it reads first or last. So every other vote (odd `attempt`) names the verdicts, and
    shows requirement and answer, in the other order.
    """
    texts = {"instruction": instruction, "response": response, "fence": fence(instruction, response)}
    swapped = attempt % 2 == 1
    prompt = render("ecd_data.requirements", "judge.jinja", requirement=requirement.text, swapped=swapped, **texts)
    return ({"role": "user", "content": prompt},)


def vote(response: Response) -> tuple[bool, str] | None:
    """Return (met, reason) of one vote, or `None` if it cannot be read; it does not count then."""
    answer = read_object(response)
    return (answer["met"], str(answer.get("reason", ""))) if isinstance(answer.get("met"), bool) else None


def read_object(response: Response) -> dict[str, Any]:
    """Return the JSON object that a model answered with; an empty one if it did not."""
    try:
        answer = json.loads(response.answer)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def tally(requirement: Requirement, responses: Sequence[Response]) -> Ruling:
    """Return the ruling of all votes: the share for "met", with the first reason given on the winning side.

    Votes that are split evenly, or of which no more than half can be read, decide nothing: the share is then 0.5.
    """
    votes = [readable for response in responses if (readable := vote(response)) is not None]
    if 2 * len(votes) <= len(responses):
        return Ruling(requirement.id, 0.5, f"{len(votes)} of {len(responses)} votes could be read")
    share = sum(met for met, _ in votes) / len(votes)
    reason = next((reason for met, reason in votes if met == (share > 0.5)), "")
    return Ruling(requirement.id, round(share, 4), reason)


def fence(*texts: str) -> str:
    """Return a line of equals signs that is in none of the texts, so that none of them can end its own section."""
    lines = ("=" * length for length in count(5))
    return next(line for line in lines if not any(line in text for text in texts))
