"""A Hugging Face Hub on loopback, kept on disk: `with Hub(Path("hub")) as hub: hub.url, hub.token`.

It answers what `huggingface_hub` and `datasets` send for dataset and model repositories over the LFS path
(HF_HUB_DISABLE_XET=1). Anything else gets a 501 that names the request. It does not prove the real Hub's policies.
"""

from __future__ import annotations

import json
import re
import secrets
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ecd_data.core.errors import EcdError
from ecd_data.local.hub.api import Api
from ecd_data.local.hub.call import Answer, Call
from ecd_data.local.hub.errors import HubError
from ecd_data.local.hub.storage import Storage

TOKEN = "hf_local"
CHUNK = 1 << 20  # bytes of a file in memory at once
POLL = 0.02  # seconds that stopping may wait for the loop that accepts connections


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

    Raises:
        EcdError: the port is taken.
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
        self._servers = [_listen(number, Handler) for number in (port, 0)]
        self.url, store = (f"http://127.0.0.1:{server.server_port}" for server in self._servers)
        self._api = Api(Storage(directory), self.tokens, self.url, store)

    def __enter__(self) -> Hub:
        for server in self._servers:
            threading.Thread(target=server.serve_forever, args=(POLL,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers:
            server.stop()

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
            answer = _refusal(error)
        except OSError as error:  # 507, "Insufficient Storage", which clients do not try again
            answer = _refusal(HubError(507, None, f"the local Hub cannot use its disk: {error}"))
        except Exception as error:
            answer = _refusal(HubError(500, None, f"the local Hub failed: {type(error).__name__}: {error}"))
        body.finish()
        _send(handler, answer)

    def _fail_if_told(self, handler: BaseHTTPRequestHandler) -> None:
        for fault in self.faults:
            method, pattern, status = fault
            if method == handler.command and re.search(pattern, handler.path):
                self.faults.remove(fault)
                raise HubError(status, None, "told to fail")


class _Server(ThreadingHTTPServer):
    """A server that is over once it is stopped: no connection outlives it."""

    daemon_threads = False  # `server_close` waits for threads that are none
    request_queue_size = 128  # the default of 5 makes clients with many connections wait for seconds

    def __init__(self, port: int, handler: type[BaseHTTPRequestHandler]) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):  # a client that left early is no error
            super().handle_error(request, client_address)

    def stop(self) -> None:
        """Ends every connection, and returns when nothing is answered any more."""
        self.shutdown()
        for connection in self._open.copy():
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()


def _listen(port: int, handler: type[BaseHTTPRequestHandler]) -> _Server:
    try:
        return _Server(port, handler)
    except OSError as error:
        raise EcdError(f"the local Hub cannot listen on port {port}: {error.strerror}; name another one.") from None


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


def _refusal(error: HubError) -> Answer:
    """The answer that an error is; what it says goes into a header too, in characters that a header can hold."""
    more = dict(error.body)
    headers = {"X-Error-Message": re.sub(r"[^ -~]+", " ", error.message)} | more.pop("headers", {})
    if error.code:
        headers["X-Error-Code"] = error.code
    return Answer(error.status, {"error": error.message, **more}, headers)


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
