"""A Request as the arguments of a chat completion, in either dialect, and a chat completion as a Response."""

from __future__ import annotations

import math
from statistics import fmean
from typing import Any, Literal

from huggingface_hub import ChatCompletionOutput, ChatCompletionOutputComplete

from ecd_data.core.request import Grammar, Model, Request, Response

Dialect = Literal["tgi", "openai"]

ENDED = {"stop", "eos_token", "stop_sequence"}


def chat_arguments(request: Request, dialect: Dialect, model: Model) -> dict[str, Any]:
    """Arguments of `AsyncInferenceClient.chat_completion` for `request`.

    Temperature 0 is greedy in both dialects, and then there is no top_p. TGI takes its one model under the name
    "tgi"; any other name means a LoRA adapter to it.
    """
    arguments: dict[str, Any] = {
        "messages": [dict(message) for message in request.messages],
        "model": "tgi" if dialect == "tgi" else model.id,
        "seed": request.seed,
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
    }
    if request.temperature > 0:
        arguments["top_p"] = request.top_p
    if request.logprobs or request.top_logprobs:
        arguments["logprobs"] = True
    if request.top_logprobs:
        arguments["top_logprobs"] = request.top_logprobs
    if request.grammar is not None:
        arguments |= _grammar_arguments(request.grammar, dialect)
    return arguments


def _grammar_arguments(grammar: Grammar, dialect: Dialect) -> dict[str, Any]:
    """TGI's `response_format` {type, value}; OpenAI's `json_schema`, and vLLM's `structured_outputs` for a regex.

    A server that ignores its field only lowers the yield, since every text is checked anyway.
    """
    if dialect == "tgi":
        return {"response_format": {"type": grammar.type, "value": grammar.value}}
    if grammar.type == "regex":
        return {"extra_body": {"structured_outputs": {"regex": grammar.value}}}
    schema = {"name": "answer", "schema": grammar.value, "strict": True}
    return {"response_format": {"type": _Verbatim("json_schema"), "json_schema": schema}}


class _Verbatim(str):
    """A string that equals no other, but is sent as it is.

    The client rewrites a response_format of type "json_schema" into one that only TGI understands: other servers
    would take it for "any JSON will do".
    """

    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other


def parse_chat(output: ChatCompletionOutput, top_logprobs: bool = False) -> Response:
    """The first choice of a chat completion; with `top_logprobs` if they were asked for and are there.

    A finish reason other than a stop or `length` (`content_filter`, `abort`, ...) counts as `length`: the text is not
    known to be complete.

    Raises:
        TypeError, LookupError, AttributeError: the server's JSON has another shape.
    """
    choice = output.choices[0]
    text = choice.message.content or ""  # null when every token went into hidden reasoning
    if not isinstance(text, str) or not isinstance(choice.finish_reason, str):
        raise TypeError("content or finish_reason is not text")
    logprobs = [token.logprob for token in (choice.logprobs.content if choice.logprobs else None) or []]
    mean = fmean(logprobs) if logprobs else math.nan
    return Response(
        text=text.encode(errors="replace").decode(),  # half a surrogate pair is no text that can be stored
        finish_reason="stop" if choice.finish_reason in ENDED else "length",
        prompt_tokens=int(output.usage.prompt_tokens or 0) if output.usage else 0,
        completion_tokens=int(output.usage.completion_tokens or 0) if output.usage else 0,
        mean_logprob=round(mean, 6) if math.isfinite(mean) else None,
        top_logprobs=_first_token(choice) if top_logprobs and choice.logprobs else None,
    )


def _first_token(choice: ChatCompletionOutputComplete) -> dict[str, float]:
    """The log-probabilities of the most likely first tokens, by their texts; none when there is no token."""
    found: dict[str, float] = {}
    for token in choice.logprobs.content[0].top_logprobs if choice.logprobs and choice.logprobs.content else ():
        if math.isfinite(token.logprob):  # of tokens with the same text, such as special ones, the likeliest
            found.setdefault(token.token.encode(errors="replace").decode(), round(token.logprob, 6))
    return found
