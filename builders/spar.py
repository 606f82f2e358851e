"""SPaR: an answer that misses a requirement, and the same answer refined until it meets all of them.

    python -m ecd_data.publish YOU/spar --builder spar --seeds seeds.jsonl --endpoint http://localhost:8080

Self-Play with Tree-Search Refinement (Cheng et al., arXiv 2412.11605, ICLR 2025). One row of `preference` (shortened):

    {"id": "5f0c...-r1", "prompt": [{"role": "user", "content": "Name three fruits. Do not use any commas. ..."}],
     "chosen": [...], "rejected": [...], "requirements": [{"id": "style/no_commas", ...}, ...],
     "chosen_met": [true, true], "rejected_met": [false, true], "operation": "spar/refined", "adapted_by": "refined",
     "similarity": 0.97, ...}

Certain (the paper and its code): several answers are sampled to an instruction with several constraints, a failing one
is the root of a tree search (`ecd_data.method.refinement`, which says what is the paper's there), and the pair is what
the search ends in and the root, so that they differ in little but what was asked. With `depth: 1` it is language
feedback (ILF), whose training on the refined answer alone takes the config `sft`. Ours:

- The paper has constraints woven in by a large model, one main one and up to three more; here `requirements` of them
  are drawn from the taxonomy and worded as ECD's are.
- It samples five answers at temperature 0.9 and takes a failing one at random. Here they are sampled one by one at the
  recipe's temperature until one fails, which is the same draw for fewer calls.
- An answer that misses more than `max_missed` requirements, or about which the judge is of two minds, is no root.
- One round of self-play: the paper trains actor and refiner on the data and goes on with them, three times over. Here
  that is a build, a training run and another build.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from builders.base import Builder
from ecd_data.errors import RecipeError
from ecd_data.method.contrast import negative_defect
from ecd_data.method.elimination import defect, main_defect
from ecd_data.method.plan import Plan
from ecd_data.method.refinement import Search, refine
from ecd_data.method.rounds import NoPair, Outcome, Task, WithRequirements, make_task, paired, rounds
from ecd_data.method.ruling import Root, closest, marked, rule
from ecd_data.request import Steps
from ecd_data.values import REJECTED, Candidate, Chain, Seed


@dataclass(frozen=True)
class Options(WithRequirements, Search):
    """Parameters of the method, with those of the search.

    requirements: how many are added to each instruction.
    samples: answers asked for at most until one fails.
    """

    requirements: int = 2
    samples: int = 5

    def __post_init__(self) -> None:
        Search.__post_init__(self)
        for name in ("requirements", "samples"):
            if getattr(self, name) < 1:
                raise RecipeError(f"recipe: options.{name} is {getattr(self, name)}; it must be at least 1.")


class Spar(Builder):
    """Rejected is an answer that misses something, chosen what a tree search made of it."""

    NAME = "spar"
    PAPER = ("Self-Play with Tree-Search Refinement", "2412.11605")
    OPTIONS = Options

    @staticmethod
    def run(seed: Seed, plan: Plan) -> Steps[Chain]:
        """All rounds of one seed: in each, requirements are drawn."""
        return rounds(seed, plan, contrast)


def contrast(seed: Seed, number: int, plan: Plan) -> Steps[Outcome]:
    """One round: a failing answer, and the refined one that makes a pair with it."""
    task = yield from make_task(seed, number, "spar/refined", plan)
    samples, root = yield from _failing(task, seed.instruction, plan)
    held = yield from refine(root, (), plan)
    tried = [*samples, *(candidate for candidate, _ in held)]
    best = closest(held, root)
    if best is None:
        raise NoPair(task, "elimination", main_defect(tried[len(samples) :]), tried)
    return paired(task, best, (samples[-1], root.rulings), tried)


def _failing(task: Task, topic: str, plan: Plan) -> Steps[tuple[Sequence[Candidate], Root]]:
    """The answers sampled, of which the last one fails just enough, and that one as the root of a search.

    Raises:
        NoPair: none does.
    """
    about = (task.instruction, task.requirements, task.seed_id, task.round, plan)
    samples: list[Candidate] = []
    reasons: Counter[str] = Counter()
    for attempt in range(plan.options.samples):
        messages = plan.chat(task.instruction)
        (response,) = yield [plan.request("answer/sample", task.seed_id, task.round, attempt, messages)]
        sample = Candidate("sample", attempt, response.answer, defect(response))
        reason = sample.defect
        if not reason:
            rulings = yield from rule(sample.text, *about, in_full=True)
            reason = negative_defect(rulings, plan.recipe.max_missed)
            if not reason:
                root = Root(task.seed_id, task.round, topic, *about[:2], sample.text, rulings)
                return [*samples, replace(sample, defect=REJECTED)], root
            sample = marked(sample, rulings)
        samples.append(sample)
        reasons[reason] += 1
    ((reason, _),) = reasons.most_common(1)
    raise NoPair(task, "contrast" if reason.startswith("negative_") else "answer", reason, samples)
