"""TGI's answers, made from llama.cpp's."""

import time
from collections.abc import AsyncIterable, AsyncIterator
from typing import Any

from ecd_data.local.tgi.parameters import Sampling

Json = dict[str, Any]

FINISH = {"eos": "eos_token", "limit": "length", "word": "stop_sequence"}


def generated(done: Json, sampling: Sampling, prefill: list[Json]) -> Json:
    """Return the answer of `/generate`; with details, `prefill` among them, if the request has them set."""
    answer: Json = {"generated_text": _text(done)}
    if sampling.probabilities:
        entries = done.get("completion_probabilities", [])  # none when it ends within its first character
        details = {**_details(done, sampling), "prefill": prefill, "tokens": [_token(entry) for entry in entries]}
        if sampling.top_n_tokens:
            details["top_tokens"] = [_top_tokens(entry) for entry in entries]
        answer["details"] = details
    return answer


async def generated_events(events: AsyncIterable[Json], sampling: Sampling, prompt_tokens: int) -> AsyncIterator[Json]:
    """Yield the events of `/generate_stream`: one a token; the last one has the reason it ended, so each waits."""
    text, index, waiting = "", 0, None
    async for event in events:
        text += _text(event)
        if event["stop"]:
            details = {**_details(event, sampling), "input_length": prompt_tokens}
            yield {**(waiting or {}), "generated_text": text, "details": details}
            return
        if waiting is not None:
            yield waiting
        index += 1
        entry = event["completion_probabilities"][0]
        waiting = {"index": index, "token": _token(entry), "generated_text": None, "details": None}
        if sampling.top_n_tokens:
            waiting["top_tokens"] = _top_tokens(entry)


def chat(done: Json, sampling: Sampling, prompt_tokens: int, identity: Json) -> Json:
    """Return the answer of `/v1/chat/completions`."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": _text(done)},
        "logprobs": _logprobs(done, sampling),
        "finish_reason": _chat_finish(done),
    }
    head = {"object": "chat.completion", "id": "", "created": int(time.time()), **identity}
    return {**head, "choices": [choice], "usage": _usage(done, prompt_tokens)}


async def chat_events(
    events: AsyncIterable[Json], sampling: Sampling, prompt_tokens: int, identity: Json, usage: bool
) -> AsyncIterator[Json]:
    """Yield the chunks of a streamed chat, one a token; then, if `usage` is set, one with the usage."""
    head = {"object": "chat.completion.chunk", "id": "", "created": int(time.time()), **identity}
    async for event in events:
        choice = {
            "index": 0,
            "delta": {"role": "assistant", "content": _text(event)},
            "logprobs": _logprobs(event, sampling),
            "finish_reason": _chat_finish(event) if event["stop"] else None,
        }
        yield {**head, "choices": [choice]}
        if event["stop"] and usage:
            yield {**head, "choices": [], "usage": _usage(event, prompt_tokens)}


def prefill(pieces: list[tuple[int, bytes]], logprobs: list[float | None]) -> list[Json]:
    """Return the `prefill` of details: the tokens of the prompt and their log-probabilities."""
    return [
        {"id": token, "text": piece.decode(errors="replace"), "logprob": logprob}
        for (token, piece), logprob in zip(pieces, logprobs, strict=True)
    ]


def tokenized(prompt: str, pieces: list[tuple[int, bytes]]) -> Json:
    """Return the answer of `/chat_tokenize`: the place of each token in the prompt, in characters."""
    tokens, read, start = [], b"", 0
    for token, piece in pieces:
        read += piece
        stop = len(read.decode(errors="ignore"))
        tokens.append({"id": token, "text": prompt[start:stop], "start": start, "stop": stop})
        start = stop
    return {"templated_text": prompt, "tokenize_response": tokens}


def _text(event: Json) -> str:
    """Return the generated text, with the stop sequence that ended it: TGI leaves that in."""
    return event["content"] + event.get("stopping_word", "")


def _details(done: Json, sampling: Sampling) -> Json:
    return {
        "finish_reason": FINISH[done["stop_type"]],
        "generated_tokens": done["tokens_predicted"],
        "seed": sampling.seed if sampling.temperature else None,
    }


def _chat_finish(done: Json) -> str:
    reason = FINISH[done["stop_type"]]
    return "stop" if reason == "eos_token" else reason


def _usage(done: Json, prompt_tokens: int) -> Json:
    completion = done["tokens_predicted"]
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion,
        "total_tokens": prompt_tokens + completion,
    }


def _logprobs(event: Json, sampling: Sampling) -> Json | None:
    if not sampling.probabilities:
        return None
    content = []
    for entry in event.get("completion_probabilities", []):
        top = [{"token": other["token"], "logprob": other["logprob"]} for other in entry["top_logprobs"]]
        content.append(
            {"token": entry["token"], "logprob": entry["logprob"], "top_logprobs": top[: sampling.top_n_tokens]}
        )
    return {"content": content}


def _token(entry: Json) -> Json:
    # llama.cpp spells special tokens, such as the end of the text, as nothing
    return {"id": entry["id"], "text": entry["token"], "logprob": entry["logprob"], "special": not entry["bytes"]}


def _top_tokens(entry: Json) -> list[Json]:
    return [_token(other) for other in entry["top_logprobs"]]
