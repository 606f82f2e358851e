"""Rounds that stand alone: a task, some answers, one pair. What the methods beside ECD share.

    def run(seed, plan):
        return run_rounds(seed, plan, my_round)

A round is a generator like a chain (`ecd_data.methods.ecd.chain`): it yields requests, is sent their responses, and
returns the accepted turn with its pair, or raises `NoPair`. Its task is the seed's instruction with as many
requirements as the method's options ask for, drawn and worded by ECD's own evolution and judged by its checks and
judge.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ecd_data.core.recipe import AtLeast0
from ecd_data.core.request import Message, Steps
from ecd_data.core.values import REJECTED, Candidate, Chain, Pair, Seed, Turn
from ecd_data.methods.contrast import accept, contrast
from ecd_data.methods.defects import defect, unusable
from ecd_data.methods.ecd.evolution import check_uncontaminated, evolve
from ecd_data.methods.judging import Judged, judge, mark_unmet
from ecd_data.methods.plan import Plan
from ecd_data.methods.task import NoPair, Task, catch

Outcome = tuple[Turn, Pair]


@dataclass(frozen=True)
class Sampling:
    """How one of the answers of a round is asked for.

    route: what rows call it.
    messages: the chat to answer.
    model_name: who is asked; by default the model itself.
    temperature: by default the recipe's.
    """

    route: str
    messages: Sequence[Message]
    model_name: str = ""
    temperature: float | None = None


@dataclass(frozen=True)
class RequirementOptions:
    """The option that all of these methods have.

    requirements: how many requirements are added to each instruction; 0 leaves it as it came.
    """

    requirements: AtLeast0 = 0


def run_rounds(seed: Seed, plan: Plan, run_round: Callable[[Seed, int, Plan], Steps[Outcome]]) -> Steps[Chain]:
    """Run all rounds of a seed, each by `run_round`; a seed that cannot be used is one reject."""
    if reason := unusable(seed, plan):
        reject = NoPair(Task(seed, 0, "", seed.instruction), "seed", reason).reject
        return Chain(seed.seed_id, seed.group, (), (), (reject,))
    turns, pairs, rejects = [], [], []
    for round in range(1, plan.recipe.rounds + 1):
        outcome = yield from catch(run_round(seed, round, plan), Task(seed, round, "", seed.instruction))
        if isinstance(outcome, NoPair):
            rejects.append(outcome.reject)
        else:
            turns.append(outcome[0])
            pairs.append(outcome[1])
    return Chain(seed.seed_id, seed.group, tuple(turns), tuple(pairs), tuple(rejects))


def make_task(seed: Seed, round: int, operation: str, plan: Plan) -> Steps[Task]:
    """Return the seed's instruction with requirements drawn for this round.

    Raises:
        NoPair: too few requirements fit, or the instruction shares words with an evaluation.
    """
    task = Task(seed, round, operation, seed.instruction)
    for attempt in range(plan.options.requirements):
        task = yield from evolve(task, "", plan, attempt)
    check_uncontaminated(task, plan)
    return task


def sample_answers(task: Task, samplings: Sequence[Sampling], plan: Plan) -> Steps[list[Candidate]]:
    """Ask for all answers side by side; one with a defect is asked for again, up to `recipe.answers` times."""
    answers: dict[str, Candidate] = {}
    for attempt in range(plan.recipe.answers):
        open_ = [s for s in samplings if s.route not in answers or answers[s.route].defect]
        if not open_:
            break
        responses = yield [
            replace(
                plan.request(task.place, f"answer/{sampling.route}", attempt, sampling.messages),
                temperature=plan.recipe.temperature if sampling.temperature is None else sampling.temperature,
                model_name=sampling.model_name,
            )
            for sampling in open_
        ]
        for sampling, response in zip(open_, responses, strict=True):
            answers[sampling.route] = Candidate(sampling.route, attempt, response.answer, defect(response))
    return [answers[sampling.route] for sampling in samplings]


def check_usable(task: Task, a: Candidate, b: Candidate) -> None:
    """Raise `NoPair` unless both answers are without a defect and differ."""
    for candidate in (a, b):
        if candidate.defect:
            raise NoPair(task, "answer", candidate.defect, (a, b))
    if a.text == b.text:
        raise NoPair(task, "elimination", "repeated", (a, replace(b, defect="repeated")))


def judge_and_pair(task: Task, chosen: Candidate, rejected: Candidate, plan: Plan, gap: int = 1) -> Steps[Outcome]:
    """Return the turn and the pair of two answers, when the chosen one meets every requirement.

    The rulings on the rejected one say what it misses; it may be nothing.

    Raises:
        NoPair: they are not usable, or the chosen answer misses a requirement.
    """
    check_usable(task, chosen, rejected)
    rulings = yield from judge(chosen.text, task, plan)
    chosen, rejected = mark_unmet(chosen, rulings), replace(rejected, defect=REJECTED)
    if chosen.defect:
        raise NoPair(task, "elimination", chosen.defect, (chosen, rejected))
    missed = yield from judge(rejected.text, task, plan, in_full=True)
    return make_pair(task, Judged(chosen, rulings), Judged(rejected, missed), (chosen, rejected), gap)


def make_pair(task: Task, chosen: Judged, rejected: Judged, candidates: Sequence[Candidate], gap: int = 1) -> Outcome:
    """Return the turn and the pair of two answers that were judged.

    Args:
        candidates: all that were tried for them, the two included.
        gap: distance in rank, where the method has ranks.
    """
    return accept(task, chosen, candidates), contrast(task, chosen, rejected, gap)


def written_by(outcome: Outcome, chosen: str, rejected: str) -> Outcome:
    """Return the turn and the pair with the names of the models that wrote the two answers."""
    turn, pair = outcome
    named = replace(pair, model_name=chosen, rejected_model_name=rejected)
    return replace(turn, model_name=chosen), named
