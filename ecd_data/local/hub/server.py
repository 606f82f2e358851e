"""A Hugging Face Hub on loopback, kept on disk: `with Hub(Path("hub")) as hub: hub.url, hub.token`.

It answers what `huggingface_hub` and `datasets` send for dataset and model repositories over the LFS path
(HF_HUB_DISABLE_XET=1). Anything else gets a 501 that names the request. It does not prove the real Hub's policies.
"""

from __future__ import annotations

import re
import secrets
import socket
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler

from ecd_data.core.errors import EcdError
from ecd_data.local.hub import commits, contents, files, repos
from ecd_data.local.hub.repo import HubError
from ecd_data.local.hub.request import STATE, State, User
from ecd_data.local.hub.storage import Storage
from ecd_data.local.serving import listen, serving, url_of

TOKEN = "hf_local"


class Hub:
    """The Hub, as a context manager: it answers inside the block; its directory stays.

    Args:
        directory: where it keeps everything; a Hub that is started there again has the same repositories.
        tokens: user by token: `{"name": ..., "orgs": [...], "role": "write" or "read"}`. By default there is one,
            `hf_local`, whose user may write to any namespace.
        port: 0 takes a free one.

    Attributes:
        url, token: what HF_ENDPOINT and HF_TOKEN must be.
        app: the web application that answers.
        requests: (method, path) of each request so far.
        faults: (method, regular expression of the path, status) of requests to fail, each used once: for tests.

    Raises:
        EcdError: the port is taken.
    """

    def __init__(self, directory: Path, tokens: dict[str, User] | None = None, port: int = 0) -> None:
        self.tokens = tokens or {TOKEN: {"name": "local", "orgs": None, "role": "write"}}
        self.token = next(iter(self.tokens))
        self.requests: list[tuple[str, str]] = []
        self.faults: list[tuple[str, str, int]] = []
        # Two ports: the Hub and its object store. The client follows a redirect within one origin by itself and then
        # misses X-Repo-Commit; at another origin it stops, and does not send the token there.
        listeners = _listen(port), _listen(0)
        self.url, store_url = map(url_of, listeners)
        self.app = web.Application(middlewares=[self.answer], client_max_size=0)  # no limit: a commit is one body
        self.app[STATE] = State(Storage(directory), self.tokens, self.url, store_url)
        self.app.on_response_prepare.append(_add_headers)
        for part in (repos, contents, commits, files):
            self.app.add_routes(part.routes)
        self._serving = serving(self.app, *listeners)

    def __enter__(self) -> Hub:
        self._serving.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._serving.__exit__(None, None, None)

    @web.middleware
    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Return the answer of `handler`, or the error by which the Hub refuses the request."""
        self.requests.append((request.method, request.path_qs))
        try:
            self._fail_on_purpose(request)
            return await handler(request)
        except HubError as error:
            return _refusal(error)
        except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
            message = f"the local Hub has no answer for {request.method} {request.path}"
            return _refusal(HubError(501, message))
        except OSError as error:  # 507, "Insufficient Storage", which clients do not try again
            return _refusal(HubError(507, f"the local Hub cannot use its disk: {error}"))
        except Exception as error:
            return _refusal(HubError(500, f"the local Hub failed: {type(error).__name__}: {error}"))

    def _fail_on_purpose(self, request: web.Request) -> None:
        for fault in self.faults:
            method, pattern, status = fault
            if method == request.method and re.search(pattern, request.path_qs):
                self.faults.remove(fault)
                raise HubError(status, "made to fail for a test")


def _listen(port: int) -> socket.socket:
    try:
        return listen(port)
    except OSError as error:
        raise EcdError(f"the local Hub cannot listen on port {port}: {error.strerror}; name another one.") from None


def _refusal(error: HubError) -> web.Response:
    """Return an error as an answer; its message goes into a header too, in characters that one can hold."""
    headers = {"X-Error-Message": re.sub(r"[^ -~]+", " ", error.message), **error.headers}
    if error.code:
        headers["X-Error-Code"] = error.code
    return web.json_response({"error": error.message, **error.body}, status=error.status, headers=headers)


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers["X-Request-Id"] = secrets.token_hex(8)
    if etag := response.get(files.ETAG):
        response.etag = etag
