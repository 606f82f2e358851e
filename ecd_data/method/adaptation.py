"""Adaptation: R(t) becomes candidates for R(t+1), by the routes `edit`, `fresh`, `guided` and `repair`.

Of the route `refined`, which needs to know how an answer fared, see `ecd_data.method.refinement`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ecd_data.method.contrast import similarity
from ecd_data.method.elimination import chatter, defect, echoes, off_topic
from ecd_data.method.plan import Plan
from ecd_data.recipe import Recipe
from ecd_data.request import Message, Steps
from ecd_data.requirements.grammars import grammar
from ecd_data.requirements.repairs import repair
from ecd_data.templates import render
from ecd_data.values import Candidate, Requirement, Route, Turn

TRANSLATION = "style/language"
CLOSE = ("edit", "refined")  # routes that change the older answer rather than write another
# English runs at about four: an answer that does not come to an end by itself runs out of tokens and is dropped,
# rather than being cut where the grammar's bound happens to lie.
CHARS_PER_TOKEN = 6


def batches(recipe: Recipe) -> Iterator[tuple[Route, range]]:
    """The attempts of a round, by route and in the recipe's order; those of one range are asked for side by side.

    That is one at a time where the first to hold up is taken. Code always makes the same change, and a search has a
    size of its own: one is enough.
    """
    for route, count in recipe.routes.items():
        end = min(count, 1) if route in ("repair", "refined") else count
        size = 1 if recipe.select == "first" else max(end, 1)
        for start in range(0, end, size):
            yield route, range(start, start + size)


def adapt(
    route: Route,
    attempts: Sequence[int],
    seed_id: str,
    topic: str,
    turn: Turn,
    instruction: str,
    requirement: Requirement,
    plan: Plan,
) -> Steps[tuple[Candidate, ...]]:
    """Candidates of one route, those with a defect marked.

    Args:
        route: `edit` (the model revises R(t)), `fresh` (it answers I(t+1) anew), `guided` (the same under a grammar
            that forces the new requirement) or `repair` (code changes R(t) and keeps its meaning).
        attempts: the numbers of those to ask for, side by side.
        topic: I(0), the instruction without any requirement.
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
        for attempt in attempts
    ]
    min_logprob = plan.recipe.min_logprob if route == "guided" else None
    candidates = []
    for attempt, response in zip(attempts, responses, strict=True):
        text = response.answer
        reason = defect(response, min_logprob)
        reason = reason or defect_as_adaptation(route, text, topic, turn.response, [requirement], plan)
        candidates.append(Candidate(route, attempt, text, reason))
    return tuple(candidates)


def defect_as_adaptation(
    route: Route, text: str, topic: str, older: str, requirements: Sequence[Requirement], plan: Plan
) -> str:
    """What is wrong with a text as a new version of the older answer: a reason code, or an empty string.

    Args:
        route, topic: as for `adapt`.
        older: the answer that it was made from.
        requirements: those that it was to meet now.
    """
    if text == older.strip():
        return "unchanged"
    if chatter(text) and not chatter(older):
        return "chatter"
    if any(echoes(text, requirement, topic, older) for requirement in requirements):
        return "echo"
    if any(requirement.id == TRANSLATION for requirement in requirements):
        return ""  # another language shares no words
    if off_topic(text, topic, older):
        return "off_topic"
    # A much shorter or longer answer cannot be very similar, and a limit on length asks for just that.
    attainable = 2 * min(len(text), len(older)) / (len(text) + len(older))
    if route in CLOSE and similarity(text, older) < plan.recipe.min_similarity * attainable:
        return "drifted"
    return ""


def _edit(turn: Turn, requirement: Requirement, plan: Plan) -> list[Message]:
    """The old answer as the assistant's own turn, then the wish: weak models take that better than one long prompt."""
    wish = render("ecd_data.method.prompts", "edit.jinja", requirement=requirement, in_force=turn.requirements)
    return plan.chat(turn.instruction, turn.response, wish)
