"""A small text-generation server on loopback that fails the way one is told to, and remembers what it was sent."""

from __future__ import annotations

import hashlib
import json
import re
import sys
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ecd_data.core.request import Grammar, Model, Request

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


class _Server(ThreadingHTTPServer):
    request_queue_size = 512  # connections that come at once

    def handle_error(self, *address: Any) -> None:
        """Print the traceback of what went wrong, unless it is that a client did not wait for its answer."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(*address)


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
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._http = _Server(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def be_openai(self, *models: str) -> None:
        """Speak the other dialect."""
        self.routes = {"/v1/models": {"object": "list", "data": [{"id": model} for model in models]}}

    def _handler(fake) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # headers and body are two packets: else 40 ms an answer

            def do_GET(self) -> None:
                fake._seen(self)
                answer = fake.routes.get(self.path, Fault(404, {"error": "Not Found"}))
                self._send(answer if isinstance(answer, Fault) else Fault(200, answer))

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                fake._seen(self)
                with fake._lock:
                    fake.bodies.append(body)
                    fake.in_flight += 1
                    fake.most_in_flight = max(fake.most_in_flight, fake.in_flight)
                    fault = fake.faults.popleft() if fake.faults else fake.answer(body) or fake.always
                time.sleep(fake.pause())
                with fake._lock:
                    fake.in_flight -= 1
                self._send(fault or Fault(200, POSTS[self.path](body)))

            def _send(self, fault: Fault) -> None:
                fake._stop.wait(fault.hang)
                raw = fault.body if isinstance(fault.body, bytes) else json.dumps(fault.body).encode()
                self.send_response(fault.status)
                for name, value in fault.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(raw) if fault.length is None else fault.length))
                self.end_headers()
                with suppress(ConnectionError):  # a client that did not wait
                    size = 1 if fault.drip else max(1, len(raw))
                    for start in range(0, len(raw), size):
                        self.wfile.write(raw[start : start + size])
                        fake._stop.wait(fault.drip)
                self.close_connection = fault.length is not None

            def log_message(self, *_: Any) -> None:
                pass

        return Handler

    def _seen(self, handler: BaseHTTPRequestHandler) -> None:
        with self._lock:
            self.paths.append(handler.path)
            self.headers.append({name.lower(): value for name, value in handler.headers.items()})


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
