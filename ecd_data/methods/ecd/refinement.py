"""Refinement: an answer that misses something is revised, and its revisions again, until one meets everything.

    tried = yield from refine(older, tried=(), task=task, plan=plan)

A breadth-first search, as SPaR's (Cheng et al., arXiv 2412.11605): a critique of the answer, revisions that see
instruction, answer and critique, and of each level the best are revised further. It does no I/O: a generator of
requests like a chain. The method `spar` makes its pairs by it, and the route `refined` of ECD is the same search.

With `depth: 1` it is language feedback, ILF (Scheurer et al., arXiv 2303.16755): critique, refine, keep what is good.

Certain (the paper and its code): three revisions of an answer, the best two of a level revised further, three levels;
the search ends as soon as an answer is good. Ours:

- The value of an answer is the share of requirements that it meets, by code and the judge's votes, and of equals the
  one more like the first answer is better; it is good when all are met. The paper asks a model five times whether all
  is met, and takes the share of "yes", more than half of which is good.
- The critique is by default what those checks found wrong ("12 words, at most 10 asked"), which costs no call and is
  true. With `critique: model` the model writes it, given what is missed; the paper's is one of the five judgements.
- Once code finds a fault the judge is not asked, so until then what it judges counts as missed.
- A revision that is cut off, drifted away from the first answer, or is of quite another length is not revised further.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from msgspec import Meta

from ecd_data.core.errors import RecipeError
from ecd_data.core.recipe import MAX_CANDIDATES, Recipe
from ecd_data.core.request import Message, Steps, T
from ecd_data.core.templates import render
from ecd_data.core.values import Candidate, Requirement
from ecd_data.methods.defects import defect
from ecd_data.methods.ecd.adaptation import adaptation_defect
from ecd_data.methods.judging import Judged, Rulings, closest, eliminate
from ecd_data.methods.likeness import similarity
from ecd_data.methods.plan import Plan
from ecd_data.methods.task import Task

CRITIQUE_TOKENS = 200  # at most
Size = Annotated[int, Meta(ge=1, le=MAX_CANDIDATES)]


@dataclass(frozen=True)
class Search:
    """Parameters of a search.

    branching: revisions of an answer.
    keep: answers of a level that are revised further.
    depth: levels; 1 is language feedback (ILF).
    critique: `checks`, what they found wrong; or `model`, a call for each answer that is revised.
    """

    branching: Size = 3
    keep: Size = 2
    depth: Size = 3
    critique: Literal["checks", "model"] = "checks"

    def __post_init__(self) -> None:
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


def refine(older: Judged, tried: Sequence[Judged], task: Task, plan: Plan) -> Steps[list[Judged]]:
    """Return all revisions of a search in their order; it ends with the first that hold up, if any does.

    Where the recipe selects the `first`, revisions are asked for one by one, which costs the fewest calls; else a
    level's are asked for side by side.

    Args:
        older: the answer to begin with, which misses something.
        tried: candidates that were judged before.
        plan: with the parameters of the search as its options.
    """
    revisions: list[Judged] = []
    level = [older]
    for _ in range(plan.options.depth):
        first = len(revisions)
        for answers in _portions(level, plan.recipe):
            search = _Search(older, [*tried, *revisions], task, plan)
            revisions += yield from _revise(answers, search, len(revisions))
            if closest(revisions, older):
                return revisions
        unmet = [judged for judged in revisions[first:] if judged.candidate.defect == "unmet"]
        level = sorted(unmet, key=lambda judged: _value(judged, older, task), reverse=True)[: plan.options.keep]
    return revisions


@dataclass(frozen=True)
class _Search:
    """What all revisions of a search have in common, and the answers that were judged so far."""

    older: Judged
    known: Sequence[Judged]
    task: Task
    plan: Plan

    def missed(self, rulings: Rulings) -> list[Requirement]:
        """Return the requirements that an answer misses."""
        ids = {ruling.requirement for ruling in rulings if not ruling.met}
        return [requirement for requirement in self.task.requirements if requirement.id in ids]

    def chat(self, answer: Judged, name: str, **values: str) -> list[Message]:
        """Return a chat about an answer; the prompt of this name says what it misses and what must stay."""
        missed = self.missed(answer.rulings)
        kept = [requirement for requirement in self.task.requirements if requirement not in missed]
        prompt = render("ecd_data.methods.prompts", name, missed=missed, kept=kept, **values)
        return self.plan.chat(self.task.instruction, answer.text, prompt)


def _value(judged: Judged, older: Judged, task: Task) -> tuple[float, float]:
    """Return the rank of a revision: the share of requirements met, then the likeness to the first answer."""
    met = sum(ruling.met for ruling in judged.rulings) / len(task.requirements)
    return met, similarity(judged.text, older.text)


def _revise(answers: Sequence[Judged], search: _Search, first: int) -> Steps[list[Judged]]:
    """Return the revisions of some answers, numbered from `first`; stop asking once some hold up."""
    task, plan = search.task, search.plan
    critiques = yield from _critiques(answers, search, first)
    wishes = [
        search.chat(answer, "refine.jinja", critique=critique)
        for answer, critique in zip(answers, critiques, strict=True)
        for _ in range(plan.options.branching)
    ]
    asked = search.missed(search.older.rulings)
    grown: list[Judged] = []
    for portion in _portions(list(enumerate(wishes, first)), plan.recipe):
        responses = yield [plan.request(task.place, "refine", attempt, messages) for attempt, messages in portion]
        revisions = [
            Candidate("refined", attempt, response.answer, defect(response))
            for (attempt, _), response in zip(portion, responses, strict=True)
        ]
        marked = [replace(r, defect=adaptation_defect(r, search.older.text, asked, task, plan)) for r in revisions]
        grown += yield from eliminate(marked, [*search.known, *grown], search.older, task, plan)
        if closest(grown, search.older):
            break
    return grown


def _critiques(answers: Sequence[Judged], search: _Search, first: int) -> Steps[list[str]]:
    """Return the faults of some answers: what the checks found, or the model's words where they can be used."""
    plan = search.plan
    by_checks = ["\n".join(f"- {r.reason}" for r in answer.rulings if r.reason and not r.met) for answer in answers]
    if plan.options.critique == "checks":
        return by_checks
    requests = [
        plan.request(search.task.place, "critique", attempt, search.chat(answer, "critique.jinja"))
        for attempt, answer in enumerate(answers, first)
    ]
    responses = yield [replace(r, max_tokens=min(CRITIQUE_TOKENS, plan.recipe.max_tokens)) for r in requests]
    return [
        known if defect(response) else response.answer for known, response in zip(by_checks, responses, strict=True)
    ]


def _portions(items: list[T], recipe: Recipe) -> list[list[T]]:
    """Return the groups that are asked side by side: one at a time where the first to hold up is taken."""
    return [[item] for item in items] if recipe.select == "first" else [items] * bool(items)
