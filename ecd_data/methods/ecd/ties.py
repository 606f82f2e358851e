"""Ties: answers of a round between which the verdicts show no contrast.

They are what is left of a round's calls, so they cost no further one: two candidates may have held up where the
recipe's `select` is `closest`, one that misses the new requirement alone is no better than R(t), and two may fail
alike. Where R(t) turns out to meet the new requirement already (`negative_meets_all`), no other answer to I(t+1) has
been made; a tie would take the calls of an adaptation and teach less than a pair, so none is asked for.
"""

from collections.abc import Iterator, Sequence

from ecd_data.core.values import Tie
from ecd_data.methods.judging import Judged
from ecd_data.methods.likeness import similarity
from ecd_data.methods.task import Task


def ties(task: Task, kept: Sequence[Judged], dropped: Sequence[Judged]) -> Iterator[Tie]:
    """Yield the ties of a round: each dropped answer with the first one that meets and misses the same requirements.

    All verdicts must be known: where code found a fault the judge was not asked, and split votes say nothing. A
    dropped answer is in one tie at most.

    Args:
        kept: the answers that a pair or the chain keeps; one of them comes first in its tie.
        dropped: those that would be thrown away.
    """
    first_of: dict[tuple[bool, ...], Judged] = {}
    number = 0
    for place, answer in enumerate((*kept, *dropped)):
        if len(answer.rulings) < len(task.requirements) or any(ruling.undecided for ruling in answer.rulings):
            continue
        first = first_of.setdefault(tuple(ruling.met for ruling in answer.rulings), answer)
        if place < len(kept) or first.text == answer.text:
            continue
        number += 1
        yield Tie(
            seed_id=task.seed.seed_id,
            round=task.round,
            number=number,
            operation=task.operation,
            instruction=task.instruction,
            first=first.text,
            second=answer.text,
            requirements=task.requirements,
            first_rulings=first.rulings,
            second_rulings=answer.rulings,
            similarity=similarity(first.text, answer.text),
            routes=(first.candidate.route, answer.candidate.route),
        )
