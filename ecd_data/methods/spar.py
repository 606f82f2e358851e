"""SPaR: an answer that misses a requirement, and the same answer refined until it meets all of them.

    python -m ecd_data.publish YOU/spar --builder spar --seeds seeds.jsonl --endpoint http://localhost:8080

Self-Play with Tree-Search Refinement (Cheng et al., arXiv 2412.11605, ICLR 2025).

Certain (the paper and its code): several answers are sampled to an instruction with several constraints, a failing one
is the root of a tree search (`ecd_data.methods.ecd.refinement`, which says what is the paper's there), and the pair is
what the search ends in and the root, so that they differ in little but what was asked. With `depth: 1` it is language
feedback (ILF), whose training on the refined answer alone takes the config `sft`. Ours:

- The paper has constraints woven in by a large model, one main one and up to three more; here `requirements` of them
  are drawn from the taxonomy and worded as ECD's are.
- It samples five answers at temperature 0.9 and takes a failing one at random. Here they are sampled one by one at the
  recipe's temperature until one fails, which is the same draw for fewer calls.
- An answer that misses more than `max_missed` requirements, or about which the judge is of two minds, is no root.
- One round of self-play: the paper trains actor and refiner on the data and goes on with them, three times over. Here
  that is a build, a training run and another build.
"""

from dataclasses import dataclass, replace
from statistics import mode

from ecd_data.core.recipe import AtLeast1
from ecd_data.core.request import Steps
from ecd_data.core.values import REJECTED, Candidate, Chain, Seed
from ecd_data.methods.contrast import negative_defect
from ecd_data.methods.defects import defect, main_defect
from ecd_data.methods.ecd.refinement import Search, refine
from ecd_data.methods.judging import Judged, closest, judge, mark_unmet
from ecd_data.methods.method import Method
from ecd_data.methods.plan import Plan
from ecd_data.methods.rounds import Outcome, make_pair, make_task, run_rounds
from ecd_data.methods.task import NoPair, Task


@dataclass(frozen=True)
class Options(Search):
    """Parameters of the method, with those of the search.

    requirements: how many are added to each instruction.
    samples: answers asked for at most until one fails.
    """

    requirements: AtLeast1 = 2
    samples: AtLeast1 = 5


def run(seed: Seed, plan: Plan) -> Steps[Chain]:
    """Run all rounds of one seed: in each, requirements are drawn."""
    return run_rounds(seed, plan, run_round)


def run_round(seed: Seed, round: int, plan: Plan) -> Steps[Outcome]:
    """Run one round: a failing answer, and the refined one that makes a pair with it."""
    task = yield from make_task(seed, round, "spar/refined", plan)
    samples, failing = yield from _sample_until_one_fails(task, plan)
    revisions = yield from refine(failing, (), task, plan)
    candidates = [*samples, *(revision.candidate for revision in revisions)]
    best = closest(revisions, failing)
    if best is None:
        raise NoPair(task, "elimination", main_defect(candidates[len(samples) :]), candidates)
    return make_pair(task, best, failing, candidates)


def _sample_until_one_fails(task: Task, plan: Plan) -> Steps[tuple[list[Candidate], Judged]]:
    """Return the answers sampled until one failed just enough, and that one as it was judged.

    Raises:
        NoPair: none fails so.
    """
    samples: list[Candidate] = []
    reasons: list[str] = []
    for attempt in range(plan.options.samples):
        (response,) = yield [plan.request(task.place, "answer/sample", attempt, plan.chat(task.instruction))]
        sample = Candidate("sample", attempt, response.answer, defect(response))
        reason = sample.defect
        if not reason:
            rulings = yield from judge(sample.text, task, plan, in_full=True)
            reason = negative_defect(rulings, plan.recipe.max_missed)
            if not reason:
                failing = Judged(replace(sample, defect=REJECTED), rulings)
                return [*samples, failing.candidate], failing
            sample = mark_unmet(sample, rulings)
        samples.append(sample)
        reasons.append(reason)
    reason = mode(reasons)
    raise NoPair(task, "contrast" if reason.startswith("negative_") else "answer", reason, samples)


SPAR = Method("spar", "Self-Play with Tree-Search Refinement", "2412.11605", Options, run)
