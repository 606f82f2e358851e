"""A chain: one seed's rounds of evolution, adaptation, elimination and contrast.

`run_chain` is a generator. It yields the Requests it wants answered, is sent their Responses in the same order, and
returns the finished Chain. It does no I/O, so a dictionary can drive it as well as an endpoint.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import TypeVar

from ecd_data.errors import CallFailed
from ecd_data.method.adaptation import adapt, batches
from ecd_data.method.contrast import balanced, contrast, negative_defect, similarity
from ecd_data.method.elimination import defect, seed_defect
from ecd_data.method.evolution import draw, evolve
from ecd_data.method.plan import Plan
from ecd_data.requirements.checks import check
from ecd_data.requirements.judge import VOTE, question, tally
from ecd_data.values import JUDGE, Candidate, Chain, Pair, Reject, Request, Requirement, Response, Ruling, Seed, Turn

T = TypeVar("T")
Steps = Generator[Sequence[Request], list[Response], T]
Rulings = tuple[Ruling, ...]


def run_chain(seed: Seed, plan: Plan) -> Steps[Chain]:
    """All rounds of one seed: each gives a pair with R(t) or a reject; a seed without a usable answer is one reject.

    A round that fails, or in which a call does, leaves (I(t), R(t)) as they were, and the next one draws anew. Where
    the recipe asks for `all` pairs, a round that succeeds also gives one with each earlier R(s) that is still a hard
    negative.
    """
    first = yield from or_reject(_first_turn(seed, plan), seed.seed_id, 0, seed.instruction)
    if isinstance(first, Reject):
        return Chain(seed.seed_id, seed.group, (), (), (first,))
    turns, pairs, rejects = [first], [], []
    negatives: list[tuple[Turn, Rulings]] = []  # turns before the last that still just miss, and what is known of them
    for number in range(1, plan.recipe.rounds + 1):
        steps = _round(seed, turns[-1], number, plan)
        outcome = yield from or_reject(steps, seed.seed_id, number, turns[-1].instruction)
        if isinstance(outcome, Reject):
            rejects.append(outcome)
            continue
        turn, pair = outcome
        pairs.append(pair)
        if plan.recipe.pairs == "all":
            negatives = yield from _still_negative(negatives, turn, seed.seed_id, plan)
            for older, rulings in negatives:
                if _balanced(turn.response, older.response, rulings, plan):
                    pairs.append(contrast(seed.seed_id, older, turn, rulings, gap=len(turns) - turns.index(older)))
            negatives = [(turns[-1], pair.rejected_rulings), *negatives]
        turns.append(turn)
    return Chain(seed.seed_id, seed.group, tuple(turns), tuple(pairs), tuple(rejects))


def or_reject(steps: Steps[T | Reject], seed_id: str, number: int, instruction: str) -> Steps[T | Reject]:
    """The outcome of `steps`, or a reject when a call of theirs failed for good."""
    try:
        return (yield from steps)
    except CallFailed as failure:
        return Reject(seed_id, number, "call", failure.reason, "", instruction)


def _first_turn(seed: Seed, plan: Plan) -> Steps[Turn | Reject]:
    """I(0) and R(0): the corpus's own answer, or the model's first one without a defect."""
    if reason := left_out(seed, plan):
        return Reject(seed.seed_id, 0, "seed", reason, "", seed.instruction)
    if seed.response is not None:
        return Turn(0, "", seed.instruction, seed.response, (), (), "seed", "seed")
    candidates: list[Candidate] = []
    for attempt in range(plan.recipe.answers):
        request = plan.request("answer", seed.seed_id, 0, attempt, plan.chat(seed.instruction))
        (response,) = yield [request]
        candidates.append(Candidate("fresh", attempt, response.answer, defect(response)))
        if not candidates[-1].defect:
            text = candidates[-1].text
            return Turn(0, "", seed.instruction, text, (), (), "seed", "fresh", tuple(candidates))
    return Reject(seed.seed_id, 0, "answer", main_defect(candidates), "", seed.instruction, tuple(candidates))


def left_out(seed: Seed, plan: Plan) -> str:
    """Why a seed is not used at all: a reason code, or an empty string."""
    return seed_defect(seed, plan.recipe.max_seed_chars) or plan.contaminated(seed.instruction) * "contaminated"


def _round(seed: Seed, turn: Turn, number: int, plan: Plan) -> Steps[tuple[Turn, Pair] | Reject]:
    """One round: the next turn and its pair, or the reject that says where it ended."""
    seed_id = seed.seed_id
    drawn = draw(seed, turn, number, plan)
    if drawn is None:
        return Reject(seed_id, number, "evolution", "no_operation", "", turn.instruction)
    operation, requirement = drawn
    evolved = yield from evolve(seed_id, turn, number, operation, requirement, plan)
    if evolved is None:
        return Reject(seed_id, number, "evolution", "no_instruction", operation.id, turn.instruction)
    instruction, requirement, evolved_by = evolved
    if plan.contaminated(instruction):
        return Reject(seed_id, number, "evolution", "contaminated", operation.id, instruction)
    in_force = (*turn.requirements, requirement)

    # R(t) was ruled on when it was accepted; only the new requirement is open.
    missing = yield from rule(turn.response, instruction, (requirement,), seed_id, number, plan)
    rejected_rulings = (*turn.rulings, *missing)
    if reason := negative_defect(rejected_rulings, plan.recipe.max_missed):
        return Reject(seed_id, number, "contrast", reason, operation.id, instruction)

    tried: list[Candidate] = []
    for route, attempts in batches(plan.recipe):
        made = yield from adapt(route, attempts, seed_id, seed.instruction, turn, instruction, requirement, plan)
        sound = []
        for made_candidate in made:
            candidate = _compared(made_candidate, tried, turn, rejected_rulings, plan)
            candidate, rulings = yield from _eliminate(candidate, instruction, in_force, seed_id, number, plan)
            tried.append(candidate)
            if not candidate.defect:
                sound.append((candidate, rulings))
        if sound:
            best, rulings = max(sound, key=lambda held: similarity(held[0].text, turn.response))
            newer = Turn(
                round=number,
                operation=operation.id,
                instruction=instruction,
                response=best.text,
                requirements=in_force,
                rulings=rulings,
                evolved_by=evolved_by,
                adapted_by=best.route,
                candidates=tuple(tried),
            )
            return newer, contrast(seed_id, turn, newer, rejected_rulings, gap=1)
    reason = main_defect(tried)
    return Reject(seed_id, number, "elimination", reason, operation.id, instruction, tuple(tried))


def _still_negative(
    negatives: Sequence[tuple[Turn, Rulings]], turn: Turn, seed_id: str, plan: Plan
) -> Steps[list[tuple[Turn, Rulings]]]:
    """Those of the older turns that still just miss when the newest requirement is ruled on too.

    What an answer misses only grows along a chain, so one that misses too many, or on which the judge was of two
    minds or gave no vote, is out for good and costs no further vote. So is one that came back as the newest answer, by
    grace of a judge who took it for worse before.
    """
    still = []
    for older, known in negatives:
        if older.response.strip() == turn.response:
            continue
        newest = turn.requirements[-1:]
        try:
            ruled = yield from rule(older.response, turn.instruction, newest, seed_id, turn.round, plan)
        except CallFailed:
            continue
        if not negative_defect((*known, *ruled), plan.recipe.max_missed):
            still.append((older, (*known, *ruled)))
    return still


def _compared(
    candidate: Candidate, tried: Sequence[Candidate], turn: Turn, rejected_rulings: Rulings, plan: Plan
) -> Candidate:
    """The candidate, marked when its text was ruled on before or would make an unbalanced pair."""
    if candidate.defect:
        return candidate
    if any(candidate.text == other.text and other.defect in ("", "unmet") for other in tried):
        return replace(candidate, defect="repeated")
    if not _balanced(candidate.text, turn.response, rejected_rulings, plan):
        detail = f"{len(candidate.text)} characters instead of {len(turn.response)}"
        return replace(candidate, defect="unbalanced", detail=detail)
    return candidate


def _balanced(chosen: str, rejected: str, rejected_rulings: Rulings, plan: Plan) -> bool:
    missed = [ruling.requirement for ruling in rejected_rulings if not ruling.met]
    return balanced(chosen, rejected, missed, plan.taxonomy, plan.recipe.max_length_ratio)


def _eliminate(
    candidate: Candidate, instruction: str, in_force: Sequence[Requirement], seed_id: str, number: int, plan: Plan
) -> Steps[tuple[Candidate, Rulings]]:
    """The candidate with its rulings, marked `unmet` when any requirement in force is not met by a majority."""
    if candidate.defect:
        return candidate, ()
    rulings = yield from rule(candidate.text, instruction, in_force, seed_id, number, plan)
    for ruling in rulings:
        if not ruling.met:
            return replace(candidate, defect="unmet", detail=f"{ruling.requirement}: {ruling.reason}"), rulings
    return candidate, rulings


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


def main_defect(candidates: Sequence[Candidate]) -> str:
    """The most frequent defect, the first of equals; `no_candidate` when no route had one to offer."""
    counts = Counter(candidate.defect for candidate in candidates)
    return max(counts, key=lambda defect: counts[defect]) if counts else "no_candidate"
