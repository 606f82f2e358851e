"""Pairs by strength: the same instruction answered by models of different strength; the stronger one's is chosen.

    python -m ecd_data.publish YOU/strength --builder strength --recipe strength.yaml --seeds seeds.jsonl \\
        --endpoint strong=http://gpu1:8080 --endpoint mid=http://gpu2:8080 --endpoint weak=http://gpu3:8080

with `options: {ranking: [strong, mid, weak]}` in the recipe. Automatic Pair Construction for Contrastive Post-training
(Xu et al., arXiv 2310.02263, Findings of NAACL 2024). One row of `preference` (shortened); `gap` is the distance in
rank, so that `trainers/curriculum.py` goes from easy pairs (far apart) to hard ones (neighbours):

    {"id": "5f0c...-r3-g2", "prompt": [{"role": "user", "content": "Name a fruit."}], "chosen": [...],
     "rejected": [...], "operation": "strength/strong-weak", "gap": 2, "adapted_by": "strong",
     "model": "org/strong@sha", "rejected_model": "org/weak@sha", ...}

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

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import combinations

from datasets import Features

from builders.base import Builder
from builders.rows import FEATURES, TEXT, Row, chain_rows
from ecd_data.errors import CallFailed, RecipeError
from ecd_data.method.plan import Plan
from ecd_data.method.preference import prefer
from ecd_data.method.rounds import (
    NoPair,
    Outcome,
    Side,
    Task,
    WithRequirements,
    answers,
    check_usable,
    make_task,
    rounds,
    settle,
)
from ecd_data.request import JUDGE, MODEL_NAME, Steps
from ecd_data.rng import keyed
from ecd_data.values import Candidate, Chain, Seed

A, B = "a", "b"  # the two answers of one model that the judge labels
Sample = tuple[Task, dict[str, Candidate]] | NoPair | CallFailed  # a task with the answers to it, or why there is none


@dataclass(frozen=True)
class Options(WithRequirements):
    """Parameters of the method.

    ranking: the names of the models, the strongest first.
    systems: a system prompt for some of them, instead of the recipe's.
    temperatures: a temperature for some of them, instead of the recipe's.
    judge: whether the judge drops pairs whose weaker answer wins.
    rlaif: two answers of one model, labelled by the judge, instead of a ranking.
    """

    ranking: tuple[str, ...] = ("strong", "weak")
    systems: Mapping[str, str] = field(default_factory=dict)
    temperatures: Mapping[str, float] = field(default_factory=dict)
    judge: bool = False
    rlaif: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        names = [name for name in {*self.ranking} if name != JUDGE and re.fullmatch(MODEL_NAME, name)]
        if len(names) < 2 or len(names) < len(self.ranking):
            raise RecipeError(
                f"recipe: options.ranking is {list(self.ranking)}; it names two models or more, each once in small "
                "letters, the strongest first."
            )
        for name in ("systems", "temperatures"):
            if unknown := sorted(getattr(self, name).keys() - {*self.ranking}):
                raise RecipeError(f"recipe: options.{name} names {unknown[0]!r}, which is not in options.ranking.")


class Strength(Builder):
    """Chosen is the answer of the stronger model, rejected that of the weaker one."""

    NAME = "strength"
    PAPER = ("Automatic Pair Construction for Contrastive Post-training", "2310.02263")
    OPTIONS = Options
    FEATURES = {**FEATURES, "preference": Features({**FEATURES["preference"], "rejected_model": TEXT})}  # noqa: RUF012

    @staticmethod
    def asks(options: Options) -> Sequence[str]:
        """The models of the ranking, the strongest first; the one that judges its own answers has no name."""
        return [""] if options.rlaif else options.ranking

    @staticmethod
    def run(seed: Seed, plan: Plan) -> Steps[Chain]:
        """All rounds of one seed: in each, a contrast of two ranks, or of two answers of one model."""
        samples: dict[int, Sample] = {}
        return rounds(seed, plan, labelled if plan.options.rlaif else partial(ranked, samples=samples))

    @staticmethod
    def rows(chain: Chain, models: Mapping[str, str]) -> dict[str, list[Row]]:
        """The rows of one chain, each pair with the model of its rejected answer too."""
        rows = chain_rows(chain, models)
        for row, pair in zip(rows["preference"], chain.pairs, strict=True):
            row["rejected_model"] = models[pair.rejected_by]
        return rows


def ranked(seed: Seed, number: int, plan: Plan, samples: dict[int, Sample]) -> Steps[Outcome]:
    """One round: a stronger and a weaker model's answer of the same sampling; `samples` remembers those of before."""
    ranking = plan.options.ranking
    first, contrasts = planned(seed, number, plan)
    stronger, weaker = contrasts[number - first]
    if first not in samples:
        last = plan.recipe.rounds - first  # the last sampling may need fewer models
        needed = {name for contrast in contrasts[: last + 1] for name in contrast}
        samples[first] = yield from sampled(seed, first, [name for name in ranking if name in needed], plan)
    task = Task(seed.seed_id, number, f"strength/{stronger}-{weaker}", seed.instruction)
    sample = samples[first]
    if isinstance(sample, CallFailed):
        raise sample
    if isinstance(sample, NoPair):
        raise NoPair(replace(task, instruction=sample.reject.instruction), sample.reject.step, sample.reject.reason)
    task, found = replace(sample[0], round=number, operation=task.operation), sample[1]
    chosen, rejected = found[stronger], found[weaker]
    check_usable(task, chosen, rejected)
    if plan.options.judge:
        judged = yield from prefer(task.instruction, chosen.text, rejected.text, seed.seed_id, number, plan)
        if judged.winner == "b":
            raise NoPair(task, "contrast", "weaker_is_better", (chosen, rejected))
    gap = ranking.index(weaker) - ranking.index(stronger)
    return (yield from settle(task, chosen, rejected, plan, gap=gap, by=stronger, rejected_by=weaker))


