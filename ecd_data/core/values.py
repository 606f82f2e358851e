"""The values that the layers hand to each other: frozen dataclasses without behaviour beyond their own fields."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

Check = Literal["code", "judge"]
Route = Literal["edit", "fresh", "guided", "repair", "refined"]
Step = Literal["seed", "call", "answer", "evolution", "elimination", "contrast"]
Negative = Literal["evolved", "student", "relaxed"]  # what the rejected answer of an ECD pair is
NEGATIVES: tuple[Negative, ...] = get_args(Negative)
EVOLVED: Negative = "evolved"
STUDENT: Negative = "student"
REJECTED = "rejected"  # the defect of a candidate that became the rejected answer of its own round


@dataclass(frozen=True, slots=True)
class Seed:
    """A simple instruction to evolve, with its answer if the corpus has one.

    seed_id: a hash of instruction and response, and thus independent of the order of the corpus.
    group: shared by near-duplicate seeds; a group never crosses two splits.
    """

    seed_id: str
    instruction: str
    response: str | None = None
    group: str = ""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement in force: an operation of the taxonomy with its parameters drawn.

    id: of the operation, such as `format/no_commas`.
    text: the sentence that states it in the instruction.
    kwargs: arguments of its check.
    check: how it is judged.
    round: the round that added it.
    """

    id: str
    text: str
    kwargs: Mapping[str, Any]
    check: Check
    round: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a check on a text: met or not, and why in a few words ("12 words, at most 10 allowed")."""

    met: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Ruling:
    """The votes on whether one answer meets one requirement, of code or of a judge.

    requirement: its id.
    votes: share of the votes for "met"; 1.0 or 0.0 from code.
    reason: in a few words.
    """

    requirement: str
    votes: float
    reason: str = ""

    @property
    def met(self) -> bool:
        """True if the majority of votes is for "met"."""
        return self.votes > 0.5

    @property
    def undecided(self) -> bool:
        """True if the judge's votes are split evenly or none of them could be read; both are stored as 0.5."""
        return self.votes == 0.5


@dataclass(frozen=True, slots=True)
class Candidate:
    """One answer that was tried in a round: where it came from, and why it was eliminated.

    route: one of `Route`; other methods than ECD have names of their own.
    attempt: the attempt of its request.
    text: the answer.
    defect: reason code (`truncated`, `unmet`, ...); empty for an answer that passed, `REJECTED` for one that became
        the rejected answer of its own round.
    detail: the reason in words.
    """

    route: str
    attempt: int
    text: str
    defect: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """An accepted round of a chain: I(t), R(t) and the requirements that R(t) meets, with the rulings on them.

    round: t.
    operation: the operation that this round added.
    instruction: I(t).
    response: R(t).
    requirements: all that are in force.
    rulings: on `response`, in the order of `requirements`.
    evolved_by: `seed` (round 0), `woven` (the model worked the requirement into the instruction) or `appended` (code
        added its sentence).
    adapted_by: the route, or `seed` for an answer that came with the corpus.
    candidates: all answers that were tried.
    model_name: the model that wrote the answer, where a method has several.
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
    """The parts of a row's `id`: `<seed_id>-r<round>`, and what distinguishes a pair from others of its round.

    A pair whose answers are more than one accepted turn apart has `-g<gap>`; one whose rejected answer is not an older
    answer of the chain has what it is instead (`-student`, `-relaxed`).
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
        """The id of the round, without what distinguishes its pairs."""
        return f"{self.seed_id}-r{self.round}"

    @classmethod
    def parse(cls, text: str) -> RowId:
        """Return the parts of an id.

        Raises:
            ValueError: the text is not the id of a row.
        """
        match = re.fullmatch(rf"([^-]+)-r(\d+)(?:-g(\d+)|-({'|'.join(NEGATIVES)}))?", text)
        if match is None:
            raise ValueError(f"{text!r} is not the id of a row")
        seed_id, round, gap, negative = match.groups()
        return cls(seed_id, int(round), int(gap or (1 if negative is None else 0)), negative or EVOLVED)


@dataclass(frozen=True, slots=True)
class Pair:
    """A preference pair: an instruction, an answer that meets all its requirements, and one that misses some.

    gap: accepted turns from the rejected answer to the chosen one; 1 is the hardest of the older answers, 0 is another
        answer to this very instruction.
    chosen_rulings, rejected_rulings: in the order of `requirements`.
    similarity: of the two answers, 0 to 1.
    evolved_by, adapted_by: as in `Turn`.
    model_name, rejected_model_name: the models that wrote the answers, where a method has several.
    negative: what the rejected answer is, one of `NEGATIVES`.
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
        """The id of its row; see `RowId`."""
        return str(RowId(self.seed_id, self.round, self.gap, self.negative))


@dataclass(frozen=True, slots=True)
class Tie:
    """Two answers to an instruction that meet and miss the same requirements.

    number: counts the ties of a round from 1.
    first_rulings, second_rulings: in the order of `requirements`.
    similarity: of the two answers, 0 to 1.
    routes: how each answer came about: a route, or one of `NEGATIVES`.
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
        """The id of its row: `<seed_id>-r<round>-t<number>`."""
        return f"{self.seed_id}-r{self.round}-t{self.number}"


@dataclass(frozen=True, slots=True)
class Reject:
    """A round that gave no pair: the step that stopped it, and the reason code."""

    seed_id: str
    round: int
    step: Step
    reason: str
    operation: str
    instruction: str
    candidates: tuple[Candidate, ...] = ()


@dataclass(frozen=True, slots=True)
class Chain:
    """All rounds of one seed. Each gave a reject or a pair (or several: see `pairs` and `options` of the recipe).

    Ties come in addition, from rounds of both kinds.
    """

    seed_id: str
    group: str
    turns: tuple[Turn, ...]
    pairs: tuple[Pair, ...]
    rejects: tuple[Reject, ...]
    ties: tuple[Tie, ...] = ()

    @property
    def rounds(self) -> int:
        """The number of rounds attempted."""
        return len({pair.round for pair in self.pairs}) + len(self.rejects)
