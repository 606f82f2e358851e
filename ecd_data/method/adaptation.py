"""Adaptation: R(t) becomes candidates for R(t+1), by the four routes `edit`, `fresh`, `guided` and `repair`."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace

from ecd_data.method.elimination import defect, off_topic, same
from ecd_data.method.plan import Plan
from ecd_data.requirements.grammars import grammar
from ecd_data.requirements.repairs import repair
from ecd_data.templates import render
from ecd_data.values import Candidate, Message, Request, Requirement, Response, Route, Turn

CHARS_PER_TOKEN = 3  # a guided answer must be able to end before `max_tokens`; English runs at about four

Steps = Generator[Sequence[Request], list[Response], tuple[Candidate, ...]]


def adapt(
    route: Route, count: int, seed_id: str, turn: Turn, instruction: str, requirement: Requirement, plan: Plan
) -> Steps:
    """Candidates of one route, those with a defect marked; different texts only.

    Args:
        route: `edit` (the model revises R(t)), `fresh` (it answers I(t+1) anew), `guided` (the same under a grammar
            that forces the new requirement) or `repair` (code changes R(t) and keeps its meaning).
        count: how many to ask for.
        turn: the turn to adapt from, with R(t).
        instruction: I(t+1).
        requirement: the one that was added.
    """
    if route == "repair":
        repaired = repair(requirement, turn.response)
        return () if repaired is None else (Candidate("repair", 0, repaired),)
    forced = grammar(requirement, plan.recipe.max_tokens * CHARS_PER_TOKEN) if route == "guided" else None
    if route == "guided" and forced is None:
        return ()
    messages = _edit(turn, requirement, plan) if route == "edit" else plan.chat(instruction)
    round = requirement.round
    responses = yield [
        plan.request(route, seed_id, round, attempt, messages, grammar=forced, logprobs=forced is not None)
        for attempt in range(count)
    ]
    min_logprob = plan.recipe.min_logprob if route == "guided" else None
    translated = any(in_force.id == "style/language" for in_force in (*turn.requirements, requirement))
    candidates: list[Candidate] = []
    for attempt, response in enumerate(responses):
        candidate = Candidate(route, attempt, response.text.strip(), defect(response, min_logprob))
        if not candidate.defect and same(candidate.text, turn.response):
            candidate = replace(candidate, defect="unchanged")
        elif not candidate.defect and not translated and off_topic(candidate.text, instruction, turn.response):
            candidate = replace(candidate, defect="off_topic")
        elif not candidate.defect and any(candidate.text == other.text for other in candidates):
            candidate = replace(candidate, defect="repeated")
        candidates.append(candidate)
    return tuple(candidates)


def _edit(turn: Turn, requirement: Requirement, plan: Plan) -> list[Message]:
    """The old answer as the assistant's own turn, then the wish: weak models take that better than one long prompt."""
    wish = render("ecd_data.method.prompts", "edit.jinja", requirement=requirement, in_force=turn.requirements)
    return plan.chat(turn.instruction, turn.response, wish)
