"""Contrast: (I(t+1), chosen R(t+1), rejected R(s)), when R(s) misses one or two requirements and nothing else."""

from collections.abc import Sequence

from ecd_data.core.values import STUDENT, Pair, Ruling
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


def contrast(task: Task, chosen: Judged, rejected: Judged, gap: int) -> Pair:
    """Return the pair of two answers to a task.

    Args:
        rejected: an older answer or another one; the route of its candidate says what negative it is.
        gap: accepted turns from the rejected answer to the chosen one; 0 for an answer to this very instruction.
    """
    kind = rejected.candidate.route
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
        rejected_model_name=STUDENT if kind == STUDENT else "",
        negative=kind,
    )
