"""Rounds that stand alone: a task, some answers, one pair. What the builders beside ECD share.

    def run(seed, plan):
        return rounds(seed, plan, my_round)

A round is a generator like a chain (`ecd_data.method.chain`): it yields requests, is sent their responses, and returns
the accepted turn with its pair, or raises `NoPair`. Its task is the seed's instruction with as many requirements as
the builder's options ask for, drawn and worded by ECD's own evolution and ruled on by its checks and judge.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ecd_data.errors import CallFailed, RecipeError
from ecd_data.method.chain import left_out
from ecd_data.method.contrast import Ruled, contrast
from ecd_data.method.elimination import defect
from ecd_data.method.evolution import draw, evolve
from ecd_data.method.plan import Plan
from ecd_data.method.ruling import Held, marked, rule
from ecd_data.request import Message, Steps
from ecd_data.values import EVOLVED, REJECTED, Candidate, Chain, Pair, Reject, Requirement, Seed, Step, Turn

Outcome = tuple[Turn, Pair]


@dataclass(frozen=True)
class Task:
    """What a round asks: an instruction, the requirements in it, and the `operation` that the contrast is made by."""

    seed_id: str
    round: int
    operation: str
    instruction: str
    requirements: tuple[Requirement, ...] = ()
    evolved_by: str = "seed"


@dataclass(frozen=True)
class Side:
    """One answer to get: what rows call it, the messages, and who is asked, by default as the recipe says."""

    route: str
    messages: tuple[Message, ...]
    by: str = ""
    temperature: float | None = None


class NoPair(Exception):
    """A round ends without a pair."""

    def __init__(self, task: Task, step: Step, reason: str, candidates: Sequence[Candidate] = ()) -> None:
        super().__init__(reason)
        self.reject = Reject(
            task.seed_id, task.round, step, reason, task.operation, task.instruction, tuple(candidates)
        )


@dataclass(frozen=True)
class WithRequirements:
    """The option of all of them: how many requirements are added to each instruction; 0 leaves it as it came."""

    requirements: int = 0

    def __post_init__(self) -> None:
        if self.requirements < 0:
            raise RecipeError(f"recipe: options.requirements is {self.requirements}; it must be at least 0.")


def rounds(seed: Seed, plan: Plan, one: Callable[[Seed, int, Plan], Steps[Outcome]]) -> Steps[Chain]:
    """All rounds of a seed, each by `one`; a seed that cannot be used is one reject."""
    if reason := left_out(seed, plan):
        return Chain(
            seed.seed_id, seed.group, (), (), (Reject(seed.seed_id, 0, "seed", reason, "", seed.instruction),)
        )
    turns, pairs, rejects = [], [], []
    for number in range(1, plan.recipe.rounds + 1):
        try:
            turn, pair = yield from one(seed, number, plan)
        except NoPair as none:
            rejects.append(none.reject)
        except CallFailed as failure:
            rejects.append(Reject(seed.seed_id, number, "call", failure.reason, "", seed.instruction))
        else:
            turns.append(turn)
            pairs.append(pair)
    return Chain(seed.seed_id, seed.group, tuple(turns), tuple(pairs), tuple(rejects))


def make_task(seed: Seed, number: int, operation: str, plan: Plan) -> Steps[Task]:
    """The seed's instruction with requirements drawn for this round.

    Raises:
        NoPair: too few fit, or the instruction shares words with an evaluation.
    """
    task = Task(seed.seed_id, number, operation, seed.instruction)
    for draws in range(plan.options.requirements):
        turn = Turn(0, "", task.instruction, "", task.requirements, (), "seed", "seed")
        drawn = draw(seed, turn, number, plan, draws)
        if drawn is None:
            raise NoPair(task, "evolution", "no_operation")
        evolved = yield from evolve(seed.seed_id, turn, number, *drawn, plan)
        if evolved is None:
            raise NoPair(task, "evolution", "no_instruction")
        instruction, requirement, evolved_by = evolved
        by = "appended" if "appended" in (task.evolved_by, evolved_by) else evolved_by
        in_force = (*task.requirements, requirement)
        task = replace(task, instruction=instruction, requirements=in_force, evolved_by=by)
    if plan.contaminated(task.instruction):
        raise NoPair(task, "evolution", "contaminated")
    return task


def answers(task: Task, sides: Sequence[Side], plan: Plan) -> Steps[list[Candidate]]:
    """The answer of each side, side by side; one with a defect is asked for again, up to `recipe.answers` times."""
    made: dict[str, Candidate] = {}
    for attempt in range(plan.recipe.answers):
        to_ask = [side for side in sides if side.route not in made or made[side.route].defect]
        if not to_ask:
            break
        responses = yield [
            plan.request(
                f"answer/{side.route}",
                task.seed_id,
                task.round,
                attempt,
                side.messages,
                temperature=side.temperature,
                by=side.by,
            )
            for side in to_ask
        ]
        for side, response in zip(to_ask, responses, strict=True):
            made[side.route] = Candidate(side.route, attempt, response.answer, defect(response))
    return [made[side.route] for side in sides]


def check_usable(task: Task, a: Candidate, b: Candidate) -> None:
    """Lets two answers pass that can make a pair.

    Raises:
        NoPair: one of them has a defect, or they say the same.
    """
    for candidate in (a, b):
        if candidate.defect:
            raise NoPair(task, "answer", candidate.defect, (a, b))
    if a.text == b.text:
        raise NoPair(task, "elimination", "repeated", (a, replace(b, defect="repeated")))


def settle(
    task: Task,
    chosen: Candidate,
    rejected: Candidate,
    plan: Plan,
    *,
    gap: int = 1,
    by: str = "",
    rejected_by: str = "",
) -> Steps[Outcome]:
    """The turn and the pair of two answers, when the chosen one meets every requirement.

    What the rejected one misses is told by its rulings; it may be nothing.

    Raises:
        NoPair: they are not usable, or the chosen answer misses a requirement.
    """
    check_usable(task, chosen, rejected)
    about = (task.instruction, task.requirements, task.seed_id, task.round, plan)
    rulings = yield from rule(chosen.text, *about)
    tried = (marked(chosen, rulings), replace(rejected, defect=REJECTED))
    if unmet := tried[0].defect:
        raise NoPair(task, "elimination", unmet, tried)
    missed = yield from rule(rejected.text, *about, in_full=True)
    return paired(task, (chosen, rulings), (rejected, missed), tried, gap=gap, by=by, rejected_by=rejected_by)


def paired(
    task: Task,
    chosen: Held,
    rejected: Held,
    tried: Sequence[Candidate],
    *,
    gap: int = 1,
    by: str = "",
    rejected_by: str = "",
) -> Outcome:
    """The turn and the pair of two answers that were ruled on, with all candidates that were tried for them."""
    (best, rulings), (worse, missed) = chosen, rejected
    turn = Turn(
        round=task.round,
        operation=task.operation,
        instruction=task.instruction,
        response=best.text,
        requirements=task.requirements,
        rulings=rulings,
        evolved_by=task.evolved_by,
        adapted_by=best.route,
        candidates=tuple(tried),
        by=by,
    )
    pair = contrast(task.seed_id, Ruled(EVOLVED, worse.text, missed), turn, gap)
    return turn, replace(pair, by=by, rejected_by=rejected_by)
