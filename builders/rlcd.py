"""RLCD: two answers of one model, asked to be good in a way and to be bad in it; the asking is the label.

    python -m ecd_data.publish YOU/rlcd --builder rlcd --seeds seeds.jsonl --endpoint http://localhost:8080

Reinforcement Learning from Contrastive Distillation (Yang et al., arXiv 2307.12950, ICLR 2024). One row of
`preference` (shortened); the published prompt has no affix:

    {"id": "5f0c...-r1", "prompt": [{"role": "user", "content": "How do I plan a quiet Sunday?"}],
     "chosen": [...], "rejected": [...], "operation": "rlcd/concise", "adapted_by": "positive", "gap": 1, ...}

Certain (the paper and its released generator): a positive and a negative affix that match are drawn together, each
answer is sampled under its own at the same settings, the label is by construction, and a variant lets a model label
the same pairs again. Ours:

- The paper puts the affix into the prefix of a base model's answer, "Assistant (giving a helpful response):". A chat
  model is told the same in a line of its own behind the instruction, as close to the answer as a message can be. A
  very weak model now and then talks about that line.
- The wordings of `rlcd.yaml`, and two ways to differ that the paper does not have: `instruction_following`, `concise`.
- `rescore`: the judge sees both answers in both orders. Where both orders agree on the negative answer, the pair is
  swapped (`adapted_by` is `negative`, and counted so); where they do not agree, the label by construction stays.
- With `requirements`, chosen must meet all of them, checked as ECD's are; what rejected misses is in the row.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources

import yaml

from builders.base import Builder
from ecd_data.errors import RecipeError
from ecd_data.method.plan import Plan
from ecd_data.method.preference import prefer
from ecd_data.method.rounds import Outcome, Side, WithRequirements, answers, check_usable, make_task, rounds, settle
from ecd_data.request import Steps
from ecd_data.rng import keyed
from ecd_data.values import Chain, Seed

POSITIVE, NEGATIVE = "positive", "negative"


@dataclass(frozen=True)
class Options(WithRequirements):
    """Parameters of the method.

    affixes: the ways to differ to draw from, of `rlcd.yaml`.
    rescore: whether the judge labels the pairs again.
    """

    affixes: tuple[str, ...] = ("helpful", "harmless", "instruction_following", "concise")
    rescore: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.affixes or (unknown := sorted({*self.affixes} - affixes().keys())):
            named = ", ".join(unknown) if self.affixes else "none"
            raise RecipeError(f"recipe: options.affixes names {named}; there are {', '.join(affixes())}.")


class Rlcd(Builder):
    """Chosen is the answer under a positive affix, rejected that under the matching negative one."""

    NAME = "rlcd"
    PAPER = ("Reinforcement Learning from Contrastive Distillation", "2307.12950")
    OPTIONS = Options

    @staticmethod
    def run(seed: Seed, plan: Plan) -> Steps[Chain]:
        """All rounds of one seed: in each, an affix is drawn."""
        return rounds(seed, plan, contrast)


def contrast(seed: Seed, number: int, plan: Plan) -> Steps[Outcome]:
    """One round: both answers, their label, and the pair that they make."""
    rng = keyed(plan.recipe.seed, seed.seed_id, number, 0, "affix")
    name = rng.choice(plan.options.affixes)
    affix = rng.choice(affixes()[name])
    task = yield from make_task(seed, number, f"rlcd/{name}", plan)
    sides = [Side(side, tuple(plan.chat(f"{task.instruction}\n\n({affix[side]})"))) for side in (POSITIVE, NEGATIVE)]
    chosen, rejected = yield from answers(task, sides, plan)
    check_usable(task, chosen, rejected)
    if plan.options.rescore:
        judged = yield from prefer(task.instruction, chosen.text, rejected.text, seed.seed_id, number, plan)
        if judged.winner == "b":
            chosen, rejected = rejected, chosen
    return (yield from settle(task, chosen, rejected, plan))


@cache
def affixes() -> dict[str, list[dict[str, str]]]:
    """The affixes by what they differ in: pairs of a positive and a negative one."""
    text = (resources.files("builders") / "rlcd.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))
