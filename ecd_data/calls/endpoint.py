"""One text-generation endpoint: which model it serves, and what it answers to a Request.

    async with Endpoint("http://localhost:8080") as endpoint:
        model = await endpoint.identify()
        response = await endpoint.complete(request)

Two dialects of one chat API: `tgi` (text-generation-inference, told by its `/info`) and `openai` (vLLM, SGLang,
llama.cpp, transformers serve, told by `/v1/models`).
"""

from __future__ import annotations

import asyncio
import random
from types import TracebackType
from typing import Any, cast

from huggingface_hub import AsyncInferenceClient, get_async_session
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled
from huggingface_hub.utils import httpx

from ecd_data.calls.chat import Dialect, chat_arguments, parse_chat
from ecd_data.errors import EndpointError
from ecd_data.values import Model, Request, Response

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds between two tries; the bound doubles from the first to the longest
IDENTIFY_TIMEOUT = 30.0  # seconds; a server that is up tells its model at once
RETRIED = {408, 424, 425, 429}  # and every 5xx; 424 is TGI's "generation failed", 429 its "overloaded"


class Endpoint:
    """The text-generation server at `url`, which speaks TGI's or OpenAI's chat API.

    `timeout` is in seconds, for one try; a call is tried `max_retries` times more when the server is overloaded,
    fails or cannot be reached, after a growing random pause or the seconds that a `Retry-After` header asks for (at
    most a minute). `retries` counts these tries. `token` goes into the Authorization header and nowhere
    else; messages call it `token_name`. Open it with `async with`, in the event loop that uses it; it may be opened
    again later.

    Raises:
        EndpointError: by every method, when the server cannot be used; the message says what to change.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        token_name: str = "ECD_TOKEN",
        timeout: float = 120,
        max_retries: int = 6,
    ) -> None:
        self.url = parse_url(url)
        self._token_name = token_name
        self.timeout = timeout
        self.max_retries = max_retries
        self.retries = 0
        self._token = (token or "").strip()
        if not (self._token.isascii() and self._token.isprintable()):
            raise EndpointError(f"The token has characters that no HTTP header can carry: check {token_name}.")
        self._dialect: Dialect = "tgi"
        self._model = Model("")
        self._limits = ""

    async def __aenter__(self) -> Endpoint:
        # Left to itself, the client sends the user's Hugging Face token to whatever server this is. It takes a
        # header of None out of the request.
        self._headers = {"authorization": f"Bearer {self._token}" if self._token else None}
        self._client = AsyncInferenceClient(
            base_url=self.url,
            token="unused",
            headers=cast(dict[str, str], self._headers),
            timeout=self.timeout,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._client.close()

    async def identify(self, model: str | None = None) -> Model:
        """The model that the server says it serves; `model` chooses one when it serves several."""
        answer = await self._get("/info")
        info = _json_object(answer)
        if isinstance(info.get("model_id"), str):
            self._dialect = "tgi"
            served = [Model(info["model_id"], str(info.get("model_sha") or ""))]
        else:
            self._dialect = "openai"
            answer = await self._get("/v1/models")
            listing = _json_object(answer).get("data")
            entries = [entry for entry in listing if isinstance(entry, dict)] if isinstance(listing, list) else []
            served = [Model(entry["id"]) for entry in entries if isinstance(entry.get("id"), str)]
        if not served:
            raise EndpointError(
                f"{self.url} shows no model: GET /v1/models gives {self._quote(answer)}; {self._advice(answer)}."
            )
        self._model = _choose(served, model, self.url)
        limits = [f"{key} {info[key]}" for key in ("max_input_tokens", "max_total_tokens") if key in info]
        self._limits = f" (the server has {', '.join(limits)})" if limits else ""
        return self._model

    async def complete(self, request: Request) -> Response:
        """The answer to `request`; `identify` comes first, since it tells the dialect."""
        call = f"call `{request.role}` of seed {request.seed_id}, round {request.round}"
        for attempt in range(self.max_retries + 1):
            try:
                return await self._try(request, call)
            except _Trouble as trouble:
                said, pause = trouble.said, trouble.retry_after
            if attempt < self.max_retries:
                self.retries += 1
                pause += random.uniform(0, FIRST_PAUSE * 2**attempt)  # full jitter: the calls in flight spread out
                await asyncio.sleep(min(pause, LONGEST_PAUSE))
        raise EndpointError(
            f"{self.url} failed {self.max_retries + 1} times at {call}; the last time: {said}. Everything answered so "
            "far is stored: the same command goes on when the server is well, or with a lower --max-concurrency."
        )

    async def _try(self, request: Request, call: str) -> Response:
        """One try; raises _Trouble for what may go better next time and EndpointError for what will not."""
        arguments = chat_arguments(request, self._dialect, self._model)
        try:
            return parse_chat(await self._client.chat_completion(**arguments))
        except TimeoutError as error:
            raise _Trouble(f"no answer within {self.timeout:g} s") from error
        except HfHubHTTPError as error:
            said = self._quote(error.response)
            if _passing(error.response):
                raise _Trouble(said, _retry_after(error.response)) from error
            raise EndpointError(f"{self.url} refuses {call}: {said}; {self._advice(error.response)}.") from error
        except OfflineModeIsEnabled as error:
            raise _offline(self.url) from error
        except httpx.HTTPError as error:
            raise _Trouble(self._clean(f"the connection broke ({str(error) or type(error).__name__})")) from error
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise _Trouble("an answer that is no chat completion") from error

    async def _get(self, path: str) -> httpx.Response:
        """What the server answers at `path`, unless it is down or overloaded."""
        headers = {key: value for key, value in self._headers.items() if value}
        try:
            async with get_async_session() as session:
                response = await session.get(
                    self.url + path,
                    headers=headers,
                    timeout=min(self.timeout, IDENTIFY_TIMEOUT),
                    follow_redirects=False,  # prompts go to the host that was named and to no other
                )
        except OfflineModeIsEnabled as error:
            raise _offline(self.url) from error
        except httpx.HTTPError as error:
            said = self._clean(str(error)) or type(error).__name__
            raise EndpointError(
                f"{self.url} does not answer ({said}): start the text-generation server, or check --endpoint."
            ) from error
        if response.is_redirect:
            target = self._clean(response.headers.get("location", ""))
            raise EndpointError(f"{self.url} redirects to {target}: give that server's base URL as --endpoint.")
        if _passing(response):
            raise EndpointError(
                f"{self.url} is not ready: GET {path} gives {self._quote(response)}; if it is still loading its "
                "model, wait and run the same command again."
            )
        return response

    def _advice(self, response: httpx.Response) -> str:
        """What to change after an answer that will be the same next time."""
        if response.status_code in (401, 403):
            name = self._token_name
            return f"it does not accept the token in {name}" if self._token else f"set {name} to a token for it"
        if response.status_code in (400, 413, 422):
            return f"shorten the seed or lower max_tokens in the recipe{self._limits}, or mend what it names"
        return "check --endpoint, it is a text-generation server's base URL such as http://localhost:8080, and --model"

    def _quote(self, response: httpx.Response) -> str:
        """Status and the server's own message, in one line."""
        status = f"{response.status_code} {response.reason_phrase}".strip()
        if response.text.lstrip().startswith("<"):
            return f"{status}, an HTML page"
        try:
            body = response.json()
            error = body.get("error", body)
            message = error if isinstance(error, str) else error.get("message") or error.get("detail") or error
        except (ValueError, AttributeError):
            message = response.text
        return self._clean(f"{status}: {message}") if message else status

    def _clean(self, text: str) -> str:
        """One line of at most 300 characters, without the token should the server echo it."""
        text = text.replace(self._token, "***") if self._token else text
        text = " ".join(text.split())
        return text if len(text) <= 300 else text[:299] + "…"


