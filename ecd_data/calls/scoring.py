"""Scores of given answers by TGI: what is sent for one, and the log-likelihood of the answer in what comes back.

`/chat_tokenize` renders the messages before the answer with the model's chat template. `/generate` with
`decoder_input_details` then returns the log-probability of every token of the rendered prompt and of the answer
behind it.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import takewhile
from statistics import fmean
from typing import Any

from ecd_data.core.request import Request, Response

WITHOUT_SCORES = "The builder `pad` needs no scores if its option alpha is 0."


def prompt_body(request: Request) -> dict[str, Any]:
    """Return the body of `/chat_tokenize` for the messages before the one that is scored."""
    return {"model": "tgi", "messages": [dict(message) for message in request.messages[:-1]]}


def text_body(request: Request, prompt: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body of `/generate` for a rendered prompt and the message that is scored."""
    # TGI cannot generate fewer than one token.
    parameters = {"decoder_input_details": True, "details": True, "do_sample": False, "max_new_tokens": 1}
    return {"inputs": prompt["templated_text"] + request.messages[-1]["content"], "parameters": parameters}


def parse_scored(prompt: Mapping[str, Any], text: Mapping[str, Any]) -> Response:
    """Return a Response with the mean log-probability of the answer's tokens (nats per token), its end not counted.

    Args:
        prompt: the JSON returned by `/chat_tokenize`.
        text: the JSON returned by `/generate`.

    Raises:
        TypeError, LookupError, ValueError: the JSON has another shape, or no token belongs to the answer.
    """
    tokens = text["details"]["prefill"]
    prompt_ids = [token["id"] for token in prompt["tokenize_response"]]
    start = _answer_start(prompt_ids, [token["id"] for token in tokens])
    mean = fmean(float(token["logprob"]) for token in tokens[start:])
    if not math.isfinite(mean):
        raise ValueError("a log-probability is not finite")
    return Response(
        text="",
        finish_reason="stop",
        prompt_tokens=len(tokens),
        completion_tokens=int(text["details"]["generated_tokens"]),
        mean_logprob=round(mean, 6),
    )


def _answer_start(prompt: Sequence[int], tokens: Sequence[int]) -> int:
    """Return the position of the answer's first token. TGI may put a start token in front of the rendered prompt."""
    offset = max((0, 1), key=lambda offset: _common_prefix(prompt, tokens[offset:]))
    return offset + _common_prefix(prompt, tokens[offset:])


def _common_prefix(one: Sequence[int], other: Sequence[int]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
