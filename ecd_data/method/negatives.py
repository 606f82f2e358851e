"""Other negatives than R(t): the student's own answer to I(t+1), and the answer to I(t+1) with one requirement less.

A student's answer is on-policy: it shows the errors that the model to be trained makes itself. An answer to a relaxed
instruction is close to one that meets all, as in the preference data of Tulu 3 (Lambert et al., arXiv 2411.15124),
where a model rewrites the prompt; here the instruction is put together again from the seed's and the sentences of the
other requirements, so that it costs no call and drops what it should. That the answer misses something, nobody takes
for granted: the checks rule on it as on any other.
"""

from __future__ import annotations

from ecd_data.method.elimination import defect
from ecd_data.method.evolution import append
from ecd_data.method.plan import Plan
from ecd_data.request import Steps
from ecd_data.rng import keyed
from ecd_data.values import STUDENT, Candidate, Seed, Turn


def negative_answer(kind: str, seed: Seed, older: Turn, newer: Turn, plan: Plan) -> Steps[Candidate]:
    """An answer that may miss some of the newer turn's requirements, marked when it is no answer at all.

    Args:
        kind: `student` or `relaxed`.
        older, newer: the turns of I(t) and I(t+1).
    """
    instruction = newer.instruction if kind == STUDENT else relaxed(seed, older, newer, plan)
    by = STUDENT if kind == STUDENT else ""
    (response,) = yield [plan.request(kind, seed.seed_id, newer.round, 0, plan.chat(instruction), by=by)]
    return Candidate(kind, 0, response.answer, defect(response))


def relaxed(seed: Seed, older: Turn, newer: Turn, plan: Plan) -> str:
    """I(t+1) without one of its requirements, which is drawn; without the newest it is I(t) as it was."""
    kept = list(newer.requirements)
    kept.pop(keyed(plan.recipe.seed, seed.seed_id, newer.round, 0, "relaxed").randrange(len(kept)))
    if kept == [*older.requirements]:
        return older.instruction
    instruction = seed.instruction
    for requirement in kept:
        instruction = append(instruction, requirement.text)
    return instruction