def planned(seed: Seed, number: int, plan: Plan) -> tuple[int, list[tuple[str, str]]]:
    """The first round of the sampling that a round is of, and the contrasts of that sampling in their order."""
    contrasts = list(combinations(plan.options.ranking, 2))
    first = number - (number - 1) % len(contrasts)
    keyed(plan.recipe.seed, seed.seed_id, first, 0, "contrast").shuffle(contrasts)
    return first, contrasts


def sampled(seed: Seed, first: int, names: Sequence[str], plan: Plan) -> Steps[Sample]:
    """A task and the answers of some models to it; what stopped that is kept too, since nothing is asked twice."""
    options = plan.options
    try:
        task = yield from make_task(seed, first, "", plan)
        sides = [
            Side(
                name,
                tuple(plan.chat(task.instruction, system=options.systems.get(name))),
                by=name,
                temperature=options.temperatures.get(name),
            )
            for name in names
        ]
        found = yield from answers(task, sides, plan)
    except (NoPair, CallFailed) as stopped:
        return stopped
    return task, {answer.route: answer for answer in found}


def labelled(seed: Seed, number: int, plan: Plan) -> Steps[Outcome]:
    """One round of AI feedback: two answers of one model, and the judge says which is better."""
    task = yield from make_task(seed, number, "strength/rlaif", plan)
    a, b = yield from answers(task, [Side(name, tuple(plan.chat(task.instruction))) for name in (A, B)], plan)
    check_usable(task, a, b)
    judged = yield from prefer(task.instruction, a.text, b.text, seed.seed_id, number, plan)
    if not judged.winner:
        raise NoPair(task, "contrast", "judge_undecided", (a, b))
    chosen, rejected = (a, b) if judged.winner == "a" else (b, a)
    return (yield from settle(task, chosen, rejected, plan))
