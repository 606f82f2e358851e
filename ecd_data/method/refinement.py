"""Refinement: an answer that misses something is revised, and its revisions again, until one meets everything.

    held = yield from refine(root, tried=(), plan=plan)

A breadth-first search, as SPaR's (Cheng et al., arXiv 2412.11605): a critique of the answer, revisions that see
instruction, answer and critique, and of each level the best are revised further. It is no I/O: a generator of requests
like a chain. The builder `spar` makes its pairs by it, and the route `refined` of ECD is the same search.

With `depth: 1` it is language feedback, ILF (Scheurer et al., arXiv 2303.16755): critique, refine, keep what is good.

Certain (the paper and its code): three revisions of an answer, the best two of a level revised further, three levels;
the search ends as soon as an answer is good. Ours:

- The value of an answer is the share of requirements that it meets, by code and the judge's votes, and of equals the
  one more like the root is better; it is good when all are met. The paper asks a model five times whether all is met,
  and takes the share of "yes", more than half of which is good.
- The critique is by default what those checks found wrong ("12 words, at most 10 asked"), which costs no call and is
  true. With `critique: model` the model writes it, told what is missed; the paper's is one of the five judgements.
- Once code finds a fault the judge is not asked, so until then what it judges counts as missed.
- A revision that is cut off, drifted away from the root, or is of quite another length is not revised further.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from ecd_data.errors import RecipeError
from ecd_data.method.adaptation import defect_as_adaptation
from ecd_data.method.contrast import similarity
from ecd_data.method.elimination import defect
from ecd_data.method.plan import Plan
from ecd_data.method.ruling import Held, Root, Rulings, closest, sift
from ecd_data.recipe import MAX_CANDIDATES, Recipe
from ecd_data.request import Response, Steps
from ecd_data.templates import render
from ecd_data.values import Candidate, Requirement

CRITIQUES = ("checks", "model")
CRITIQUE_TOKENS = 200  # at most

Node = tuple[str, Rulings]  # an answer that misses something
T = TypeVar("T")


@dataclass(frozen=True)
class Search:
    """Parameters of a search.

    branching: revisions of an answer.
    keep: answers of a level that are revised further.
    depth: levels; 1 is language feedback (ILF).
    critique: `checks`, what they found wrong; or `model`, a call for each answer that is revised.
    """

    branching: int = 3
    keep: int = 2
    depth: int = 3
    critique: str = "checks"

    def __post_init__(self) -> None:
        for name in ("branching", "keep", "depth"):
            if not 1 <= (value := getattr(self, name)) <= MAX_CANDIDATES:
                raise RecipeError(f"recipe: options.{name} is {value}; it must lie between 1 and {MAX_CANDIDATES}.")
        if self.critique not in CRITIQUES:
            raise RecipeError(f"recipe: options.critique is {self.critique!r}; it is one of: {', '.join(CRITIQUES)}.")
        if self.revisions > MAX_CANDIDATES:
            raise RecipeError(
                f"recipe: a search would ask for up to {self.revisions} revisions; lower options.branching, keep or "
                f"depth until it is at most {MAX_CANDIDATES}."
            )

    @property
    def revisions(self) -> int:
        """How many a search asks for at most; with `critique: model`, a call more for each answer revised."""
        level, total = 1, 0
        for _ in range(self.depth):
            total += level * self.branching
            level = min(self.keep, level * self.branching)
        return total


def refine(root: Root, tried: Sequence[Candidate], plan: Plan) -> Steps[list[Held]]:
    """All revisions of a search in their order; it ends with the first that hold up, if any does.

    Where the recipe selects the `first`, revisions are asked for one by one, which costs the fewest calls; else a
    level's are asked for side by side.

    Args:
        root: the answer to begin with.
        tried: candidates that were ruled on before.
        plan: with the parameters of the search as its options.
    """
    made: list[Held] = []
    level: list[Node] = [(root.text, root.rulings)]
    for _ in range(plan.options.depth):
        grown: list[Held] = []
        for nodes in _portions(level, plan.recipe):
            known = [*tried, *(candidate for candidate, _ in (*made, *grown))]
            grown += yield from _revisions(nodes, root, known, len(made) + len(grown), plan)
            if closest(grown, root):
                return made + grown
        made += grown
        unmet = [held for held in grown if held[0].defect == "unmet"]
        best = sorted(unmet, key=lambda held: _value(held, root), reverse=True)[: plan.options.keep]
        level = [(candidate.text, rulings) for candidate, rulings in best]
    return made


def _value(held: Held, root: Root) -> tuple[float, float]:
    """How good a revision is: the share of requirements that it meets, then how much it is like the root."""
    candidate, rulings = held
    return sum(ruling.met for ruling in rulings) / len(root.requirements), similarity(candidate.text, root.text)


def _revisions(
    nodes: Sequence[Node], root: Root, known: Sequence[Candidate], first: int, plan: Plan
) -> Steps[list[Held]]:
    """The revisions of some answers, numbered from `first` on; no more are asked for once some hold up."""
    critiques = yield from _critiques(nodes, root, first, plan)
    wishes = [
        plan.chat(root.instruction, text, _prompt("refine.jinja", rulings, root, critique=critique))
        for (text, rulings), critique in zip(nodes, critiques, strict=True)
        for _ in range(plan.options.branching)
    ]
    grown: list[Held] = []
    for portion in _portions(list(enumerate(wishes, first)), plan.recipe):
        responses = yield [
            plan.request("refine", root.seed_id, root.round, attempt, messages) for attempt, messages in portion
        ]
        numbered = zip((attempt for attempt, _ in portion), responses, strict=True)
        made = [_candidate(attempt, response, root, plan) for attempt, response in numbered]
        grown += yield from sift(made, [*known, *(candidate for candidate, _ in grown)], root, plan)
        if closest(grown, root):
            break
    return grown


def _critiques(nodes: Sequence[Node], root: Root, first: int, plan: Plan) -> Steps[list[str]]:
    """What is wrong with some answers: what the checks found, or the model's words where they can be used."""
    found = ["\n".join(f"- {r.reason}" for r in rulings if r.reason and not r.met) for _, rulings in nodes]
    if plan.options.critique == "checks":
        return found
    responses = yield [
        plan.request(
            "critique",
            root.seed_id,
            root.round,
            attempt,
            plan.chat(root.instruction, text, _prompt("critique.jinja", rulings, root)),
            max_tokens=CRITIQUE_TOKENS,
        )
        for attempt, (text, rulings) in enumerate(nodes, first)
    ]
    return [known if defect(said) else said.answer for known, said in zip(found, responses, strict=True)]


def _prompt(name: str, rulings: Rulings, root: Root, **values: str) -> str:
    """A prompt about an answer, which says what it misses and what must stay."""
    missed = _missed(rulings, root)
    kept = [requirement for requirement in root.requirements if requirement not in missed]
    return render("ecd_data.method.prompts", name, missed=missed, kept=kept, **values)


def _missed(rulings: Rulings, root: Root) -> list[Requirement]:
    ids = {ruling.requirement for ruling in rulings if not ruling.met}
    return [requirement for requirement in root.requirements if requirement.id in ids]


def _candidate(attempt: int, response: Response, root: Root, plan: Plan) -> Candidate:
    text, asked = response.answer, _missed(root.rulings, root)
    reason = defect(response) or defect_as_adaptation("refined", text, root.topic, root.text, asked, plan)
    return Candidate("refined", attempt, text, reason)


def _portions(items: list[T], recipe: Recipe) -> list[list[T]]:
    """What is asked for side by side: one at a time where the first to hold up is taken."""
    return [[item] for item in items] if recipe.select == "first" else [items] * bool(items)
