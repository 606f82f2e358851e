"""Rulings: which requirements an answer meets, by code or by the judge's votes, and which candidates hold up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ecd_data.method.contrast import balanced, similarity
from ecd_data.method.plan import Plan
from ecd_data.request import JUDGE, Steps
from ecd_data.requirements.checks import check
from ecd_data.requirements.judge import VOTE, question, tally
from ecd_data.values import Candidate, Requirement, Ruling

Rulings = tuple[Ruling, ...]
Held = tuple[Candidate, Rulings]  # a candidate, with what is known of it


@dataclass(frozen=True, slots=True)
class Root:
    """An answer that misses something: what candidates for a better one are made from and measured against.

    topic: the seed's instruction, without any requirement.
    instruction: the one to follow, with all `requirements` in force.
    text: the answer, and `rulings` what it meets.
    """

    seed_id: str
    round: int
    topic: str
    instruction: str
    requirements: tuple[Requirement, ...]
    text: str
    rulings: Rulings


def sift(made: Sequence[Candidate], tried: Sequence[Candidate], root: Root, plan: Plan) -> Steps[list[Held]]:
    """The candidates with their rulings; those that do not hold up are marked `repeated`, `unbalanced` or `unmet`."""
    held: list[Held] = []
    for candidate in made:
        compared = _compared(candidate, [*tried, *(other for other, _ in held)], root, plan)
        held.append((yield from _eliminate(compared, root, plan)))
    return held


def closest(held: Sequence[Held], root: Root) -> Held | None:
    """Of those that hold up, the one most similar to the root."""
    sound = [(candidate, rulings) for candidate, rulings in held if not candidate.defect]
    return max(sound, key=lambda held: similarity(held[0].text, root.text), default=None)


def _compared(candidate: Candidate, tried: Sequence[Candidate], root: Root, plan: Plan) -> Candidate:
    """The candidate, marked when its text was ruled on before or would make an unbalanced pair."""
    if candidate.defect:
        return candidate
    if any(candidate.text == other.text and other.defect in ("", "unmet") for other in tried):
        return replace(candidate, defect="repeated")
    if not balances(candidate.text, root.text, root.rulings, plan):
        detail = f"{len(candidate.text)} characters instead of {len(root.text)}"
        return replace(candidate, defect="unbalanced", detail=detail)
    return candidate


def balances(chosen: str, rejected: str, rejected_rulings: Rulings, plan: Plan) -> bool:
    """Whether two answers are of like length: see `contrast.balanced`."""
    missed = [ruling.requirement for ruling in rejected_rulings if not ruling.met]
    return balanced(chosen, rejected, missed, plan.taxonomy, plan.recipe.max_length_ratio)


def _eliminate(candidate: Candidate, root: Root, plan: Plan) -> Steps[Held]:
    """The candidate with its rulings, marked when any requirement in force is not met by a majority."""
    if candidate.defect:
        return candidate, ()
    about = (root.instruction, root.requirements, root.seed_id, root.round, plan)
    rulings = yield from rule(candidate.text, *about)
    return marked(candidate, rulings), rulings


def marked(candidate: Candidate, rulings: Rulings) -> Candidate:
    """The candidate, marked `unmet` with the first requirement that it misses."""
    for ruling in rulings:
        if not ruling.met:
            return replace(candidate, defect="unmet", detail=f"{ruling.requirement}: {ruling.reason}")
    return candidate


def rule(
    response: str,
    instruction: str,
    requirements: Sequence[Requirement],
    seed_id: str,
    number: int,
    plan: Plan,
    in_full: bool = False,
) -> Steps[Rulings]:
    """A ruling on each requirement, in order; only the code's when one of those fails, since that settles it.

    `in_full` asks for the judge's votes then too.
    """
    rulings = {r.id: _by_code(r, response) for r in requirements if r.check == "code"}
    judged = [requirement for requirement in requirements if requirement.check == "judge"]
    if judged and (in_full or all(ruling.met for ruling in rulings.values())):
        votes = plan.recipe.votes
        responses = yield [
            plan.request(JUDGE, seed_id, number, attempt, question(requirement, instruction, response, attempt), VOTE)
            for requirement in judged
            for attempt in range(votes)
        ]
        for i, requirement in enumerate(judged):
            rulings[requirement.id] = tally(requirement, responses[i * votes : (i + 1) * votes])
    return tuple(rulings[requirement.id] for requirement in requirements if requirement.id in rulings)


def _by_code(requirement: Requirement, response: str) -> Ruling:
    verdict = check(requirement, response)
    return Ruling(requirement.id, float(verdict.met), verdict.reason)
