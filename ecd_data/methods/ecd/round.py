"""One round of ECD, in the paper's four steps: evolve, adapt, eliminate, contrast."""

from collections.abc import Sequence
from dataclasses import dataclass

from ecd_data.core.request import Steps
from ecd_data.core.values import EVOLVED, REJECTED, Candidate, Pair, Seed, Tie, Turn
from ecd_data.methods.contrast import accept, contrast, negative_defect
from ecd_data.methods.defects import main_defect
from ecd_data.methods.ecd.adaptation import adapt, batches
from ecd_data.methods.ecd.evolution import check_uncontaminated, evolve
from ecd_data.methods.ecd.negatives import other_negatives
from ecd_data.methods.ecd.refinement import refine
from ecd_data.methods.ecd.ties import ties
from ecd_data.methods.judging import Judged, closest, eliminate, judge
from ecd_data.methods.plan import Plan
from ecd_data.methods.task import NoPair, Task


@dataclass(frozen=True, slots=True)
class Accepted:
    """A round that gave a pair: its task, the answer that meets it, R(t) with its rulings, and the turn they make."""

    task: Task
    chosen: Judged
    older: Judged
    turn: Turn
    pairs: tuple[Pair, ...]
    ties: tuple[Tie, ...] = ()


def run_round(seed: Seed, turn: Turn, round: int, plan: Plan) -> Steps[Accepted]:
    """Run one round that starts from a turn, I(t) and R(t).

    Raises:
        NoPair: it ended without an answer that holds up beside R(t).
    """
    task = yield from evolve(Task(seed, round, "", turn.instruction, turn.requirements), turn.response, plan)
    check_uncontaminated(task, plan)
    older = yield from _judge_older(turn, task, plan)
    tried = yield from _adapt_and_eliminate(turn, older, task, plan)
    chosen = closest(tried, older)
    if chosen is None:
        candidates = [judged.candidate for judged in tried]
        raise NoPair(task, "elimination", main_defect(candidates), candidates, ties(task, [older], tried))
    return (yield from _accepted(turn, task, older, chosen, tried, plan))


def _judge_older(turn: Turn, task: Task, plan: Plan) -> Steps[Judged]:
    """Return R(t) with the rulings on all of I(t+1); only the newest is open, since R(t) was judged when accepted.

    Raises:
        NoPair: it is not a hard negative.
    """
    newest = yield from judge(turn.response, task, plan, task.requirements[-1:])
    older = Judged(Candidate(EVOLVED, 0, turn.response), (*turn.rulings, *newest))
    if reason := negative_defect(older.rulings, plan.recipe.max_missed):
        raise NoPair(task, "contrast", reason)
    return older


def _adapt_and_eliminate(turn: Turn, older: Judged, task: Task, plan: Plan) -> Steps[list[Judged]]:
    """Return all candidates that were tried: by the recipe's routes in order, until some of a batch hold up."""
    tried: list[Judged] = []
    for batch in batches(plan.recipe):
        if batch.route == "refined":
            judged = yield from refine(older, tried, task, plan)
        else:
            candidates = yield from adapt(batch, turn, task, plan)
            judged = yield from eliminate(candidates, tried, older, task, plan)
        tried += judged
        if closest(judged, older):
            break
    return tried


def _accepted(
    before: Turn, task: Task, older: Judged, chosen: Judged, tried: Sequence[Judged], plan: Plan
) -> Steps[Accepted]:
    """Return the turn of a round and its pairs: with R(t) first, then with the negatives that the options ask for."""
    others = yield from other_negatives(before, chosen, tried, task, plan)
    turn = accept(task, chosen, (judged.candidate for judged in (*tried, *others)))
    rejected = [other for other in others if other.candidate.defect == REJECTED]
    pairs = [contrast(task, chosen, older, gap=1)]
    pairs += [contrast(task, chosen, other, gap=0, negative=other.candidate.route) for other in rejected]
    kept = [older, chosen, *rejected]
    dropped = [answer for answer in (*tried, *others) if answer not in kept]
    return Accepted(task, chosen, older, turn, tuple(pairs), tuple(ties(task, kept, dropped)))
