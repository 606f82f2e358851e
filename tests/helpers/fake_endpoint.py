"""A small text-generation server on loopback that fails as a test wants it to, and remembers what it was sent."""

import asyncio
import hashlib
import json
import re
import zlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from ecd_data.core.request import Grammar, Model, Request
from ecd_data.local.serving import listen, serving, url_of

TGI_MODEL = Model("test/tiny-model", "0123abcd")
TGI_INFO = {
    "model_id": TGI_MODEL.id,
    "model_sha": TGI_MODEL.revision,
    "max_input_tokens": 1024,
    "max_total_tokens": 2048,
}


def chat_completion(body: dict[str, Any], finish_reason: str | None = "stop") -> dict[str, Any]:
    """A deterministic answer, in the shape that TGI and the OpenAI servers share."""
    text = "answer " + hashlib.sha256(json.dumps([body["messages"], body["seed"]]).encode()).hexdigest()[:12]
    likely = [{"token": word, "logprob": p} for word, p in [("answer", -0.25), (" B", -1.1234567), ("", -7), ("", -8)]]
    top = likely[: body.get("top_logprobs") or 0]
    tokens = [{"token": "answer", "logprob": -0.25, "top_logprobs": top}, {"token": text[6:], "logprob": -0.5}]
    return {
        "object": "chat.completion",
        "id": "",
        "created": 0,
        "model": "test/tiny-model",
        "system_fingerprint": "3.3.6-native",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "logprobs": {"content": tokens} if body.get("logprobs") else None,
                "finish_reason": finish_reason,
            }
        ],
        "usage": {"prompt_tokens": 11, "completion_tokens": 2, "total_tokens": 13},
    }


def chat_tokenized(body: dict[str, Any]) -> dict[str, Any]:
    """A template of a word for each role, and a token for each word."""
    text = " ".join(f"{message['role']} {message['content']}" for message in body["messages"]) + " assistant "
    return {"templated_text": text, "tokenize_response": _words(text)}


def generated(body: dict[str, Any]) -> dict[str, Any]:
    """A token for each word, with a start token in front as TGI puts it, each less likely than the one before."""
    words = [{"id": 1, "text": "<s>"}, *_words(body["inputs"])]
    prefill = [{"id": w["id"], "text": w["text"], "logprob": -0.5 * i if i else None} for i, w in enumerate(words)]
    details = {"finish_reason": "length", "generated_tokens": 1, "seed": None, "prefill": prefill, "tokens": []}
    return {"generated_text": "so", "details": details}


def _words(text: str) -> list[dict[str, Any]]:
    return [
        {"id": zlib.crc32(found[0].encode()), "text": found[0], "start": found.start(), "stop": found.end()}
        for found in re.finditer(r"\S+", text)
    ]


POSTS = {
    "/v1/chat/completions": chat_completion,
    "/chat_tokenize": chat_tokenized,
    "/generate": generated,
}


@dataclass
class Fault:
    """One answer that is not the usual one.

    `body` may be JSON data or raw bytes; `length` lies about its size; `drip` is seconds between two of its bytes.
    """

    status: int = 200
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None
    hang: float = 0
    drip: float = 0


class FakeServer:
    """Serves `routes` (GET) and `POSTS`; the next POSTs get `faults` while there are any."""

    def __init__(self) -> None:
        self.routes: dict[str, Any] = {"/info": TGI_INFO}
        self.faults: deque[Fault] = deque()
        self.always: Fault | None = None
        self.answer: Callable[[dict[str, Any]], Fault | None] = lambda body: None
        self.pause: Callable[[], float] = lambda: 0.0
        self.bodies: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.in_flight = self.most_in_flight = 0
        app, listener = web.Application(client_max_size=0), listen()
        app.router.add_get("/{path:.*}", self._get)
        app.router.add_post("/{path:.*}", self._post)
        self.url = url_of(listener)
        self._serving = serving(app, listener)
        self._serving.__enter__()

    def stop(self) -> None:
        self._serving.__exit__(None, None, None)

    def be_openai(self, *models: str) -> None:
        """Speak the other dialect."""
        self.routes = {"/v1/models": {"object": "list", "data": [{"id": model} for model in models]}}

    async def _get(self, request: web.Request) -> web.StreamResponse:
        self._remember(request)
        answer = self.routes.get(request.path, Fault(404, {"error": "Not Found"}))
        return await _send(request, answer if isinstance(answer, Fault) else Fault(200, answer))

    async def _post(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self._remember(request)
        self.bodies.append(body)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            fault = self.faults.popleft() if self.faults else self.answer(body) or self.always
            await asyncio.sleep(self.pause())
        finally:
            self.in_flight -= 1
        return await _send(request, fault or Fault(200, POSTS[request.path](body)))

    def _remember(self, request: web.Request) -> None:
        self.paths.append(request.path)
        self.headers.append({name.lower(): value for name, value in request.headers.items()})


async def _send(request: web.Request, fault: Fault) -> web.StreamResponse:
    await asyncio.sleep(fault.hang)
    raw = fault.body if isinstance(fault.body, bytes) else json.dumps(fault.body).encode()
    response = web.StreamResponse(status=fault.status, headers=fault.headers)
    response.content_length = len(raw) if fault.length is None else fault.length
    if fault.length is not None:
        response.force_close()
    await response.prepare(request)
    size = 1 if fault.drip else max(1, len(raw))
    for start in range(0, len(raw), size):
        await response.write(raw[start : start + size])
        await asyncio.sleep(fault.drip)
    return response


def make_request(number: int = 0, *, grammar: Grammar | None = None, **changes: Any) -> Request:
    values: dict[str, Any] = {
        "role": "edit",
        "seed_id": f"seed{number}",
        "round": 1,
        "attempt": 0,
        "messages": ({"role": "system", "content": "Be brief."}, {"role": "user", "content": f"Élan no. {number}?"}),
        "seed": 1234 + number,
        "max_tokens": 64,
        "temperature": 0.7,
        "top_p": 0.95,
        "grammar": grammar,
    }
    return Request(**{**values, **changes})
