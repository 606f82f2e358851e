"""Pairs by strength: the same instruction answered by models of different strength; the stronger one's is chosen.

    python -m ecd_data.publish YOU/strength --builder strength --recipe strength.yaml --seeds seeds.jsonl \\
        --endpoint strong=http://gpu1:8080 --endpoint mid=http://gpu2:8080 --endpoint weak=http://gpu3:8080

with `options: {ranking: [strong, mid, weak]}` in the recipe. Automatic Pair Construction for Contrastive Post-training
(Xu et al., arXiv 2310.02263, Findings of NAACL 2024). `gap` in a row is the distance in rank, so that
`trainers/curriculum.py` goes from easy pairs (far apart) to hard ones (neighbours).

Certain (the paper's abstract): pairs are made of models ranked by strength (GPT-4 above ChatGPT above InstructGPT),
and a curriculum from easy pairs to hard ones helps. From memory of the paper: a wide contrast is the easy one, answers
are not looked at, and AI feedback on the answers of one model is what this is compared with. Ours:

- A round is one contrast of two ranks. The contrasts of one sampling come in an order drawn for the seed, so a recipe
  whose `rounds` are fewer than there are contrasts still has all of them; with more rounds the models answer anew.
- `judge`: the judge sees both answers in both orders, and a pair whose weaker answer wins in both is dropped
  (`contrast/weaker_is_better` among the rejects; manifest and card have their number).
- `rlaif`: two answers of the one model behind `--endpoint URL`, labelled by the judge in both orders; where they do
  not agree there is no pair (`contrast/judge_undecided`).
- `systems` and `temperatures`, by rank, can stand in for strength where there is one model: give all names its URL.
- With `requirements`, chosen must meet all of them, checked as ECD's are; what rejected misses is in the row.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import combinations

from ecd_data.core.errors import CallFailed, RecipeError
from ecd_data.core.recipe import Temperature
from ecd_data.core.request import JUDGE, MODEL_NAME, Steps
from ecd_data.core.rng import keyed_rng
from ecd_data.core.values import Candidate, Chain, Seed
from ecd_data.methods.method import Method
from ecd_data.methods.plan import Plan
from ecd_data.methods.preference import prefer
from ecd_data.methods.rounds import (
    Outcome,
    RequirementOptions,
    Sampling,
    judge_and_pair,
    make_task,
    run_rounds,
    sample_answers,
    written_by,
)
from ecd_data.methods.task import NoPair, Task

Sample = tuple[Task, dict[str, Candidate]] | NoPair | CallFailed  # a task with the answers to it, or why there is none


@dataclass(frozen=True)
class Options(RequirementOptions):
    """Parameters of the method.

    ranking: the names of the models, the strongest first.
    systems: a system prompt for some of them, instead of the recipe's.
    temperatures: a temperature for some of them, instead of the recipe's.
    judge: whether the judge drops pairs whose weaker answer wins.
    rlaif: two answers of one model, labelled by the judge, instead of a ranking.
    """

    ranking: tuple[str, ...] = ("strong", "weak")
    systems: Mapping[str, str] = field(default_factory=dict)
    temperatures: Mapping[str, Temperature] = field(default_factory=dict)
    judge: bool = False
    rlaif: bool = False

    def __post_init__(self) -> None:
        names = [name for name in {*self.ranking} if name != JUDGE and re.fullmatch(MODEL_NAME, name)]
        if len(names) < 2 or len(names) < len(self.ranking):
            raise RecipeError(
                f"recipe: options.ranking is {list(self.ranking)}; it names two models or more, each once in small "
                "letters, the strongest first."
            )
        for name in ("systems", "temperatures"):
            if unknown := sorted(getattr(self, name).keys() - {*self.ranking}):
                raise RecipeError(f"recipe: options.{name} names {unknown[0]!r}, which is not in options.ranking.")


def models(options: Options) -> Sequence[str]:
    """Return the models of the ranking, the strongest first; the one that judges its own answers has no name."""
    return [""] if options.rlaif else options.ranking


def run(seed: Seed, plan: Plan) -> Steps[Chain]:
    """Run all rounds of one seed: in each, a contrast of two ranks, or of two answers of one model."""
    samples: dict[int, Sample] = {}
    return run_rounds(seed, plan, run_rlaif_round if plan.options.rlaif else partial(run_round, samples=samples))


def run_round(seed: Seed, round: int, plan: Plan, samples: dict[int, Sample]) -> Steps[Outcome]:
    """Run one round: a stronger and a weaker model's answer of the same sampling.

    Args:
        samples: the samplings of earlier rounds, by the round in which they were made.
    """
    ranking = plan.options.ranking
    first, contrasts = planned_contrasts(seed, round, plan)
    stronger, weaker = contrasts[round - first]
    if first not in samples:
        last = plan.recipe.rounds - first  # the last sampling may need fewer models
        needed = {name for contrast in contrasts[: last + 1] for name in contrast}
        samples[first] = yield from _sample(seed, first, [name for name in ranking if name in needed], plan)
    task = Task(seed, round, f"strength/{stronger}-{weaker}", seed.instruction)
    sample = samples[first]
    if isinstance(sample, CallFailed):
        raise sample
    if isinstance(sample, NoPair):
        raise NoPair(replace(task, instruction=sample.reject.instruction), sample.reject.step, sample.reject.reason)
    task, answers = replace(sample[0], round=round, operation=task.operation), sample[1]
    chosen, rejected = answers[stronger], answers[weaker]
    if plan.options.judge and (yield from prefer(task, chosen, rejected, plan)) is rejected:
        raise NoPair(task, "contrast", "weaker_is_better", (chosen, rejected))
    gap = ranking.index(weaker) - ranking.index(stronger)
    return written_by((yield from judge_and_pair(task, chosen, rejected, plan, gap)), stronger, weaker)


def planned_contrasts(seed: Seed, round: int, plan: Plan) -> tuple[int, list[tuple[str, str]]]:
    """Return the first round of the sampling that a round is of, and the contrasts of that sampling in their order."""
    contrasts = list(combinations(plan.options.ranking, 2))
    first = round - (round - 1) % len(contrasts)
    keyed_rng(plan.recipe.seed, seed.seed_id, first, 0, "contrast").shuffle(contrasts)
    return first, contrasts


def _sample(seed: Seed, first: int, names: Sequence[str], plan: Plan) -> Steps[Sample]:
    """Return a task and the answers of some models to it, or what stopped that, since nothing is asked twice."""
    options = plan.options
    try:
        task = yield from make_task(seed, first, "", plan)
        samplings = [
            Sampling(
                name,
                plan.chat(task.instruction, system=options.systems.get(name)),
                model_name=name,
                temperature=options.temperatures.get(name),
            )
            for name in names
        ]
        answers = yield from sample_answers(task, samplings, plan)
    except (NoPair, CallFailed) as stopped:
        return stopped
    return task, {answer.route: answer for answer in answers}


def run_rlaif_round(seed: Seed, round: int, plan: Plan) -> Steps[Outcome]:
    """Run one round of AI feedback: two answers of one model, and the judge says which is better."""
    task = yield from make_task(seed, round, "strength/rlaif", plan)
    a, b = yield from sample_answers(task, [Sampling(name, plan.chat(task.instruction)) for name in ("a", "b")], plan)
    better = yield from prefer(task, a, b, plan)
    if better is None:
        raise NoPair(task, "contrast", "judge_undecided", (a, b))
    return (yield from judge_and_pair(task, better, b if better is a else a, plan))


STRENGTH = Method(
    "strength", "Automatic Pair Construction for Contrastive Post-training", "2310.02263", Options, run, models
)
