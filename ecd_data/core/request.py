"""A request to a model, its response, and the key under which both are stored."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, TypedDict, TypeVar

import msgspec

from ecd_data.core.hashing import canonical_bytes, canonical_json

T = TypeVar("T")
MODEL_NAME = r"[a-z][a-z0-9_-]*"  # the pattern of the names that `Request.model_name` takes
JUDGE = "judge"  # the role of a judge's requests, and the name of a judge that is another model


class Message(TypedDict):
    """One chat message, as chat APIs and TRL take it."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Grammar:
    """A constraint on the generated text: a regular expression, or a JSON Schema with top-level `properties`."""

    type: Literal["regex", "json"]
    value: str | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """One call to a model, with everything that shapes its answer and nothing else.

    role, seed_id, round, attempt: which call of the plan it is. They are part of the key, since the same messages are
        sometimes sent again on purpose for a second answer.
    messages: the chat so far.
    seed: of the sampling, 31 bits.
    max_tokens: bound on the length of the answer.
    temperature: 0 is greedy.
    top_p: strictly between 0 and 1.
    grammar: constrains the answer.
    logprobs: ask for the log-probabilities of the answer's tokens.
    model_name: which model is asked, where a method has several (`--endpoint NAME=URL`). It is not part of the key,
        which has the model itself.
    top_logprobs: ask for the log-probabilities of so many most likely first tokens.
    scored: ask for no answer, but for the likelihood of the last message as an answer to those before it.
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
    model_name: str = ""
    top_logprobs: int = 0
    scored: bool = False

    @property
    def name(self) -> str:
        """The call's name in messages to the user."""
        return f"call `{self.role}` of seed {self.seed_id}, round {self.round}, attempt {self.attempt}"

    def canonical(self) -> dict[str, Any]:
        """Return the request as plain JSON data; together with the model it makes the key."""
        fields: dict[str, Any] = msgspec.to_builtins(self)
        del fields["model_name"]
        for name in ("top_logprobs", "scored"):  # requests were stored before these fields existed
            if not fields[name]:
                del fields[name]
        return fields

    @classmethod
    def from_canonical(cls, canonical: Mapping[str, Any]) -> Request:
        """Return the request whose `canonical` data this is.

        Raises:
            TypeError, KeyError: the data has other fields.
        """
        grammar = canonical["grammar"]
        fields = {**canonical, "messages": tuple(canonical["messages"]), "grammar": grammar and Grammar(**grammar)}
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class Response:
    """The answer of a model to a request.

    text: the answer; empty for a request that is `scored`.
    finish_reason: `stop`, or `length` for a text that may be incomplete.
    prompt_tokens, completion_tokens: how many the server counted.
    mean_logprob: nats per token of the answer, or of the message that was scored; `None` unless it was asked for and
        the server gave it.
    top_logprobs: nats of the most likely first tokens, by their text; `None` unless asked for.
    """

    text: str
    finish_reason: Literal["stop", "length"]
    prompt_tokens: int = 0
    completion_tokens: int = 0
    mean_logprob: float | None = None
    top_logprobs: Mapping[str, float] | None = None

    def canonical(self) -> dict[str, Any]:
        """Return the response as plain JSON data, as it is stored; without `top_logprobs` if there are none."""
        fields: dict[str, Any] = msgspec.to_builtins(self)
        if self.top_logprobs is None:
            del fields["top_logprobs"]
        return fields

    @property
    def answer(self) -> str:
        """The text without surrounding white space and without the reasoning that some models open with.

        It is empty if the reasoning does not end: the tokens ran out before the answer began.
        """
        text = self.text.strip()
        if not text.startswith("<think>"):
            return text
        return text.partition("</think>")[2].strip()


Steps = Generator[Sequence[Request], list[Response], T]
"""A part of a method, free of I/O: it yields the requests it wants answered, is sent their responses, returns a T."""


@dataclass(frozen=True, slots=True)
class Model:
    """The identity of a model: the id and the revision that its endpoint reports (the revision may be empty)."""

    id: str
    revision: str = ""

    def __str__(self) -> str:
        return f"{self.id}@{self.revision}" if self.revision else self.id


def request_key(model: Model, request: Request) -> str:
    """Return the key of a call in the response store: hex SHA-256 of the model and the canonical request."""
    call = {"model": msgspec.Raw(model_json(model).encode()), **request.canonical()}
    return hashlib.sha256(canonical_bytes(call)).hexdigest()


@lru_cache(maxsize=16)  # the same few models, once for each call
def model_json(model: Model) -> str:
    """Return a model as canonical JSON."""
    return canonical_json({"id": model.id, "revision": model.revision})