def identify(url: str, token: str | None = None, model: str | None = None, token_name: str = "ECD_TOKEN") -> Model:
    """The model that the server at `url` serves, for code outside an event loop; see `Endpoint.identify`."""

    async def ask() -> Model:
        async with Endpoint(url, token=token, token_name=token_name) as endpoint:
            return await endpoint.identify(model)

    return asyncio.run(ask())


def parse_url(url: str) -> str:
    """The server's base URL: http or https, without a trailing slash or `/v1`."""
    try:
        parsed = httpx.URL(url.strip())
    except httpx.InvalidURL:
        parsed = httpx.URL("")
    if parsed.scheme not in ("http", "https") or not parsed.host or (parsed.port or 0) > 65535:
        raise EndpointError(f"--endpoint {url!r} is no http or https URL; give one such as http://localhost:8080.")
    if parsed.userinfo or parsed.query or parsed.fragment:
        raise EndpointError(
            f"--endpoint takes a base URL such as {parsed.scheme}://{parsed.host}: put a token into ECD_TOKEN, not "
            "into the URL, and leave out what follows `?` or `#`."
        )
    return str(parsed).rstrip("/").removesuffix("/v1").rstrip("/")


class _Trouble(Exception):
    """What may go better next time: what was seen, and the seconds that the server asks to wait."""

    def __init__(self, said: str, retry_after: float = 0) -> None:
        super().__init__(said)
        self.said = said
        self.retry_after = retry_after


def _passing(response: httpx.Response) -> bool:
    return response.status_code in RETRIED or response.status_code >= 500


def _json_object(response: httpx.Response) -> dict[str, Any]:
    """The JSON object that a good answer holds, else an empty one."""
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if response.is_success and isinstance(body, dict) else {}


def _retry_after(response: httpx.Response) -> float:
    seconds = response.headers.get("retry-after", "").strip()
    return float(seconds) if seconds.isdecimal() else 0.0


def _offline(url: str) -> EndpointError:
    return EndpointError(f"HF_HUB_OFFLINE is set, so nothing may be asked of {url}: unset it, or use --replay.")


def _choose(served: list[Model], model: str | None, url: str) -> Model:
    names = ", ".join(entry.id for entry in served[:10]) + (", ..." if len(served) > 10 else "")
    if model is None and len(served) > 1:
        raise EndpointError(f"{url} serves several models ({names}): choose one with --model.")
    for entry in served:
        if model in (None, entry.id):
            return entry
    raise EndpointError(f"{url} does not serve {model}: give --model one that it serves ({names}), or leave it out.")
