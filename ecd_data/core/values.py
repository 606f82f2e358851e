"""The values that the layers hand to each other: frozen dataclasses, no behaviour beyond their own fields."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

Check = Literal["code", "judge"]
Route = Literal["edit", "fresh", "guided", "repair", "refined"]
Step = Literal["seed", "call", "answer", "evolution", "elimination", "contrast"]
Negative = Literal["evolved", "student", "relaxed"]  # what a rejected answer of ECD may be
NEGATIVES: tuple[Negative, ...] = get_args(Negative)
EVOLVED: Negative = "evolved"
STUDENT: Negative = "student"
REJECTED = "rejected"  # marks the candidate of a round that became a rejected answer of it


@dataclass(frozen=True, slots=True)
class Seed:
    """A simple instruction to evolve, with its answer if the corpus has one.

    `seed_id` is a hash of instruction and response, so it does not depend on the order of the corpus;
    `group` is shared by near-duplicate seeds, which never part into two splits.
    """

    seed_id: str
    instruction: str
    response: str | None = None
    group: str = ""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement in force: an operation of the taxonomy with its parameters drawn.

    `id` is the operation's (`format/no_commas`), `text` the sentence the instruction carries for it, `kwargs`
    what its check takes, `round` the round that added it.
    """

    id: str
    text: str
    kwargs: Mapping[str, Any]
    check: Check
    round: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check says of a text: met or not, and why in a few words ("12 words, at most 10 allowed")."""

    met: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Ruling:
    """What is known of one requirement on one response: the share of votes for "met" (1.0 or 0.0 from code)."""

    requirement: str
    votes: float
    reason: str = ""

    @property
    def met(self) -> bool:
        """True when a majority says so."""
        return self.votes > 0.5

    @property
    def undecided(self) -> bool:
        """True when the judge's votes are split evenly, or none of them could be read (both are stored as 0.5)."""
        return self.votes == 0.5


@dataclass(frozen=True, slots=True)
class Candidate:
    """One response: where it came from, and why it was eliminated.

    `route` is one of `Route`, or what another method than ECD calls it. `defect` is a reason code (`truncated`,
    `unmet`, ...), empty when it holds up; `detail` says it in words. An answer that became the rejected one of its own
    round is `rejected`.
    """

    route: str
    attempt: int
    text: str
    defect: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """An accepted state of a chain: I(t), R(t) and the requirements that R(t) meets, with the rulings that say so.

    `evolved_by` is `seed` (round 0), `woven` (the model put the requirement into the instruction) or `appended`
    (its sentence was added by code). `adapted_by` is a route, or `seed` for an answer that came with the corpus;
    `model_name` names the model that wrote it, where several did.
    """

    round: int
    operation: str
    instruction: str
    response: str
    requirements: tuple[Requirement, ...]
    rulings: tuple[Ruling, ...]
    evolved_by: str
    adapted_by: str
    candidates: tuple[Candidate, ...] = ()
    model_name: str = ""


@dataclass(frozen=True, slots=True)
class RowId:
    """What a row's `id` is made of: `<seed_id>-r<round>`, and what tells a pair from the others of its round.

    That is `-g<gap>` where the two answers are more than one accepted turn apart, and the kind of the rejected answer
    where it is no older one (`-student`, `-relaxed`).
    """

    seed_id: str
    round: int
    gap: int = 1
    negative: str = "evolved"

    def __str__(self) -> str:
        gap = f"-g{self.gap}" if self.gap > 1 else ""
        return f"{self.round_id}{gap}" + (f"-{self.negative}" if self.negative != EVOLVED else "")

    @property
    def round_id(self) -> str:
        """The id of the whole round."""
        return f"{self.seed_id}-r{self.round}"

    @classmethod
    def parse(cls, text: str) -> RowId:
        """Return the identity that an id spells.

        Raises:
            ValueError: it spells none.
        """
        match = re.fullmatch(rf"([^-]+)-r(\d+)(?:-g(\d+)|-({'|'.join(NEGATIVES)}))?", text)
        if match is None:
            raise ValueError(f"{text!r} is not the id of a row")
        seed_id, round, gap, negative = match.groups()
        return cls(seed_id, int(round), int(gap or (1 if negative is None else 0)), negative or EVOLVED)


@dataclass(frozen=True, slots=True)
class Pair:
    """A preference pair: the evolved instruction, the response that meets it, another one that just misses.

    `gap` is the number of accepted turns from the rejected response to the chosen one: 1 is the hardest of the older
    ones, 0 is an answer to this very instruction. `negative` says what it is: one of `NEGATIVES`.
    `model_name` and `rejected_model_name` name the models that wrote them, where several did.
    """

    seed_id: str
    round: int
    gap: int
    operation: str
    instruction: str
    chosen: str
    rejected: str
    requirements: tuple[Requirement, ...]
    chosen_rulings: tuple[Ruling, ...]
    rejected_rulings: tuple[Ruling, ...]
    similarity: float
    evolved_by: str
    adapted_by: str
    model_name: str = ""
    rejected_model_name: str = ""
    negative: str = EVOLVED

    @property
    def id(self) -> str:
        """See `RowId`."""
        return str(RowId(self.seed_id, self.round, self.gap, self.negative))


@dataclass(frozen=True, slots=True)
class Tie:
    """Two answers to an evolved instruction that are equal as far as the checks know: they miss the same, or nothing.

    `routes` says of each how it came about: a route, or one of `NEGATIVES`. `number` counts a round's ties from 1.
    """

    seed_id: str
    round: int
    number: int
    operation: str
    instruction: str
    first: str
    second: str
    requirements: tuple[Requirement, ...]
    first_rulings: tuple[Ruling, ...]
    second_rulings: tuple[Ruling, ...]
    similarity: float
    routes: tuple[str, str]

    @property
    def id(self) -> str:
        """`<seed_id>-r<round>-t<number>`."""
        return f"{self.seed_id}-r{self.round}-t{self.number}"


@dataclass(frozen=True, slots=True)
class Reject:
    """A round that gave no pair: the step that stopped it and the reason code."""

    seed_id: str
    round: int
    step: Step
    reason: str
    operation: str
    instruction: str
    candidates: tuple[Candidate, ...] = ()


@dataclass(frozen=True, slots=True)
class Chain:
    """One seed's finished rounds: each gave a pair (with ECD's `pairs: all`, several) or a reject.

    Ties are extra, of rounds of both kinds.
    """

    seed_id: str
    group: str
    turns: tuple[Turn, ...]
    pairs: tuple[Pair, ...]
    rejects: tuple[Reject, ...]
    ties: tuple[Tie, ...] = ()

    @property
    def rounds(self) -> int:
        """How many were attempted."""
        return len({pair.round for pair in self.pairs}) + len(self.rejects)
