"""A chain: one seed's rounds of evolution, adaptation, elimination and contrast.

`run_chain` is a generator. It yields the Requests it wants answered, is sent their Responses in the same order, and
returns the finished Chain. It does no I/O, so a dictionary can drive it as well as an endpoint.
"""

from __future__ import annotations

from collections.abc import Sequence

from ecd_data.errors import CallFailed
from ecd_data.method.adaptation import adapt, batches
from ecd_data.method.contrast import contrast, negative_defect
from ecd_data.method.elimination import defect, main_defect, seed_defect
from ecd_data.method.evolution import draw, evolve
from ecd_data.method.plan import Plan
from ecd_data.method.refinement import refine
from ecd_data.method.ruling import Root, Rulings, Steps, T, balances, closest, rule, sift
from ecd_data.values import Candidate, Chain, Pair, Reject, Seed, Turn


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
                if balances(turn.response, older.response, rulings, plan):
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

    root = Root(seed_id, number, seed.instruction, instruction, in_force, turn.response, rejected_rulings)
    tried: list[Candidate] = []
    for route, attempts in batches(plan.recipe):
        if route == "refined":
            held = yield from refine(root, tried, plan)
        else:
            made = yield from adapt(route, attempts, seed_id, seed.instruction, turn, instruction, requirement, plan)
            held = yield from sift(made, tried, root, plan)
        tried += (candidate for candidate, _ in held)
        if found := closest(held, root):
            best, rulings = found
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
