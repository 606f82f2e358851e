"""Other negatives than R(t): the student's own answer to I(t+1), and the answer to I(t+1) with one requirement less.

A student's answer is on-policy: it shows the errors that the model to be trained makes itself. An answer to a relaxed
instruction is close to one that meets all, as in the preference data of Tulu 3 (Lambert et al., arXiv 2411.15124),
where a model rewrites the prompt; here the instruction is put together again from the seed's and the sentences of the
other requirements, so that it costs no call and drops what it should. Nobody takes for granted that the answer misses
something: it is judged as any other.
"""

from collections.abc import Sequence
from dataclasses import replace

from ecd_data.core.errors import CallFailed
from ecd_data.core.request import Steps
from ecd_data.core.rng import keyed_rng
from ecd_data.core.values import EVOLVED, REJECTED, STUDENT, Candidate, Turn
from ecd_data.methods.contrast import negative_defect
from ecd_data.methods.defects import defect
from ecd_data.methods.ecd.evolution import append
from ecd_data.methods.judging import Judged, Rulings, is_balanced, judge
from ecd_data.methods.plan import Plan
from ecd_data.methods.task import Task


def other_negatives(
    older: Turn, chosen: Judged, tried: Sequence[Judged], task: Task, plan: Plan
) -> Steps[list[Judged]]:
    """Ask for the answers that the options name beside R(t), and judge them.

    One that is a hard negative is marked `rejected`, any other with the reason why it is none. A call that fails costs
    its answer alone.

    Args:
        older: the turn of I(t).
        chosen, tried: the answer to I(t+1) that holds up, and all that were tried for it.
        task: the task of I(t+1).
    """
    negatives: list[Judged] = []
    for kind in (kind for kind in plan.options.negatives if kind != EVOLVED):
        known = {older.response.strip(), *(answer.text for answer in (*tried, *negatives))}
        rulings: Rulings = ()
        try:
            candidate = yield from _ask(kind, older, task, plan)
            reason = candidate.defect or ("repeated" if candidate.text in known else "")
            if not reason:
                rulings = yield from judge(candidate.text, task, plan, in_full=True)
                reason = negative_defect(rulings, plan.recipe.max_missed)
        except CallFailed:
            continue
        if not reason:
            reason = REJECTED if is_balanced(chosen.text, Judged(candidate, rulings), plan) else "unbalanced"
        negatives.append(Judged(replace(candidate, defect=reason), rulings))
    return negatives


def _ask(kind: str, older: Turn, task: Task, plan: Plan) -> Steps[Candidate]:
    """Ask for an answer that may miss some of the requirements; it is marked when it is unusable."""
    instruction = task.instruction if kind == STUDENT else relaxed(older, task, plan)
    request = plan.request(task.place, kind, 0, plan.chat(instruction))
    (response,) = yield [replace(request, model_name=STUDENT if kind == STUDENT else "")]
    return Candidate(kind, 0, response.answer, defect(response))


def relaxed(older: Turn, task: Task, plan: Plan) -> str:
    """Return I(t+1) without one of its requirements, which is drawn; without the newest it is I(t) as it was."""
    kept = list(task.requirements)
    kept.pop(keyed_rng(plan.recipe.seed, *task.place, 0, "relaxed").randrange(len(kept)))
    if kept == [*older.requirements]:
        return older.instruction
    instruction = task.topic
    for requirement in kept:
        instruction = append(instruction, requirement.text)
    return instruction
