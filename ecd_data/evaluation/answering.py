"""One task from its prompt to its scores, without I/O: a generator of requests like a chain."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ecd_data.errors import CallFailed
from ecd_data.evaluation.tasks import Score, Task
from ecd_data.method.elimination import defect
from ecd_data.method.plan import Plan
from ecd_data.recipe import Recipe
from ecd_data.request import Response, Steps
from ecd_data.requirements.judge import VOTE, question, tally

REFUSED = "refused"
JUDGE = Plan.of(Recipe())  # votes are asked for as a generation with the default recipe does


@dataclass(frozen=True)
class Outcome:
    """A task with its answer.

    scores: of each requirement, strict and loose; `None` for one that nobody could tell.
    defects: what is wrong with the answer whatever was asked: `truncated`, `empty`, `looping`, `refusal`.
    """

    task: Task
    answer: str
    scores: tuple[Score | None, ...]
    defects: tuple[str, ...]


def answer_task(task: Task, plan: Plan, judged: bool) -> Steps[Outcome]:
    """Asks for the answer by the `plan`'s settings, and for a judge's votes on what code cannot tell if `judged`.

    An answer without a word meets nothing, nor does a prompt that the endpoint refuses. A judged requirement counts
    the same strict and loose.

    Raises:
        CallFailed: no try gave a usable answer.
    """
    try:
        [response] = yield [plan.request("evaluate", task.prompt_key, 0, 0, task.messages)]
    except CallFailed as failure:
        if failure.reason != REFUSED:
            raise
        return Outcome(task, "", tuple((False, False) for _ in task.demands), (REFUSED,))
    answer = response.answer
    scores: list[Score | None] = []
    for number, demand in enumerate(task.demands):
        if demand.score is None and not (demand.judged and judged):
            scores.append(None)
        elif not answer:
            scores.append((False, False))
        elif demand.score is not None:
            scores.append(demand.score(answer))
        elif demand.judged is not None:
            votes = yield [
                JUDGE.request(
                    "judge",
                    task.key,
                    number,
                    attempt,
                    question(demand.judged, task.instruction, answer, attempt),
                    VOTE,
                )
                for attempt in range(JUDGE.recipe.votes)
            ]
            met = tally(demand.judged, votes).met
            scores.append((met, met))
    return Outcome(task, answer, tuple(scores), _defects(response))


def _defects(response: Response) -> tuple[str, ...]:
    """An answer that is cut off may also have gone in circles."""
    cut = ("truncated",) if response.finish_reason == "length" else ()
    other = defect(replace(response, finish_reason="stop"))
    return (*cut, other) if other else cut
