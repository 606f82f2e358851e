"""TGI's request parameters: checked as TGI's router checks them, and turned into llama.cpp's."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ecd_data.local.tgi.grammar import lark

MAX_STOP = 4
MAX_TOP_TOKENS = 5
DEFAULT_NEW_TOKENS = 1024


class TgiError(Exception):
    """An answer other than 200, in TGI's shape: `{"error": ..., "error_type": ...}`."""

    def __init__(self, status: int, error_type: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": message, "error_type": error_type}


def invalid(message: str) -> TgiError:
    """Return the 422 for a request that TGI's validation refuses."""
    return TgiError(422, "validation", f"Input validation error: {message}")


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to generate. `temperature` 0 is greedy; `grammar` is the right-hand side of an LLGuidance rule."""

    temperature: float
    seed: int
    max_new_tokens: int | None
    top_p: float
    top_k: int
    typical_p: float
    repetition_penalty: float
    frequency_penalty: float
    presence_penalty: float
    stop: tuple[str, ...]
    grammar: str | None
    top_n_tokens: int
    probabilities: bool
    prefill: bool = False

    def llama_cpp(self) -> dict[str, Any]:
        """Return the same as fields of llama.cpp's `/completion`, with the samplers in TGI's order."""
        return {
            "samplers": ["penalties", "temperature", "top_k", "top_p", "typ_p"],
            "temperature": self.temperature,
            # 2**32 - 1 means "draw one" to llama.cpp.
            "seed": self.seed % (2**32 - 1),
            "top_p": self.top_p,
            "top_k": self.top_k,
            "typical_p": self.typical_p,
            "repeat_penalty": self.repetition_penalty,
            "frequency_penalty": self.frequency_penalty,
            "presence_penalty": self.presence_penalty,
            "stop": list(self.stop),
            "n_probs": max(1, self.top_n_tokens) if self.probabilities else 0,
            **({} if self.grammar is None else {"grammar": f"%llguidance {{}}\nstart: {self.grammar}"}),
        }


def generate_sampling(parameters: object, stream: bool) -> Sampling:
    """Read the `parameters` of `/generate`, which samples when `do_sample` or any sampling parameter is given.

    Raises:
        TgiError: 422, a parameter is out of range, of the wrong type or not served here.
    """
    if parameters is None:  # TGI's default when the whole field is missing
        parameters = {"do_sample": True}
    read = _Reader(parameters, "parameters")
    read.refuse("watermark", "adapter_id", "return_full_text")
    prefill = read.boolean("decoder_input_details")
    if prefill and stream:
        raise invalid("`decoder_input_details` == true is not supported when streaming tokens")
    if (read.integer("best_of", 1) or 1) != 1:
        raise invalid("`best_of` other than 1 is not served by the local endpoint")
    sampled = any(read.fields.get(name) is not None for name in ("temperature", "top_p", "top_k", "typical_p"))
    sampling = read.boolean("do_sample") or sampled
    return _sampling(
        read,
        temperature=read.positive("temperature", 1.0) if sampling else 0.0,
        max_new_tokens=read.integer("max_new_tokens", 1),
        grammar=read.fields.get("grammar"),
        top_n_tokens=read.integer("top_n_tokens", 0, MAX_TOP_TOKENS) or 0,
        probabilities=stream or prefill or read.boolean("details"),
        prefill=prefill,
    )


def chat_sampling(body: Mapping[str, Any]) -> Sampling:
    """Read the parameters in the body of `/v1/chat/completions`, which samples unless `temperature` is 0.

    Raises:
        TgiError: 422, a parameter is out of range, of the wrong type or not served here.
    """
    read = _Reader(body, "body")
    read.refuse("tools")
    greedy = body.get("temperature") == 0
    return _sampling(
        read,
        temperature=0.0 if greedy else read.positive("temperature", 1.0),
        max_new_tokens=read.integer("max_tokens", 1),
        grammar=body.get("response_format"),
        top_n_tokens=read.integer("top_logprobs", 0, MAX_TOP_TOKENS) or 0,
        probabilities=read.boolean("logprobs"),
    )


def _sampling(read: _Reader, *, grammar: object, **given: Any) -> Sampling:
    stop = read.fields.get("stop") or []
    if not isinstance(stop, list) or not all(isinstance(text, str) and text for text in stop):
        raise invalid("`stop` must be a list of strings that are not empty")
    if len(stop) > MAX_STOP:
        raise invalid(f"`stop` supports up to {MAX_STOP} stop sequences. Given: {len(stop)}")
    seed = read.integer("seed", 0)
    return Sampling(
        seed=secrets.randbits(31) if seed is None else seed,
        top_p=read.share("top_p"),
        top_k=read.integer("top_k", 1) or 0,
        typical_p=read.share("typical_p"),
        repetition_penalty=read.positive("repetition_penalty", 1.0),
        frequency_penalty=read.penalty("frequency_penalty"),
        presence_penalty=read.penalty("presence_penalty"),
        stop=tuple(stop),
        grammar=_grammar(grammar),
        **given,
    )


def _grammar(grammar: object) -> str | None:
    if grammar is None:
        return None
    try:
        if not isinstance(grammar, Mapping):
            raise ValueError("expected an object")
        return lark(grammar)
    except ValueError as error:  # json.JSONDecodeError is one
        raise invalid(f"grammar is not valid: {error}") from error


class _Reader:
    """Reader of typed fields; a null counts as missing, as it does in TGI."""

    def __init__(self, fields: object, name: str) -> None:
        if not isinstance(fields, Mapping):
            raise invalid(f"`{name}` must be an object")
        self.fields: Mapping[str, Any] = fields

    def refuse(self, *names: str) -> None:
        for name in names:
            if self.fields.get(name):
                raise invalid(f"`{name}` is not served by the local endpoint; leave it out")

    def boolean(self, name: str) -> bool:
        value = self.fields.get(name)
        if value is not None and not isinstance(value, bool):
            raise invalid(f"`{name}` must be true or false")
        return bool(value)

    def integer(self, name: str, low: int, high: int = 2**63) -> int | None:
        value = self.fields.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise invalid(
                f"`{name}` must be an integer of at least {low}" + (f" and at most {high}" if high < 100 else "")
            )
        return value

    def positive(self, name: str, default: float) -> float:
        return self._number(name, default, lambda value: 0 < value < float("inf"), "be strictly positive")

    def share(self, name: str) -> float:
        return self._number(name, 1.0, lambda value: 0 < value < 1, "be > 0.0 and < 1.0")

    def penalty(self, name: str) -> float:
        return self._number(name, 0.0, lambda value: -2 <= value <= 2, "be between -2.0 and 2.0")

    def _number(self, name: str, default: float, holds: Callable[[float], bool], rule: str) -> float:
        value = self.fields.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float) or not holds(value):
            raise invalid(f"`{name}` must {rule}")
        return float(value)


def parse(body: bytes) -> dict[str, Any]:
    """Return the JSON object in a request's body.

    Raises:
        TgiError: 422, it is not a JSON object.
    """
    try:
        fields = json.loads(body)
    except ValueError as error:
        raise invalid(f"the body is not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise invalid("the body must be a JSON object")
    return fields
