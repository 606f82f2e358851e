"""One task from its prompt to its scores, without I/O: a generator of requests like a chain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from ecd_data.calls.scheduler import ModelSource, Stats, run
from ecd_data.calls.store import Store
from ecd_data.core.errors import CallFailed
from ecd_data.core.recipe import Recipe
from ecd_data.core.request import JUDGE, Response, Steps
from ecd_data.evaluation.tasks import Score, Task
from ecd_data.methods import make_plan
from ecd_data.methods.defects import defect
from ecd_data.methods.plan import Place, Plan
from ecd_data.requirements.judge import VOTE, question, tally

REFUSED = "refused"


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
        [response] = yield [plan.request(Place(task.prompt_key, 0), "evaluate", 0, task.messages)]
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
            judge, place = _judge_plan(), Place(task.key, number)
            votes = yield [
                replace(
                    judge.request(place, JUDGE, attempt, question(demand.judged, task.instruction, answer, attempt)),
                    grammar=VOTE,
                )
                for attempt in range(judge.recipe.votes)
            ]
            met = tally(demand.judged, votes).met
            scores.append((met, met))
    return Outcome(task, answer, tuple(scores), _defects(response))


@cache
def _judge_plan() -> Plan:
    """Votes are asked for as a generation with the default recipe does."""
    return make_plan(Recipe())


def _defects(response: Response) -> tuple[str, ...]:
    """An answer that is cut off may also have gone in circles."""
    cut = ("truncated",) if response.finish_reason == "length" else ()
    other = defect(replace(response, finish_reason="stop"))
    return (*cut, other) if other else cut


def answer_tasks(
    tasks: Sequence[Task],
    sampling: Recipe,
    store: Store,
    model: ModelSource,
    judge: ModelSource | None,
    on_call: Callable[[Stats], None] | None = None,
    on_outcome: Callable[[Outcome], None] = lambda outcome: None,
) -> list[Outcome]:
    """Return the outcome of every task, in their order.

    Long prompts are asked first: like ones share a batch.

    Args:
        sampling: temperature and length of the answers.
        on_call, on_outcome: to show progress; called with the totals after each call, and with each outcome.

    Raises:
        EndpointError, StoreError, EvaluationError: see `calls.scheduler.run`.
    """
    plan = make_plan(sampling)
    order = sorted(range(len(tasks)), key=lambda number: -len(tasks[number].instruction))
    steps = (answer_task(tasks[number], plan, judge is not None) for number in order)
    outcomes: dict[int, Outcome] = {}
    results = run(steps, store, model, extra_models={JUDGE: judge} if judge else {}, on_call=on_call)
    for number, outcome in zip(order, results, strict=True):
        outcomes[number] = outcome
        on_outcome(outcome)
    return [outcomes[number] for number in range(len(tasks))]
