"""A request to a model, its response, and the key under which they are stored."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Literal, TypedDict, TypeVar

import msgspec

from ecd_data.core.hashing import canonical_bytes, canonical_json

T = TypeVar("T")
MODEL_NAME = r"[a-z][a-z0-9_-]*"  # what one of several models may be called
JUDGE = "judge"  # the name of the model that judges, where it is another one


class Message(TypedDict):
    """One chat message, as every chat API and TRL take it."""

    role: str
    content: str


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
    of for an answer. `model_name` names who answers where several models do (`--endpoint NAME=URL`); it is no part of
    the key, since the model's identity is.
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
