"""Judging: which requirements an answer meets, by code or by the judge's votes, and which candidates hold up."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from ecd_data.core.request import JUDGE, Steps
from ecd_data.core.values import Candidate, Requirement, Ruling, Seed
from ecd_data.methods.likeness import similarity
from ecd_data.methods.plan import Plan
from ecd_data.methods.task import Task
from ecd_data.requirements.calibration import Item
from ecd_data.requirements.judge import VOTE, question, tally
from ecd_data.requirements.kinds import check
from ecd_data.requirements.taxonomy import LENGTHS

Rulings = tuple[Ruling, ...]


class Judged(NamedTuple):
    """An answer and the rulings on it; none where the answer was dropped before it was judged."""

    candidate: Candidate
    rulings: Rulings

    @property
    def text(self) -> str:
        """The answer itself."""
        return self.candidate.text


def judge(
    text: str, task: Task, plan: Plan, requirements: Sequence[Requirement] | None = None, in_full: bool = False
) -> Steps[Rulings]:
    """Return a ruling on each requirement, in order; only the code's when one of those fails, since that settles it.

    Args:
        requirements: those to rule on; by default all of the task.
        in_full: ask for the judge's votes even where code found a requirement unmet.
    """
    requirements = task.requirements if requirements is None else requirements
    rulings = {r.id: _by_code(r, text) for r in requirements if r.check == "code"}
    judged = [requirement for requirement in requirements if requirement.check == "judge"]
    if judged and (in_full or all(ruling.met for ruling in rulings.values())):
        votes = plan.recipe.votes
        responses = yield [
            replace(
                plan.request(task.place, JUDGE, attempt, question(requirement, task.instruction, text, attempt)),
                grammar=VOTE,
            )
            for requirement in judged
            for attempt in range(votes)
        ]
        for i, requirement in enumerate(judged):
            rulings[requirement.id] = tally(requirement, responses[i * votes : (i + 1) * votes])
    return tuple(rulings[requirement.id] for requirement in requirements if requirement.id in rulings)


def try_judge(item: Item, plan: Plan) -> Steps[tuple[Item, Ruling]]:
    """Return an item whose answer is known with the judge's ruling on it: its votes, asked for like any others."""
    task = Task(Seed(item.id, item.instruction), 0, "", item.instruction)
    (ruling,) = yield from judge(item.response, task, plan, [replace(item.requirement, check="judge")])
    return item, ruling


def _by_code(requirement: Requirement, text: str) -> Ruling:
    verdict = check(requirement, text)
    return Ruling(requirement.id, float(verdict.met), verdict.reason)


def eliminate(
    candidates: Sequence[Candidate], tried: Sequence[Judged], older: Judged, task: Task, plan: Plan
) -> Steps[list[Judged]]:
    """Judge candidates for a better answer than `older`; mark those that do not hold up.

    They are marked `repeated` (the same text was judged before), `unbalanced` (of quite another length than the older
    answer) or `unmet` (a requirement in force is not met by a majority).

    Args:
        candidates: new ones, some of them with a defect already.
        tried: those of the same round that came before.
    """
    judged: list[Judged] = []
    for candidate in candidates:
        candidate = _mark_by_comparison(candidate, [*tried, *judged], older, plan)
        rulings: Rulings = ()
        if not candidate.defect:
            rulings = yield from judge(candidate.text, task, plan)
            candidate = mark_unmet(candidate, rulings)
        judged.append(Judged(candidate, rulings))
    return judged


def closest(judged: Sequence[Judged], older: Judged) -> Judged | None:
    """Return the candidate most similar to the older answer among those that hold up."""
    sound = [answer for answer in judged if not answer.candidate.defect]
    return max(sound, key=lambda answer: similarity(answer.text, older.text), default=None)


def _mark_by_comparison(candidate: Candidate, tried: Sequence[Judged], older: Judged, plan: Plan) -> Candidate:
    if candidate.defect:
        return candidate
    if any(candidate.text == other.text and other.candidate.defect in ("", "unmet") for other in tried):
        return replace(candidate, defect="repeated")
    if not is_balanced(candidate.text, older, plan):
        detail = f"{len(candidate.text)} characters instead of {len(older.text)}"
        return replace(candidate, defect="unbalanced", detail=detail)
    return candidate


def is_balanced(chosen: str, rejected: Judged, plan: Plan) -> bool:
    """Return whether two answers are of like length: pairs whose chosen side is merely longer would teach length.

    A requirement on length asks for another length and says so in the instruction, so a pair whose rejected answer
    misses one may differ in length.
    """
    if any(plan.taxonomy[ruling.requirement].family in LENGTHS for ruling in rejected.rulings if not ruling.met):
        return True
    shorter, longer = sorted((len(chosen), len(rejected.text)))
    return longer <= plan.recipe.max_length_ratio * shorter


def mark_unmet(candidate: Candidate, rulings: Rulings) -> Candidate:
    """Return the candidate, marked `unmet` with the first requirement that it misses."""
    for ruling in rulings:
        if not ruling.met:
            return replace(candidate, defect="unmet", detail=f"{ruling.requirement}: {ruling.reason}")
    return candidate
