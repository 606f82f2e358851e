"""Adaptation: R(t) becomes candidates for R(t+1), by the routes `edit`, `fresh`, `guided` and `repair`.

The route `refined`, which needs to know how an answer fared, is in `ecd_data.methods.ecd.refinement`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from ecd_data.core.recipe import Recipe
from ecd_data.core.request import Message, Steps
from ecd_data.core.templates import render
from ecd_data.core.values import Candidate, Requirement, Route, Turn
from ecd_data.methods.defects import defect, echoes, is_off_topic, opens_with_chatter
from ecd_data.methods.likeness import similarity
from ecd_data.methods.plan import Plan
from ecd_data.methods.task import Task
from ecd_data.requirements.kinds import grammar, repair

TRANSLATION = "style/language"
CLOSE = ("edit", "refined")  # routes that change the older answer rather than write another
# English runs at about four: an answer that does not come to an end by itself runs out of tokens and is dropped,
# rather than being cut where the grammar's bound happens to lie.
CHARS_PER_TOKEN = 6


class Batch(NamedTuple):
    """Attempts of one route that are asked for side by side, by their numbers."""

    route: Route
    attempts: range


def batches(recipe: Recipe) -> Iterator[Batch]:
    """Yield the attempts of a round, by route and in the recipe's order.

    One at a time where the first to hold up is taken, else all of a route at once. Code always makes the same change,
    and a search has a size of its own: one attempt is enough for these.
    """
    for route, count in recipe.routes.items():
        end = min(count, 1) if route in ("repair", "refined") else count
        size = 1 if recipe.select == "first" else max(end, 1)
        for start in range(0, end, size):
            yield Batch(route, range(start, start + size))


def adapt(batch: Batch, turn: Turn, task: Task, plan: Plan) -> Steps[list[Candidate]]:
    """Make candidates by one route; those with a defect are marked.

    Args:
        batch: the route and the attempts. `edit`: the model revises R(t); `fresh`: it answers I(t+1) anew; `guided`:
            the same under a grammar that forces the new requirement; `repair`: code changes R(t), not its meaning.
        turn: I(t) and R(t).
        task: I(t+1); its last requirement is the new one.
    """
    route, requirement = batch.route, task.requirements[-1]
    if route == "repair":
        repaired = repair(requirement, turn.response)
        return [] if repaired is None else [Candidate("repair", 0, repaired)]
    forced = grammar(requirement, plan.recipe.max_tokens * CHARS_PER_TOKEN) if route == "guided" else None
    if route == "guided" and forced is None:
        return []
    messages = _edit_messages(turn, requirement, plan) if route == "edit" else plan.chat(task.instruction)
    responses = yield [
        replace(plan.request(task.place, route, attempt, messages), grammar=forced, logprobs=forced is not None)
        for attempt in batch.attempts
    ]
    min_logprob = plan.recipe.min_logprob if route == "guided" else None
    candidates = [
        Candidate(route, attempt, response.answer, defect(response, min_logprob))
        for attempt, response in zip(batch.attempts, responses, strict=True)
    ]
    return [replace(c, defect=adaptation_defect(c, turn.response, [requirement], task, plan)) for c in candidates]


def adaptation_defect(
    candidate: Candidate, older: str, requirements: Sequence[Requirement], task: Task, plan: Plan
) -> str:
    """Return the defect that a candidate has, or else what is wrong with it as a new version of the older answer.

    Args:
        older: the answer that it was made from.
        requirements: those that it was to meet now.
    """
    text = candidate.text
    if candidate.defect:
        return candidate.defect
    if text == older.strip():
        return "unchanged"
    if opens_with_chatter(text) and not opens_with_chatter(older):
        return "chatter"
    if any(echoes(text, requirement, task.topic, older) for requirement in requirements):
        return "echo"
    if any(requirement.id == TRANSLATION for requirement in requirements):
        return ""  # another language shares no words
    if is_off_topic(text, task.topic, older):
        return "off_topic"
    # A much shorter or longer answer cannot be very similar, and a limit on length asks for just that.
    attainable = 2 * min(len(text), len(older)) / (len(text) + len(older))
    if candidate.route in CLOSE and similarity(text, older) < plan.recipe.min_similarity * attainable:
        return "drifted"
    return ""


def _edit_messages(turn: Turn, requirement: Requirement, plan: Plan) -> list[Message]:
    """Return the old answer as the assistant's turn, then the wish: weak models take that better than one prompt."""
    wish = render("ecd_data.methods.prompts", "edit.jinja", requirement=requirement, in_force=turn.requirements)
    return plan.chat(turn.instruction, turn.response, wish)
