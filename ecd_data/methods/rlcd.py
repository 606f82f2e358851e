"""RLCD: two answers of one model, asked to be good in a way and to be bad in it; the asking is the label.

    python -m ecd_data.publish YOU/rlcd --builder rlcd --seeds seeds.jsonl --endpoint http://localhost:8080

Reinforcement Learning from Contrastive Distillation (Yang et al., arXiv 2307.12950, ICLR 2024).

Certain (the paper and its released generator): a positive and a negative affix that match are drawn together, each
answer is sampled under its own at the same settings, the label is by construction, and a variant lets a model label
the same pairs again. Ours:

- The paper puts the affix into the prefix of a base model's answer, "Assistant (giving a helpful response):". A chat
  model is asked the same in a line of its own behind the instruction, as close to the answer as a message can be. A
  very weak model now and then talks about that line. The published prompt has no affix.
- The wordings of `rlcd.yaml`, and two ways to differ that the paper does not have: `instruction_following`, `concise`.
- `rescore`: the judge sees both answers in both orders. Where both orders agree on the negative answer, the pair is
  swapped (`adapted_by` is `negative`, and counted so); where they do not agree, the label by construction stays.
- With `requirements`, chosen must meet all of them, checked as ECD's are; what rejected misses is in the row.
"""

from dataclasses import dataclass

from ecd_data.core.errors import RecipeError
from ecd_data.core.request import Steps
from ecd_data.core.rng import keyed_rng
from ecd_data.core.templates import read_yaml
from ecd_data.core.values import Chain, Seed
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
)

SIDES = ("positive", "negative")


@dataclass(frozen=True)
class Options(RequirementOptions):
    """Parameters of the method.

    affixes: the ways to differ to draw from, of `rlcd.yaml`.
    rescore: whether the judge labels the pairs again.
    """

    affixes: tuple[str, ...] = ("helpful", "harmless", "instruction_following", "concise")
    rescore: bool = False

    def __post_init__(self) -> None:
        if not self.affixes or {*self.affixes} - affixes().keys():
            raise RecipeError(
                f"recipe: options.affixes is {list(self.affixes)}; the choices are {', '.join(affixes())}."
            )


def run(seed: Seed, plan: Plan) -> Steps[Chain]:
    """Run all rounds of one seed: in each, an affix is drawn."""
    return run_rounds(seed, plan, run_round)


def run_round(seed: Seed, round: int, plan: Plan) -> Steps[Outcome]:
    """Run one round: both answers, their label, and the pair that they make."""
    rng = keyed_rng(plan.recipe.seed, seed.seed_id, round, 0, "affix")
    name = rng.choice(plan.options.affixes)
    affix = rng.choice(affixes()[name])
    task = yield from make_task(seed, round, f"rlcd/{name}", plan)
    samplings = [Sampling(side, plan.chat(f"{task.instruction}\n\n({affix[side]})")) for side in SIDES]
    chosen, rejected = yield from sample_answers(task, samplings, plan)
    if plan.options.rescore and (yield from prefer(task, chosen, rejected, plan)) is rejected:
        chosen, rejected = rejected, chosen
    return (yield from judge_and_pair(task, chosen, rejected, plan))


def affixes() -> dict[str, list[dict[str, str]]]:
    """Return the affixes by what they differ in: pairs of a positive and a negative one."""
    return dict(read_yaml("ecd_data.methods", "rlcd.yaml"))


RLCD = Method("rlcd", "Reinforcement Learning from Contrastive Distillation", "2307.12950", Options, run)
