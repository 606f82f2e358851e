"""How likely a given answer is to a model, by TGI: what is sent for that, and the log-likelihood in what comes back.

`/chat_tokenize` renders the messages before the answer as the model's chat template has it, and `/generate` with
`decoder_input_details` tells the log-probability of every token of that and the answer behind it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import takewhile
from statistics import fmean
from typing import Any

from ecd_data.core.request import Request, Response

SELECTION = "The builder `pad` needs no scores where its option alpha is 0."


def prompt_body(request: Request) -> dict[str, Any]:
    """The body of `/chat_tokenize` for the messages before the one that is scored."""
    return {"model": "tgi", "messages": [dict(message) for message in request.messages[:-1]]}


def text_body(request: Request, prompt: Mapping[str, Any]) -> dict[str, Any]:
    """The body of `/generate` for a rendered prompt and the message that is scored; TGI generates at least a token."""
    parameters = {"decoder_input_details": True, "details": True, "do_sample": False, "max_new_tokens": 1}
    return {"inputs": prompt["templated_text"] + request.messages[-1]["content"], "parameters": parameters}


def parse_scored(prompt: Mapping[str, Any], text: Mapping[str, Any]) -> Response:
    """The mean log-probability (nats per token) of the answer's tokens, without that of its end.

    Args:
        prompt: what `/chat_tokenize` gave.
        text: what `/generate` gave.

    Raises:
        TypeError, LookupError, ValueError: the server's JSON has another shape, or no token is the answer's.
    """
    tokens = text["details"]["prefill"]
    known = [token["id"] for token in prompt["tokenize_response"]]
    logprobs = [float(token["logprob"]) for token in tokens[_shared(known, [token["id"] for token in tokens]) :]]
    mean = fmean(logprobs)
    if not math.isfinite(mean):
        raise ValueError("a log-probability that is no number")
    return Response(
        text="",
        finish_reason="stop",
        prompt_tokens=len(tokens),
        completion_tokens=int(text["details"]["generated_tokens"]),
        mean_logprob=round(mean, 6),
    )


def _shared(prompt: Sequence[int], tokens: Sequence[int]) -> int:
    """How many of the first tokens are the prompt's: TGI may put a start token in front of what the template made."""
    first = max((0, 1), key=lambda first: _common(prompt, tokens[first:]))
    return first + _common(prompt, tokens[first:])


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
