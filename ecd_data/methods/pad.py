"""PAD: a few answers of a student, and how a teacher's preference is spread over them.

    python -m ecd_data.publish YOU/pad --builder pad --seeds seeds.jsonl \\
        --endpoint student=http://localhost:8080 --endpoint teacher=http://localhost:8081

Preference-Aligned Distillation (Gu et al., arXiv 2502.14272, Findings of ACL 2025).

Certain (the paper's released code): 4 samples of the student at temperature 1; the teacher chooses between every two
of them by the probabilities of the option tokens A and B of a reply of one token, with None as a third option; the
score of an answer is the logarithm of its mean probability over its pairs; that may be mixed with its mean
log-probability per token under the teacher, alpha * likelihood + (1 - alpha) * selection, with alpha = 0 in the
released settings.
Ours:

- Every pair is shown in both orders, where the released code shows one. The mean of both counts, and manifest and card
  say how much the order weighs; `comparisons` has all of it, for whoever wants to count otherwise.
- The options' probabilities are made to sum to 1, and None goes half to each side; the released code leaves them as
  they are, which makes answers that are much like another one count for little. They are sought among 5 tokens, all
  that TGI returns, where the released code has 20; an option that is not there counts as 0.
- `preference` is the scores' softmax. The sharpening by beta = 10 is the trainer's.
- Answers of the same text count once, and what a check finds broken not at all; fewer than two are a reject.
- With `requirements`, each row says which of them every answer meets, and what the teacher prefers must meet all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Annotated

from msgspec import Meta

from ecd_data.core.recipe import Share
from ecd_data.core.request import Steps
from ecd_data.core.values import REJECTED, STUDENT, Candidate, Chain, Seed
from ecd_data.methods.defects import defect, main_defect
from ecd_data.methods.judging import Judged, Rulings, judge, mark_unmet
from ecd_data.methods.method import Method
from ecd_data.methods.plan import Plan
from ecd_data.methods.rounds import Outcome, RequirementOptions, make_pair, make_task, run_rounds, written_by
from ecd_data.methods.task import NoPair, Task
from ecd_data.methods.teacher import TEACHER, Comparison, compare, distribution, likelihoods, teacher_scores

MOST_SAMPLES = 4  # the training is on the distribution over all n! rankings of n answers


@dataclass(frozen=True)
class Options(RequirementOptions):
    """Parameters of the method.

    samples: answers of the student to each prompt.
    temperature: of their sampling; high, so that they differ (at 0 all would be the same).
    alpha: weight of the likelihood in the teacher's score: 0 is selection alone, 1 likelihood alone.
    """

    samples: Annotated[int, Meta(ge=2, le=MOST_SAMPLES)] = 4
    temperature: Annotated[float, Meta(gt=0, le=2)] = 1.0
    alpha: Share = 0.0

    @property
    def method(self) -> str:
        """What the teacher's scores are made of."""
        if 0 < self.alpha < 1:
            return "mix"
        return "likelihood" if self.alpha else "selection"


@dataclass(frozen=True, slots=True)
class Ranking:
    """A task's answers, what the teacher makes of them, and the rulings on each."""

    task: Task
    answers: Sequence[str]
    comparisons: Sequence[Comparison]
    likelihoods: Sequence[float]
    scores: Sequence[float]
    preference: Sequence[float]
    rulings: Sequence[Rulings]


@dataclass(frozen=True, slots=True)
class RankedChain(Chain):
    """A chain with the ranking of each round that gave one."""

    rankings: tuple[Ranking, ...] = ()


def models(options: Options) -> Sequence[str]:
    """Return the student, whose answers the rows hold, and the teacher."""
    return [STUDENT, TEACHER]


def run(seed: Seed, plan: Plan) -> Steps[Chain]:
    """Run all rounds of one seed: each ranks answers to it anew."""
    rankings: list[Ranking] = []

    def run_round(seed: Seed, round: int, plan: Plan) -> Steps[Outcome]:
        ranking, outcome = yield from rank(seed, round, plan)
        rankings.append(ranking)
        return outcome

    chain = yield from run_rounds(seed, plan, run_round)
    return RankedChain(**{field.name: getattr(chain, field.name) for field in fields(chain)}, rankings=tuple(rankings))


def rank(seed: Seed, round: int, plan: Plan) -> Steps[tuple[Ranking, Outcome]]:
    """Run one round: the student's answers, the teacher's preference, and the pair of its extremes.

    Raises:
        NoPair: fewer than two answers are left, the teacher prefers none or was not understood, or what it prefers
            misses a requirement.
    """
    task = yield from make_task(seed, round, f"pad/{plan.options.method}", plan)
    samples = yield from _sample(task, plan)
    sound = [candidate for candidate in samples if not candidate.defect]
    if len(sound) < 2:
        raise NoPair(task, "answer", main_defect([c for c in samples if c.defect]), samples)
    ranking = yield from _ask_teacher(task, samples, [candidate.text for candidate in sound], plan)
    best = ranking.preference.index(max(ranking.preference))
    worst = ranking.preference.index(min(ranking.preference))
    chosen, rejected = mark_unmet(sound[best], ranking.rulings[best]), replace(sound[worst], defect=REJECTED)
    marked = {id(sound[best]): chosen, id(sound[worst]): rejected}
    candidates = [marked.get(id(candidate), candidate) for candidate in samples]
    if chosen.defect:
        raise NoPair(task, "elimination", chosen.defect, candidates)
    sides = Judged(chosen, ranking.rulings[best]), Judged(rejected, ranking.rulings[worst])
    return ranking, written_by(make_pair(task, *sides, candidates), STUDENT, STUDENT)


def _ask_teacher(task: Task, samples: Sequence[Candidate], answers: Sequence[str], plan: Plan) -> Steps[Ranking]:
    """Return the teacher's preference over some answers, and the rulings on each.

    Raises:
        NoPair: the teacher was not understood, or prefers none of them.
    """
    alpha = plan.options.alpha
    comparisons = (yield from compare(task, answers, plan)) if alpha < 1 else []
    likely = (yield from likelihoods(task, answers, plan)) if alpha > 0 else []
    scores = teacher_scores(comparisons, likely, alpha, len(answers))
    if scores is None:
        raise NoPair(task, "contrast", "unreadable", samples)
    preference = distribution(scores)
    if len(set(preference)) == 1:
        raise NoPair(task, "contrast", "undecided", samples)
    rulings = []
    for text in answers:
        rulings.append((yield from judge(text, task, plan, in_full=True)))
    return Ranking(task, answers, comparisons, likely, scores, preference, rulings)


def _sample(task: Task, plan: Plan) -> Steps[list[Candidate]]:
    """Return the student's answers; those that are broken or repeat another one are marked."""
    responses = yield [
        replace(
            plan.request(task.place, "sample", attempt, plan.chat(task.instruction)),
            temperature=plan.options.temperature,
            model_name=STUDENT,
        )
        for attempt in range(plan.options.samples)
    ]
    samples: list[Candidate] = []
    for attempt, response in enumerate(responses):
        repeated = any(response.answer == other.text for other in samples)
        reason = defect(response) or ("repeated" if repeated else "")
        samples.append(Candidate("sample", attempt, response.answer, reason))
    return samples


PAD = Method("pad", "Preference-Aligned Distillation", "2502.14272", Options, run, models, default_config="ranking")
