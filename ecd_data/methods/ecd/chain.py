"""A chain: one seed's rounds of evolution, adaptation, elimination and contrast.

`run_chain` is a generator. It yields the Requests it wants answered, is sent their Responses in the same order, and
returns the finished Chain. It does no I/O, so a dictionary can drive it as well as an endpoint.
"""

from collections.abc import Mapping

from ecd_data.core.errors import CallFailed
from ecd_data.core.request import Steps
from ecd_data.core.values import Candidate, Chain, Pair, Seed, Tie, Turn
from ecd_data.methods.contrast import accept, contrast, negative_defect
from ecd_data.methods.defects import defect, main_defect, unusable
from ecd_data.methods.ecd.round import Accepted, run_round
from ecd_data.methods.judging import Judged, is_balanced, judge
from ecd_data.methods.plan import Plan
from ecd_data.methods.task import NoPair, Task, catch


def run_chain(seed: Seed, plan: Plan) -> Steps[Chain]:
    """Run all rounds of one seed: each gives a pair with R(t) or a reject; an unusable seed is one reject.

    A round that fails, or in which a call does, leaves (I(t), R(t)) as they were, and the next one draws anew. Where
    the recipe asks for `all` pairs, a round that succeeds also gives one with each earlier R(s) that is still a hard
    negative; where its options name other negatives, one with each of those that is one.
    """
    first = yield from catch(_first_turn(seed, plan), Task(seed, 0, "", seed.instruction))
    if isinstance(first, NoPair):
        return Chain(seed.seed_id, seed.group, (), (), (first.reject,))
    turns, rejects = [first], []
    pairs: list[Pair] = []
    ties: list[Tie] = []
    negatives: dict[int, Judged] = {}  # answers before the last one that still just miss, by the index of their turn
    for round in range(1, plan.recipe.rounds + 1):
        task = Task(seed, round, "", turns[-1].instruction)
        done = yield from catch(run_round(seed, turns[-1], round, plan), task)
        ties += done.ties
        if isinstance(done, NoPair):
            rejects.append(done.reject)
            continue
        pairs += done.pairs
        if plan.recipe.pairs == "all":
            negatives = yield from _still_negative(negatives, done, plan)
            for index, negative in negatives.items():
                if is_balanced(done.turn.response, negative, plan):
                    pairs.append(contrast(done.task, done.chosen, negative, gap=len(turns) - index))
            negatives = {len(turns) - 1: done.older, **negatives}
        turns.append(done.turn)
    return Chain(seed.seed_id, seed.group, tuple(turns), tuple(pairs), tuple(rejects), tuple(ties))


def _first_turn(seed: Seed, plan: Plan) -> Steps[Turn]:
    """I(0) and R(0): the corpus's own answer, or the model's first one without a defect.

    Raises:
        NoPair: the seed cannot be used, or there is no such answer.
    """
    task = Task(seed, 0, "", seed.instruction)
    if reason := unusable(seed, plan):
        raise NoPair(task, "seed", reason)
    if seed.response is not None:
        return Turn(0, "", seed.instruction, seed.response, (), (), "seed", "seed")
    candidates: list[Candidate] = []
    for attempt in range(plan.recipe.answers):
        (response,) = yield [plan.request(task.place, "answer", attempt, plan.chat(seed.instruction))]
        candidates.append(Candidate("fresh", attempt, response.answer, defect(response)))
        if not candidates[-1].defect:
            return accept(task, Judged(candidates[-1], ()), candidates)
    raise NoPair(task, "answer", main_defect(candidates), candidates)


def _still_negative(negatives: Mapping[int, Judged], done: Accepted, plan: Plan) -> Steps[dict[int, Judged]]:
    """Return the older answers that still just miss when the newest requirement is ruled on too.

    What an answer misses only grows along a chain, so one that misses too many, or on which the judge was of two
    minds or gave no vote, is out for good and costs no further vote. So is one that came back as the newest answer, by
    grace of a judge who took it for worse before.
    """
    still = {}
    for index, older in negatives.items():
        if older.text.strip() == done.turn.response:
            continue
        try:
            newest = yield from judge(older.text, done.task, plan, done.task.requirements[-1:])
        except CallFailed:
            continue
        if not negative_defect((*older.rulings, *newest), plan.recipe.max_missed):
            still[index] = Judged(older.candidate, (*older.rulings, *newest))
    return still
