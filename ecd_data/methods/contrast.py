"""Contrast: (I(t+1), chosen R(t+1), rejected R(s)), when R(s) misses one or two requirements and nothing else."""

from collections.abc import Iterable, Sequence

from ecd_data.core.values import EVOLVED, STUDENT, Candidate, Pair, Ruling, Turn
from ecd_data.methods.judging import Judged
from ecd_data.methods.likeness import similarity
from ecd_data.methods.task import Task


def negative_defect(rulings: Sequence[Ruling], max_missed: int) -> str:
    """Return why an answer is no hard negative for these requirements: a reason code, or an empty string."""
    if any(ruling.undecided for ruling in rulings):
        return "negative_undecided"
    missed = sum(not ruling.met for ruling in rulings)
    if missed == 0:
        return "negative_meets_all"
    return "negative_misses_many" if missed > max_missed else ""


def accept(task: Task, chosen: Judged, candidates: Iterable[Candidate]) -> Turn:
    """Return the turn that an answer to a task makes; `candidates` are all that were tried."""
    return Turn(
        round=task.round,
        operation=task.operation,
        instruction=task.instruction,
        response=chosen.text,
        requirements=task.requirements,
        rulings=chosen.rulings,
        evolved_by=task.evolved_by,
        adapted_by=chosen.candidate.route,
        candidates=tuple(candidates),
    )


def contrast(task: Task, chosen: Judged, rejected: Judged, gap: int, negative: str = EVOLVED) -> Pair:
    """Return the pair of two answers to a task.

    Args:
        gap: accepted turns from the rejected answer to the chosen one; 0 for an answer to this very instruction.
        negative: what the rejected answer is, as in `Pair`.
    """
    return Pair(
        seed_id=task.seed.seed_id,
        round=task.round,
        gap=gap,
        operation=task.operation,
        instruction=task.instruction,
        chosen=chosen.text,
        rejected=rejected.text,
        requirements=task.requirements,
        chosen_rulings=chosen.rulings,
        rejected_rulings=rejected.rulings,
        similarity=similarity(chosen.text, rejected.text),
        evolved_by=task.evolved_by,
        adapted_by=chosen.candidate.route,
        rejected_model_name=STUDENT if negative == STUDENT else "",
        negative=negative,
    )
