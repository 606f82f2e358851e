"""Answers tasks and scores the answers. One task is a generator of requests without I/O, like a chain."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from ecd_data.calls.scheduler import ModelSource, Stats, run
from ecd_data.calls.store import Store
from ecd_data.core.errors import CallFailed
from ecd_data.core.recipe import Recipe
from ecd_data.core.request import JUDGE, Response, Steps
from ecd_data.core.values import Requirement
from ecd_data.evaluation.tasks import Score, Task
from ecd_data.methods import make_plan
from ecd_data.methods.defects import defect
from ecd_data.methods.plan import Place, Plan
from ecd_data.requirements.judge import VOTE, question, tally

REFUSED = "refused"  # as a defect, and as the reason of a call that failed


@dataclass(frozen=True)
class ScoredAnswer:
    """An answer to a task, with its scores.

    scores: in the order of the task's requirements; `None` for one that is not scored.
    defects: what is wrong with the answer whatever was asked: `truncated`, `empty`, `looping`, `refusal`, `refused`.
    """

    task: Task
    text: str
    scores: tuple[Score | None, ...]
    defects: tuple[str, ...]


def answer_task(task: Task, plan: Plan, judged: bool) -> Steps[ScoredAnswer]:
    """Ask for the answer to a task, and return it with its scores.

    An empty answer meets no requirement, nor does a prompt that the endpoint refuses. The score of a judge is the same
    strictly and loosely.

    Args:
        plan: with the sampling of the answer.
        judged: whether a judge is asked about requirements that code cannot score.

    Raises:
        CallFailed: no try gave a usable answer.
    """
    try:
        [response] = yield [plan.request(Place(task.prompt_key, 0), "evaluate", 0, task.messages)]
    except CallFailed as failure:
        if failure.reason != REFUSED:
            raise
        return ScoredAnswer(task, "", ((False, False),) * len(task.requirements), (REFUSED,))
    answer = response.answer
    scores: list[Score | None] = []
    for number, requirement in enumerate(task.requirements):
        if requirement.score is None and not (requirement.judged and judged):
            scores.append(None)
        elif not answer:
            scores.append((False, False))
        elif requirement.score is not None:
            scores.append(requirement.score(answer))
        elif requirement.judged is not None:
            met = yield from _judge(requirement.judged, task, number, answer)
            scores.append((met, met))
    return ScoredAnswer(task, answer, tuple(scores), _defects(response))


def _judge(requirement: Requirement, task: Task, number: int, answer: str) -> Steps[bool]:
    """Return what the judge's votes say of one requirement, asked for as with the default recipe."""
    plan, place = _judge_plan(), Place(task.key, number)
    votes = yield [
        replace(
            plan.request(place, JUDGE, attempt, question(requirement, task.instruction, answer, attempt)),
            grammar=VOTE,
        )
        for attempt in range(plan.recipe.votes)
    ]
    return tally(requirement, votes).met


@cache
def _judge_plan() -> Plan:
    return make_plan(Recipe())


def _defects(response: Response) -> tuple[str, ...]:
    """Return the defects of an answer; one that is cut off may also have looped."""
    truncated = ("truncated",) if response.finish_reason == "length" else ()
    other = defect(replace(response, finish_reason="stop"))
    return (*truncated, other) if other else truncated


def answer_tasks(
    tasks: Sequence[Task],
    sampling: Recipe,
    store: Store,
    model: ModelSource,
    judge: ModelSource | None,
    on_call: Callable[[Stats], None] | None = None,
    on_answer: Callable[[ScoredAnswer], None] = lambda answer: None,
) -> list[ScoredAnswer]:
    """Return the scored answers to tasks, in their order.

    Long prompts are asked first, so that those of like length share a batch.

    Args:
        sampling: gives temperature and length of the answers.
        model: that answers.
        judge: that votes on requirements which code cannot score; without one they are not scored.
        on_call, on_answer: show progress; called with the totals after each call, and with each scored answer.

    Raises:
        EndpointError, StoreError, EvaluationError: see `calls.scheduler.run`.
    """
    plan = make_plan(sampling)
    order = sorted(range(len(tasks)), key=lambda number: -len(tasks[number].instruction))
    steps = (answer_task(tasks[number], plan, judge is not None) for number in order)
    answers: dict[int, ScoredAnswer] = {}
    results = run(steps, store, model, extra_models={JUDGE: judge} if judge else {}, on_call=on_call)
    for number, answer in zip(order, results, strict=True):
        answers[number] = answer
        on_answer(answer)
    return [answers[number] for number in range(len(tasks))]
