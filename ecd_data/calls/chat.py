"""A Request as the arguments of a chat completion, in either dialect, and a chat completion as a Response."""

import math
from statistics import fmean
from typing import Any, Literal

from huggingface_hub import ChatCompletionOutput, ChatCompletionOutputComplete

from ecd_data.core.request import Grammar, Model, Request, Response

Dialect = Literal["tgi", "openai"]

STOP_REASONS = {"stop", "eos_token", "stop_sequence"}


def chat_arguments(request: Request, dialect: Dialect, model: Model) -> dict[str, Any]:
    """Return the arguments of `AsyncInferenceClient.chat_completion` for a request.

    Temperature 0 is greedy in both dialects and excludes top_p. TGI serves its one model under the name "tgi"; any
    other name means a LoRA adapter.
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
    """Return `response_format` as TGI or OpenAI takes it, or `structured_outputs` of vLLM for a regex.

    A server that ignores its field only lowers the yield, since every text is checked anyway.
    """
    if dialect == "tgi":
        return {"response_format": {"type": grammar.type, "value": grammar.value}}
    if grammar.type == "regex":
        return {"extra_body": {"structured_outputs": {"regex": grammar.value}}}
    schema = {"name": "answer", "schema": grammar.value, "strict": True}
    return {"response_format": {"type": _Verbatim("json_schema"), "json_schema": schema}}


class _Verbatim(str):
    """A string that is sent as it is, but does not equal any other.

    The client rewrites a response_format of type "json_schema" into one that only TGI understands; other servers would
    accept any JSON then.
    """

    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other


def parse_chat(output: ChatCompletionOutput, top_logprobs: bool = False) -> Response:
    """Return the first choice of a chat completion.

    A finish reason other than a stop or `length` (`content_filter`, `abort`, ...) counts as `length`, since the text
    may be incomplete.

    Args:
        output: the completion.
        top_logprobs: the request asked for those of the first token; they are returned if the server gives any.

    Raises:
        TypeError, LookupError, AttributeError: the server's JSON has another shape.
    """
    choice = output.choices[0]
    text = choice.message.content or ""  # null if every token was spent on hidden reasoning
    if not isinstance(text, str) or not isinstance(choice.finish_reason, str):
        raise TypeError("content or finish_reason is not text")
    logprobs = [token.logprob for token in (choice.logprobs.content if choice.logprobs else None) or []]
    mean = fmean(logprobs) if logprobs else math.nan
    return Response(
        text=_storable(text),
        finish_reason="stop" if choice.finish_reason in STOP_REASONS else "length",
        prompt_tokens=int(output.usage.prompt_tokens or 0) if output.usage else 0,
        completion_tokens=int(output.usage.completion_tokens or 0) if output.usage else 0,
        mean_logprob=round(mean, 6) if math.isfinite(mean) else None,
        top_logprobs=_first_token_logprobs(choice) if top_logprobs and choice.logprobs else None,
    )


def _first_token_logprobs(choice: ChatCompletionOutputComplete) -> dict[str, float]:
    """Return the log-probabilities of the most likely first tokens, by their text; empty if there is no token."""
    logprobs: dict[str, float] = {}
    for token in choice.logprobs.content[0].top_logprobs if choice.logprobs and choice.logprobs.content else ():
        if math.isfinite(token.logprob):  # of tokens with the same text, such as special ones, keep the most likely
            logprobs.setdefault(_storable(token.token), round(token.logprob, 6))
    return logprobs


def _storable(text: str) -> str:
    """Return the text with `?` in place of unpaired surrogates, which UTF-8 cannot encode."""
    return text.encode(errors="replace").decode()
