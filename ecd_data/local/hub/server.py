"""A Hugging Face Hub on loopback, kept on disk: `with Hub(Path("hub")) as hub: hub.url, hub.token`.

It answers what `huggingface_hub` and `datasets` send for dataset and model repositories over the LFS path
(HF_HUB_DISABLE_XET=1). Anything else gets a 501 that names the request. It does not prove the real Hub's policies.
"""

from __future__ import annotations

import json
import re
import secrets
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ecd_data.local.hub.api import Api
from ecd_data.local.hub.call import Answer, Call
from ecd_data.local.hub.storage import HubError, Storage

TOKEN = "hf_local"
CHUNK = 1 << 20


class Hub:
    """The Hub, as a context manager: it answers inside; its directory stays.

    Args:
        directory: where it keeps everything; a Hub that is started there again has the same repositories.
        tokens: user by token: `{"name": ..., "orgs": [...], "role": "write" or "read"}`. By default there is one,
            `hf_local`, whose user may write to any namespace.
        port: 0 takes a free one.

    Attributes:
        url, token: what HF_ENDPOINT and HF_TOKEN must be.
        requests: (method, path) of each request so far.
        faults: (method, regular expression of the path, status) of requests to fail, each used once: for tests.
    """

    def __init__(self, directory: Path, tokens: dict[str, dict[str, Any]] | None = None, port: int = 0) -> None:
        self.tokens = tokens or {TOKEN: {"name": "local", "orgs": None, "role": "write"}}
        self.token = next(iter(self.tokens))
        self.requests: list[tuple[str, str]] = []
        self.faults: list[tuple[str, str, int]] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def answer(self) -> None:
                hub._serve(self)

            do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer

            def log_message(self, *_: object) -> None:
                pass

        # Two ports: the Hub and its object store. The client follows a redirect within one origin by itself and then
        # misses X-Repo-Commit; at another origin it stops, and does not send the token there.
        self._servers = [ThreadingHTTPServer(("127.0.0.1", number), Handler) for number in (port, 0)]
        self.url, store = (f"http://127.0.0.1:{server.server_port}" for server in self._servers)
        self._api = Api(Storage(directory), self.tokens, self.url, store)

    def __enter__(self) -> Hub:
        for server in self._servers:
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        self.requests.append((handler.command, handler.path))
        url = urlsplit(handler.path)
        token = handler.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        query = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        body = _Body(handler)
        call = Call(handler.command, url.path, query, token, handler.headers.get("Range"), body.chunks)
        try:
            self._fail_if_told(handler)
            answer = self._api.answer(call)
        except HubError as error:
            headers = {"X-Error-Message": error.message}
            if error.code:
                headers["X-Error-Code"] = error.code
            headers |= error.body.pop("headers", {})
            answer = Answer(error.status, {"error": error.message, **error.body}, headers)
        body.finish()
        _send(handler, answer)

    def _fail_if_told(self, handler: BaseHTTPRequestHandler) -> None:
        for fault in self.faults:
            method, pattern, status = fault
            if method == handler.command and re.search(pattern, handler.path):
                self.faults.remove(fault)
                raise HubError(status, None, "told to fail")


class _Body:
    """The body of a request, read once, in pieces."""

    def __init__(self, handler: BaseHTTPRequestHandler) -> None:
        self._file = handler.rfile
        self._chunked = "chunked" in handler.headers.get("Transfer-Encoding", "")
        self._left = int(handler.headers.get("Content-Length") or 0)
        self.chunks = self._read()

    def _read(self) -> Iterator[bytes]:
        if self._chunked:
            while size := int(self._file.readline().split(b";")[0], 16):
                yield self._file.read(size)
                self._file.readline()
            self._file.readline()
        while self._left:
            chunk = self._file.read(min(self._left, CHUNK))
            if not chunk:
                return
            self._left -= len(chunk)
            yield chunk

    def finish(self) -> None:
        """Reads what nobody wanted: the connection goes on with the next request behind it."""
        for _ in self.chunks:
            pass


def _send(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
    headers = {"X-Request-Id": secrets.token_hex(8), **answer.headers}
    if answer.file is None:
        content = json.dumps(answer.body).encode()
        headers = {"Content-Type": "application/json; charset=utf-8", **headers, "Content-Length": str(len(content))}
    else:
        headers["Content-Length"] = str(answer.length)
    handler.send_response(answer.status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    if handler.command == "HEAD":
        return
    if answer.file is None:
        handler.wfile.write(content)
        return
    with open(answer.file, "rb") as file:
        file.seek(answer.start)
        left = answer.length
        while left and (chunk := file.read(min(left, CHUNK))):
            handler.wfile.write(chunk)
            left -= len(chunk)
