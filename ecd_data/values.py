"""The values that the layers hand to each other: frozen dataclasses, no behaviour beyond their own fields."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Literal, TypedDict, TypeVar

import msgspec

from ecd_data.canonical import canonical_bytes, canonical_json

T = TypeVar("T")
Check = Literal["code", "judge"]
Route = Literal["edit", "fresh", "guided", "repair", "refined"]
Step = Literal["seed", "call", "answer", "evolution", "elimination", "contrast"]
EVOLVED, STUDENT = "evolved", "student"
NEGATIVES = (EVOLVED, STUDENT, "relaxed")  # what a rejected answer of ECD's may be
REJECTED = "rejected"  # marks the candidate of a round that became a rejected answer of it
MODEL_NAME = r"[a-z][a-z0-9_-]*"  # what one of several models may be called
JUDGE = "judge"  # the name of the model that judges, where it is another one


class Message(TypedDict):
    """One chat message, as every chat API and TRL take it."""

    role: str
    content: str


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
class Grammar:
    """A constraint on the generated text: a regular expression, or a JSON Schema with top-level `properties`."""

    type: Literal["regex", "json"]
    value: str | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """One call to the endpoint, with everything that shapes its answer and nothing that does not.

    `role`, `seed_id`, `round` and `attempt` say which call of the plan it is: identical bytes are sometimes sent
    on purpose for a second answer. `seed` has 31 bits; `temperature` 0 is greedy; `top_p` lies strictly
    between 0 and 1; `logprobs` asks for the tokens' log-probabilities, `top_logprobs` for those of that many most
    likely first tokens. `scored` asks how likely the last message is as the model's answer to those before it, instead
    of for an answer. `by` names who answers where several models do (`--endpoint NAME=URL`); it is no part of the key,
    since the model's identity is.
    """

    role: str
    seed_id: str
    round: int
    attempt: int
    messages: tuple[Message, ...]
    seed: int
    max_tokens: int
    temperature: float
    top_p: float
    grammar: Grammar | None = None
    logprobs: bool = False
    by: str = ""
    top_logprobs: int = 0
    scored: bool = False

    @property
    def name(self) -> str:
        """Which call of the plan it is, for messages."""
        return f"call `{self.role}` of seed {self.seed_id}, round {self.round}, attempt {self.attempt}"

    def canonical(self) -> dict[str, Any]:
        """The request as plain JSON data; with the model's identity it makes the key of the response store."""
        grammar = None if self.grammar is None else {"type": self.grammar.type, "value": self.grammar.value}
        return {
            "role": self.role,
            "seed_id": self.seed_id,
            "round": self.round,
            "attempt": self.attempt,
            "messages": [dict(message) for message in self.messages],
            "seed": self.seed,
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "grammar": grammar,
            "logprobs": self.logprobs,
            # Left out where there is nothing to say: the keys of stored requests are older than these.
            **({"top_logprobs": self.top_logprobs} if self.top_logprobs else {}),
            **({"scored": True} if self.scored else {}),
        }


def request_from(canonical: Mapping[str, Any]) -> Request:
    """The request that `Request.canonical` gives as plain data.

    Raises:
        TypeError, KeyError: the data has other fields.
    """
    grammar = canonical["grammar"]
    fields = {**canonical, "messages": tuple(canonical["messages"]), "grammar": grammar and Grammar(**grammar)}
    return Request(**fields)


@dataclass(frozen=True, slots=True)
class Response:
    """What the endpoint answered.

    `finish_reason` is normalised to `stop` or `length`; `mean_logprob` (nats per token) is there when the request
    asked for log-probabilities and the server gave them. Of a message that was to be scored it is that message's, and
    there is no text. `top_logprobs` (nats, by the token's text) are those of the most likely first tokens.
    """

    text: str
    finish_reason: Literal["stop", "length"]
    prompt_tokens: int = 0
    completion_tokens: int = 0
    mean_logprob: float | None = None
    top_logprobs: Mapping[str, float] | None = None

    def canonical(self) -> dict[str, Any]:
        """The response as plain JSON data, as it is stored; most have no `top_logprobs`."""
        fields = asdict(self)
        if self.top_logprobs is None:
            del fields["top_logprobs"]
        return fields

    @property
    def answer(self) -> str:
        """The text without the white space around it and the passage of reasoning that some models open with.

        A passage that never ends leaves nothing: the tokens ran out before the answer began.
        """
        text = self.text.strip()
        if not text.startswith("<think>"):
            return text
        return text.partition("</think>")[2].strip()


Steps = Generator[Sequence[Request], list[Response], T]
"""Some of the method, without I/O: yields the requests it wants answered, is sent the responses, returns a T."""


@dataclass(frozen=True, slots=True)
class Model:
    """Which model answers: the id and the revision that the endpoint reports (revision may be empty)."""

    id: str
    revision: str = ""

    def __str__(self) -> str:
        return f"{self.id}@{self.revision}" if self.revision else self.id


def request_key(model: Model, request: Request) -> str:
    """Key of a request in the response store: SHA-256 of the model's identity and the canonical request."""
    asked = {"model": msgspec.Raw(identity(model).encode()), **request.canonical()}
    return hashlib.sha256(canonical_bytes(asked)).hexdigest()


@lru_cache(maxsize=16)  # one model is asked again and again
def identity(model: Model) -> str:
    """A model as canonical JSON."""
    return canonical_json({"id": model.id, "revision": model.revision})


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
    (its sentence was added by code). `adapted_by` is a route, or `seed` for an answer that came with the corpus; `by`
    names the model that wrote it, where several did.
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
    by: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """A preference pair: the evolved instruction, the response that meets it, another one that just misses.

    `gap` is the number of accepted turns from the rejected response to the chosen one: 1 is the hardest of the older
    ones, 0 is an answer to this very instruction. `negative` says what it is: one of `NEGATIVES`.
    `by` and `rejected_by` name the models that wrote them, where several did.
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
    by: str = ""
    rejected_by: str = ""
    negative: str = EVOLVED

    @property
    def id(self) -> str:
        """`<seed_id>-r<round>`, and `-g<gap>` when the responses are more than one accepted turn apart.

        With another negative than an older answer, `-student` or `-relaxed`.
        """
        farther = f"-g{self.gap}" if self.gap > 1 else ""
        return f"{self.seed_id}-r{self.round}{farther}" + (f"-{self.negative}" if self.negative != EVOLVED else "")


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
