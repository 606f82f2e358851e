"""PAD: a few answers of a student, and how a teacher's preference is spread over them.

    python -m ecd_data.publish YOU/pad --builder pad --seeds seeds.jsonl \\
        --endpoint student=http://localhost:8080 --endpoint teacher=http://localhost:8081

Preference-Aligned Distillation (Gu et al., arXiv 2502.14272, Findings of ACL 2025). One row of `ranking` (shortened),
the default config, as `trainers/pad.py` takes it:

    {"id": "5f0c...-r1", "prompt": [{"role": "user", "content": "Name a fruit."}], "responses": [[...], [...], [...]],
     "teacher_scores": [-0.22, -0.92, -1.20], "preference": [0.53, 0.27, 0.20], "method": "selection",
     "comparisons": [{"first": 0, "second": 1, "a": 0.7, "b": 0.25, "none": 0.05}, ...], "likelihoods": [], ...}

`preference` has a pair of each: what the teacher prefers most and least.

Certain (the paper's released code): 4 samples of the student at temperature 1; the teacher chooses between every two
of them by the probabilities of the option tokens A and B of a reply of one token, with None as a third option; the
score of an answer is the logarithm of its mean probability over its pairs; that may be mixed with its mean
log-probability per token under the teacher, alpha * likelihood + (1 - alpha) * selection, with alpha = 0 in the
released settings.
Ours:

- Every pair is shown in both orders, where the released code shows one. The mean of both counts, and how much the
  order weighs is told in manifest and card; `comparisons` has all of it, for whoever wants to count otherwise.
- The options' probabilities are made to sum to 1, and None goes half to each side; the released code leaves them as
  they are, which makes answers that are much like another one count for little. They are sought among 5 tokens, all
  that TGI tells, where the released code has 20; an option that is not there counts as 0.
- `preference` is the scores' softmax. The sharpening by beta = 10 is the trainer's.
- Answers of the same text count once, and what a check finds broken not at all; fewer than two are a reject.
- With `requirements`, each row says which of them every answer meets, and what the teacher prefers must meet all.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

from datasets import Features, List, Value

from builders.base import Builder
from builders.rows import FEATURES, INT, MESSAGES, REQUIREMENTS, TEXT, Row, chain_rows, requirement_rows, said
from ecd_data.errors import RecipeError
from ecd_data.method.elimination import defect, main_defect
from ecd_data.method.plan import Plan
from ecd_data.method.ranking import Comparison, compare, distribution, likelihoods, teacher_scores
from ecd_data.method.rounds import NoPair, Outcome, Task, WithRequirements, make_task, paired, rounds
from ecd_data.method.ruling import Rulings, marked, rule
from ecd_data.request import Steps
from ecd_data.values import REJECTED, STUDENT, Candidate, Chain, Seed

TEACHER = "teacher"
MOST = 4  # answers in a row: the trainer's distribution is over all of their rankings
FLOAT, BOOL = Value("float64"), Value("bool")

RANKING = Features(
    {
        "id": TEXT,
        "prompt": MESSAGES,
        "responses": List(MESSAGES),
        "teacher_scores": List(FLOAT),
        "preference": List(FLOAT),
        "method": TEXT,
        "comparisons": List({"first": INT, "second": INT, "a": FLOAT, "b": FLOAT, "none": FLOAT}),
        "likelihoods": List(FLOAT),
        "seed_id": TEXT,
        "round": INT,
        "operation": TEXT,
        "requirements": REQUIREMENTS,
        "met": List(List(BOOL)),
        "votes": List(List(FLOAT)),
        "model": TEXT,
        "teacher": TEXT,
    }
)


@dataclass(frozen=True)
class Options(WithRequirements):
    """Parameters of the method.

    samples: answers of the student to each prompt.
    temperature: of their sampling; high, so that they differ.
    alpha: weight of the likelihood in the teacher's score: 0 is selection alone, 1 likelihood alone.
    """

    samples: int = 4
    temperature: float = 1.0
    alpha: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 2 <= self.samples <= MOST:
            raise RecipeError(
                f"recipe: options.samples is {self.samples}; it must lie between 2 and {MOST}, since the training is "
                "on the distribution over all n! rankings of n answers."
            )
        if not 0 < self.temperature <= 2:
            raise RecipeError(
                f"recipe: options.temperature is {self.temperature}; it must lie above 0, where all samples would be "
                "the same, and be at most 2."
            )
        if not 0 <= self.alpha <= 1:
            raise RecipeError(
                f"recipe: options.alpha is {self.alpha}; it must lie between 0 (selection) and 1 (likelihood)."
            )

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


class Pad(Builder):
    """The student answers a few times, and the teacher tells how much it prefers each answer."""

    NAME = "pad"
    PAPER = ("Preference-Aligned Distillation", "2502.14272")
    OPTIONS = Options
    FEATURES: ClassVar = {**FEATURES, "ranking": RANKING}
    DEFAULT_CONFIG_NAME = "ranking"

    @staticmethod
    def asks(options: Options) -> Sequence[str]:
        """The student, whose answers the rows hold, and the teacher."""
        return [STUDENT, TEACHER]

    @staticmethod
    def run(seed: Seed, plan: Plan) -> Steps[Chain]:
        """All rounds of one seed: each ranks answers to it anew."""
        ranked: list[Ranking] = []

        def one(seed: Seed, number: int, plan: Plan) -> Steps[Outcome]:
            ranking, outcome = yield from rank(seed, number, plan)
            ranked.append(ranking)
            return outcome

        chain = yield from rounds(seed, plan, one)
        fields = {field.name: getattr(chain, field.name) for field in dataclasses.fields(chain)}
        return RankedChain(**fields, rankings=tuple(ranked))

    @staticmethod
    def rows(chain: Chain, models: Mapping[str, str]) -> dict[str, list[Row]]:
        """The rows of one chain, per config, with the models of the names in it."""
        rankings = chain.rankings if isinstance(chain, RankedChain) else ()
        return {**chain_rows(chain, models), "ranking": [_row(ranking, models) for ranking in rankings]}


def rank(seed: Seed, number: int, plan: Plan) -> Steps[tuple[Ranking, Outcome]]:
    """One round: the student's answers, the teacher's preference, and the pair of its extremes.

    Raises:
        NoPair: fewer than two answers are left, the teacher prefers none or was not understood, or what it prefers
            misses a requirement.
    """
    options: Options = plan.options
    task = yield from make_task(seed, number, f"pad/{options.method}", plan)
    made = yield from samples(task, plan)
    sound = [candidate for candidate in made if not candidate.defect]
    if len(sound) < 2:
        raise NoPair(task, "answer", main_defect([c for c in made if c.defect]), made)

    answers, about = [candidate.text for candidate in sound], (TEACHER, task.seed_id, task.round, plan)
    comparisons: list[Comparison] = []
    likely: list[float] = []
    if options.alpha < 1:
        comparisons = yield from compare(task.instruction, answers, *about)
    if options.alpha > 0:
        likely = yield from likelihoods(plan.chat(task.instruction), answers, *about)
    scores = teacher_scores(comparisons, likely, options.alpha, len(answers))
    if scores is None:
        raise NoPair(task, "contrast", "unreadable", made)
    preference = distribution(scores)
    best, worst = preference.index(max(preference)), preference.index(min(preference))
    if best == worst:
        raise NoPair(task, "contrast", "undecided", made)

    rulings = []
    for text in answers:
        ruled = yield from rule(
            text, task.instruction, task.requirements, task.seed_id, task.round, plan, in_full=True
        )
        rulings.append(ruled)
    chosen, rejected = marked(sound[best], rulings[best]), replace(sound[worst], defect=REJECTED)
    tried = [chosen if c is sound[best] else rejected if c is sound[worst] else c for c in made]
    if chosen.defect:
        raise NoPair(task, "elimination", chosen.defect, tried)
    ranking = Ranking(task, answers, comparisons, likely, scores, preference, rulings)
    sides = (chosen, rulings[best]), (rejected, rulings[worst])
    return ranking, paired(task, *sides, tried, by=STUDENT, rejected_by=STUDENT)


def samples(task: Task, plan: Plan) -> Steps[list[Candidate]]:
    """The student's answers, those that are broken or repeat another one marked."""
    responses = yield [
        plan.request(
            "sample",
            task.seed_id,
            task.round,
            attempt,
            plan.chat(task.instruction),
            temperature=plan.options.temperature,
            by=STUDENT,
        )
        for attempt in range(plan.options.samples)
    ]
    made: list[Candidate] = []
    for attempt, response in enumerate(responses):
        repeated = any(response.answer == other.text for other in made)
        made.append(
            Candidate("sample", attempt, response.answer, defect(response) or ("repeated" if repeated else ""))
        )
    return made


def _row(ranking: Ranking, models: Mapping[str, str]) -> dict[str, Any]:
    task = ranking.task
    return {
        "id": f"{task.seed_id}-r{task.round}",
        "prompt": said("user", task.instruction),
        "responses": [said("assistant", answer) for answer in ranking.answers],
        "teacher_scores": ranking.scores,
        "preference": ranking.preference,
        "method": task.operation.removeprefix("pad/"),
        "comparisons": [asdict(comparison) for comparison in ranking.comparisons],
        "likelihoods": ranking.likelihoods,
        "seed_id": task.seed_id,
        "round": task.round,
        "operation": task.operation,
        "requirements": requirement_rows(task.requirements),
        "met": [[ruling.met for ruling in rulings] for rulings in ranking.rulings],
        "votes": [[ruling.votes for ruling in rulings] for rulings in ranking.rulings],
        "model": models[STUDENT],
        "teacher": models[TEACHER],
    }
