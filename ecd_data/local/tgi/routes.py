"""TGI's HTTP routes over an engine: `/generate`, `/generate_stream`, `/v1/chat/completions`, `/info` and the rest."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias

from ecd_data.local.tgi import answers
from ecd_data.local.tgi.answers import Json
from ecd_data.local.tgi.engine import ClientGone, Engine
from ecd_data.local.tgi.parameters import (
    DEFAULT_NEW_TOKENS,
    MAX_STOP,
    Sampling,
    TgiError,
    chat_sampling,
    generate_sampling,
    invalid,
    parse,
)

Events: TypeAlias = Generator[Json, None, None]

MAX_REQUESTS = 128  # in flight, waiting ones included; beyond it TGI answers 429
MAX_BODY = 2_000_000  # bytes, TGI's payload limit


class Facade(ThreadingHTTPServer):
    """TGI's routes over an engine."""

    daemon_threads = True
    request_queue_size = MAX_REQUESTS

    def __init__(self, engine: Engine, *, port: int, slots: int, model_id: str, revision: str) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.engine, self.model_id = engine, model_id
        self.identity = {"model": model_id, "system_fingerprint": f"llama.cpp-{engine.version}"}
        self.requests = threading.BoundedSemaphore(MAX_REQUESTS)
        self.slots = threading.BoundedSemaphore(slots)
        self.info = {
            "model_id": model_id,
            "model_sha": revision,
            "model_pipeline_tag": "text-generation",
            "max_concurrent_requests": MAX_REQUESTS,
            "max_best_of": 1,
            "max_stop_sequences": MAX_STOP,
            "max_input_tokens": engine.context - 1,
            "max_total_tokens": engine.context,
            "validation_workers": 1,
            "max_client_batch_size": 1,
            "router": "ecd_data.local",
            "version": engine.version,
            "sha": None,
            "docker_label": None,
        }

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no news; anything else goes to the log."""
        if not isinstance(sys.exc_info()[1], ConnectionError | ClientGone):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Facade
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        created = {"object": "model", "created": 0, "owned_by": self.server.model_id}
        routes: dict[str, Json] = {
            "/info": self.server.info,
            "/health": {},
            "/v1/models": {"object": "list", "data": [{"id": self.server.model_id, **created}]},
        }
        answer = routes.get(self.path)
        self._json(200, answer) if answer is not None else self._unknown()

    def do_POST(self) -> None:
        routes: dict[str, Callable[[Json], Json | list[Json] | Events]] = {
            "/": lambda body: self._generate_stream(body) if body.get("stream") else [self._generate(body)],
            "/generate": self._generate,
            "/generate_stream": self._generate_stream,
            "/chat_tokenize": self._chat_tokenize,
            "/v1/chat/completions": lambda body: self._chat_stream(body) if body.get("stream") else self._chat(body),
        }
        route = routes.get(self.path)
        try:
            body = self._read()
            if route is None:
                self._unknown()
                return
            if not self.server.requests.acquire(blocking=False):
                raise TgiError(429, "overloaded", "Model is overloaded")
            try:
                with self.server.slots:
                    answer = route(parse(body))
                    self._events(answer) if isinstance(answer, Generator) else self._json(200, answer)
            finally:
                self.server.requests.release()
        except TgiError as error:
            self._json(error.status, error.body)

    # The routes that generate

    def _generate(self, body: Json) -> Json:
        prompt, tokens, sampling = self._prepare_generate(body)
        engine, prefill = self.server.engine, []
        if sampling.prefill:
            pieces = engine.pieces(body["inputs"])
            prefill = answers.prefill(pieces, engine.prefill(pieces, self.connection))
        done = engine.complete(prompt, tokens, sampling, self.connection)
        return answers.generated(done, sampling, prefill)

    def _generate_stream(self, body: Json) -> Events:
        prompt, tokens, sampling = self._prepare_generate(body, stream=True)
        events = self.server.engine.stream(prompt, tokens, sampling)
        return answers.generated_events(events, sampling, len(prompt))

    def _chat_tokenize(self, body: Json) -> Json:
        prompt = self._rendered(body)
        return answers.tokenized(prompt, self.server.engine.pieces(prompt))

    def _chat(self, body: Json) -> Json:
        prompt, tokens, sampling = self._prepare_chat(body)
        done = self.server.engine.complete(prompt, tokens, sampling, self.connection)
        return answers.chat(done, sampling, len(prompt), self.server.identity)

    def _chat_stream(self, body: Json) -> Events:
        prompt, tokens, sampling = self._prepare_chat(body)
        events = self.server.engine.stream(prompt, tokens, sampling)
        usage = bool((body.get("stream_options") or {}).get("include_usage"))
        return answers.chat_events(events, sampling, len(prompt), self.server.identity, usage)

    # What they share

    def _prepare_generate(self, body: Json, stream: bool = False) -> tuple[list[int], int, Sampling]:
        inputs = body.get("inputs")
        if not isinstance(inputs, str) or not inputs:
            raise invalid("`inputs` cannot be empty")
        sampling = generate_sampling(body.get("parameters"), stream)
        return self._prepare(inputs, sampling)

    def _prepare_chat(self, body: Json) -> tuple[list[int], int, Sampling]:
        return self._prepare(self._rendered(body), chat_sampling(body))

    def _rendered(self, body: Json) -> str:
        messages = body.get("messages")
        if not isinstance(messages, list) or not messages:
            raise invalid("`messages` must be a list that is not empty")
        return self.server.engine.render(messages)

    def _prepare(self, prompt: str, sampling: Sampling) -> tuple[list[int], int, Sampling]:
        ids, context = self.server.engine.tokenize(prompt), self.server.engine.context
        if len(ids) >= context:
            raise invalid(f"`inputs` must have less than {context} tokens. Given: {len(ids)}")
        tokens = sampling.max_new_tokens or min(DEFAULT_NEW_TOKENS, context - len(ids))
        if len(ids) + tokens > context:
            raise invalid(
                f"`inputs` tokens + `max_new_tokens` must be <= {context}. "
                f"Given: {len(ids)} `inputs` tokens and {tokens} `max_new_tokens`"
            )
        return ids, tokens, sampling

    # HTTP

    def _read(self) -> bytes:
        try:
            length = int(self.headers.get("Content-Length") or 0)
        except ValueError:
            length = -1
        if not 0 <= length <= MAX_BODY:
            self.close_connection = True
            raise TgiError(413, "validation", f"the body must have a Content-Length of at most {MAX_BODY} bytes")
        return self.rfile.read(length)

    def _json(self, status: int, answer: Json | list[Json]) -> None:
        body = json.dumps(answer, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _events(self, events: Events) -> None:
        with closing(events):  # when the client hangs up, the generation stops
            event = next(events, None)  # a refusal comes here, before the head of the answer is sent
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            while event is not None:
                self.wfile.write(b"data: " + json.dumps(event, ensure_ascii=False).encode() + b"\n\n")
                event = next(events, None)
        if self.path.startswith("/v1/"):
            self.wfile.write(b"data: [DONE]\n\n")

    def _unknown(self) -> None:
        self._json(404, {"error": f"no such route: {self.command} {self.path}", "error_type": "not_found"})

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: requests are data, and data stays out of logs."""
