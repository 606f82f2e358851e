"""A chain: one seed's rounds of evolution, adaptation, elimination and contrast.

`run_chain` is a generator. It yields the Requests it wants answered, is sent their Responses in the same order, and
returns the finished Chain. It does no I/O, so a dictionary can drive it as well as an endpoint.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ecd_data.errors import CallFailed
from ecd_data.method.adaptation import adapt, batches
from ecd_data.method.contrast import Ruled, contrast, negative_defect, ties
from ecd_data.method.elimination import defect, main_defect, seed_defect
from ecd_data.method.evolution import draw, evolve
from ecd_data.method.negatives import negative_answer
from ecd_data.method.plan import Plan
from ecd_data.method.refinement import refine
from ecd_data.method.ruling import Root, Rulings, balances, closest, rule, sift
from ecd_data.request import Steps, T
from ecd_data.values import EVOLVED, REJECTED, Candidate, Chain, Pair, Reject, Seed, Tie, Turn


@dataclass(frozen=True, slots=True)
class _Round:
    """What came of a round: the next turn and its pairs, or the reject that says where it ended; and its ties.

    The first pair is the one with R(t).
    """

    outcome: tuple[Turn, tuple[Pair, ...]] | Reject
    ties: tuple[Tie, ...] = ()


def run_chain(seed: Seed, plan: Plan) -> Steps[Chain]:
    """All rounds of one seed: each gives a pair with R(t) or a reject; a seed without a usable answer is one reject.

    A round that fails, or in which a call does, leaves (I(t), R(t)) as they were, and the next one draws anew. Where
    the recipe asks for `all` pairs, a round that succeeds also gives one with each earlier R(s) that is still a hard
    negative; where its options name other negatives, one with each of those that is one.
    """
    first = yield from or_reject(_first_turn(seed, plan), seed.seed_id, 0, seed.instruction)
    if isinstance(first, Reject):
        return Chain(seed.seed_id, seed.group, (), (), (first,))
    turns, rejects = [first], []
    pairs: list[Pair] = []
    tied: list[Tie] = []
    negatives: list[tuple[Turn, Rulings]] = []  # turns before the last that still just miss, and what is known of them
    for number in range(1, plan.recipe.rounds + 1):
        steps = _round(seed, turns[-1], number, plan)
        ended = yield from or_reject(steps, seed.seed_id, number, turns[-1].instruction)
        done = _Round(ended) if isinstance(ended, Reject) else ended
        tied += done.ties
        if isinstance(done.outcome, Reject):
            rejects.append(done.outcome)
            continue
        turn, made = done.outcome
        pairs += made
        if plan.recipe.pairs == "all":
            negatives = yield from _still_negative(negatives, turn, seed.seed_id, plan)
            for older, rulings in negatives:
                if balances(turn.response, older.response, rulings, plan):
                    rejected = Ruled(EVOLVED, older.response, rulings)
                    pairs.append(contrast(seed.seed_id, rejected, turn, gap=len(turns) - turns.index(older)))
            negatives = [(turns[-1], made[0].rejected_rulings), *negatives]
        turns.append(turn)
    return Chain(seed.seed_id, seed.group, tuple(turns), tuple(pairs), tuple(rejects), tuple(tied))


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


def _round(seed: Seed, turn: Turn, number: int, plan: Plan) -> Steps[_Round | Reject]:
    """One round; a bare reject ends it before there is an answer to its instruction."""
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
    old = Ruled(EVOLVED, turn.response, (*turn.rulings, *missing))
    if reason := negative_defect(old.rulings, plan.recipe.max_missed):
        return Reject(seed_id, number, "contrast", reason, operation.id, instruction)

    root = Root(seed_id, number, seed.instruction, instruction, in_force, turn.response, old.rulings)
    tried: list[Candidate] = []
    answers: list[Ruled] = []
    best = None
    for route, attempts in batches(plan.recipe):
        if route == "refined":
            held = yield from refine(root, tried, plan)
        else:
            made = yield from adapt(route, attempts, seed_id, seed.instruction, turn, instruction, requirement, plan)
            held = yield from sift(made, tried, root, plan)
        tried += (candidate for candidate, _ in held)
        answers += (Ruled(candidate.route, candidate.text, rulings) for candidate, rulings in held)
        if found := closest(held, root):
            best = Ruled(found[0].route, found[0].text, found[1])
            break

    if best is None:
        tied = tuple(ties(seed_id, operation.id, instruction, in_force, [old], answers))
        reason = main_defect(tried)
        return _Round(Reject(seed_id, number, "elimination", reason, operation.id, instruction, tuple(tried)), tied)
    newer = Turn(
        round=number,
        operation=operation.id,
        instruction=instruction,
        response=best.text,
        requirements=in_force,
        rulings=best.rulings,
        evolved_by=evolved_by,
        adapted_by=best.route,
        candidates=tuple(tried),
    )
    others = yield from _other_answers(seed, turn, newer, plan)
    newer = replace(newer, candidates=(*tried, *(candidate for candidate, _ in others)))
    more = [answer for candidate, answer in others if candidate.defect == REJECTED]
    kept = [old, best, *more]
    dropped = [answer for answer in (*answers, *(answer for _, answer in others)) if answer not in kept]
    tied = tuple(ties(seed_id, operation.id, instruction, in_force, kept, dropped))
    pairs = [contrast(seed_id, old, newer, gap=1), *(contrast(seed_id, answer, newer, gap=0) for answer in more)]
    return _Round((newer, tuple(pairs)), tied)


def _other_answers(seed: Seed, older: Turn, newer: Turn, plan: Plan) -> Steps[list[tuple[Candidate, Ruled]]]:
    """The answers that the builder's options ask for beside R(t), with the rulings on them.

    One that is a hard negative is marked `rejected`, any other with the reason why it is none. A call that fails costs
    its answer alone.
    """
    found: list[tuple[Candidate, Ruled]] = []
    for kind in (kind for kind in plan.options.negatives if kind != EVOLVED):
        known = {older.response.strip(), *(made.text for made in (*newer.candidates, *(c for c, _ in found)))}
        rulings: Rulings = ()
        try:
            candidate = yield from negative_answer(kind, seed, older, newer, plan)
            reason = candidate.defect or ("repeated" if candidate.text in known else "")
            if not reason:
                about = (newer.instruction, newer.requirements, seed.seed_id, newer.round, plan)
                rulings = yield from rule(candidate.text, *about, in_full=True)
                reason = negative_defect(rulings, plan.recipe.max_missed)
        except CallFailed:
            continue
        if not reason:
            reason = REJECTED if balances(newer.response, candidate.text, rulings, plan) else "unbalanced"
        found.append((replace(candidate, defect=reason), Ruled(kind, candidate.text, rulings)))
    return found


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
