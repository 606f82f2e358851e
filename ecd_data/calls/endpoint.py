"""One text-generation endpoint: which model it serves, and what it answers to one try of a Request.

    async with Endpoint("http://localhost:8080") as endpoint:
        model = await endpoint.identify()
        response = await endpoint.complete(request)  # `Pool` tries again and chooses among several

Two dialects of one chat API: `tgi` (text-generation-inference, recognised by its `/info`) and `openai` (vLLM, SGLang,
llama.cpp, transformers serve, recognised by `/v1/models`).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from typing import Any

from huggingface_hub import AsyncInferenceClient, get_async_session
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled
from huggingface_hub.utils import httpx

from ecd_data.calls.chat import Dialect, chat_arguments, parse_chat
from ecd_data.calls.scoring import WITHOUT_SCORES, parse_scored, prompt_body, text_body
from ecd_data.core.errors import CallFailed, EndpointError, EndpointUnavailable, ModelNotServed
from ecd_data.core.request import Model, Request, Response
from ecd_data.core.text import one_line

IDENTIFY_TIMEOUT = 30.0  # seconds; a server that is up names its model at once
OVERLOADED = {429, 503}
RETRYABLE = {408, 424, 425, 429}  # and every 5xx: another try may succeed; 424 is TGI's "generation failed"
REFUSED = {400, 413, 422}  # this request, as too long for instance; others are welcome
CALLS_PER_CLIENT = 16  # in flight: a client looks at all of its connections whenever a call begins or ends


class RetryableError(Exception):
    """A try failed, and another one may succeed.

    Args:
        message: what the server answered, or what broke.
        overloaded: whether the server has too many calls.
        alive: whether the server is known to be up.
        retry_after: seconds that the server asks to wait.
    """

    def __init__(self, message: str, *, overloaded: bool = False, alive: bool = False, retry_after: float = 0) -> None:
        super().__init__(message)
        self.overloaded = overloaded
        self.alive = alive
        self.retry_after = retry_after


class Endpoint:
    """The text-generation server at `url`, which speaks TGI's or OpenAI's chat API.

    `timeout` is in seconds, for one try from its first byte to its last. `token` goes into the Authorization header
    and nowhere else; messages call it `token_name`. Open it with `async with`, in the event loop that uses it; it may
    be opened again later.

    Raises:
        EndpointError: by every method, when the server cannot be used; the message says what to change.
    """

    def __init__(
        self, url: str, *, token: str | None = None, token_name: str = "ECD_TOKEN", timeout: float = 120
    ) -> None:
        self.url = parse_url(url)
        self._token_name = token_name
        self.timeout = timeout
        self._token = (token or "").strip()
        if not (self._token.isascii() and self._token.isprintable()):
            raise EndpointError(f"The token has characters that no HTTP header can carry: check {token_name}.")
        self._dialect: Dialect = "tgi"
        self._model = Model("")
        self._limits = ""

    async def __aenter__(self) -> Endpoint:
        self._opened = AsyncExitStack()
        self._clients: Counter[AsyncInferenceClient] = Counter()  # with their calls in flight
        self._session = await self._opened.enter_async_context(get_async_session())  # for what these cannot ask
        self._session.base_url = self.url
        self._session.timeout = self.timeout
        self._session.follow_redirects = False
        if self._token:
            self._session.headers["authorization"] = f"Bearer {self._token}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._opened.aclose()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in ("_opened", "_clients", "_session")}

    async def identify(self, model: str | None = None) -> Model:
        """Return the model that the server says it serves; `model` chooses one when it serves several."""
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
        """Return the answer to `request`, in one try; `identify` comes first, since the dialect depends on it.

        Raises:
            RetryableError: the try failed, and another one may succeed.
            CallFailed: the server does not take this request.
        """
        try:
            # The client's own timeout starts again with each byte: a server that drips would never reach it.
            async with asyncio.timeout(self.timeout):
                return await (self._score(request) if request.scored else self._chat(request))
        except TimeoutError as error:
            raise RetryableError(f"no answer within {self.timeout:g} s", overloaded=True) from error
        except HfHubHTTPError as error:
            raise self._failure(request, error.response) from error
        except OfflineModeIsEnabled as error:
            raise _offline(self.url) from error
        except httpx.HTTPError as error:
            raise RetryableError(
                self._clean(f"the connection broke ({str(error) or type(error).__name__})")
            ) from error
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            kind = "scored text" if request.scored else "chat completion"
            raise RetryableError(f"the answer is not a {kind}") from error

    async def _chat(self, request: Request) -> Response:
        arguments = chat_arguments(request, self._dialect, self._model)
        client = await self._free_client()
        self._clients[client] += 1
        try:
            response = parse_chat(await client.chat_completion(**arguments), request.top_logprobs > 0)
        finally:
            self._clients[client] -= 1
        if request.top_logprobs and response.top_logprobs is None:
            raise EndpointError(
                f"{self.url} gives no log-probabilities, which {request.name} needs: use a server that does, such as "
                "TGI, vLLM or llama.cpp's."
            )
        return response

    async def _score(self, request: Request) -> Response:
        """Return how likely the last message is: TGI renders those before it, then scores each token of both."""
        if self._dialect != "tgi":
            raise EndpointError(f"{self.url} cannot score a given text, only TGI can. {WITHOUT_SCORES}")
        prompt = await self._post(request, "/chat_tokenize", prompt_body(request))
        text = await self._post(request, "/generate", text_body(request, prompt))
        if not text["details"]["prefill"]:
            raise EndpointError(
                f"{self.url} gives no log-probabilities of given tokens: start it with "
                f"--enable-prefill-logprobs. {WITHOUT_SCORES}"
            )
        return parse_scored(prompt, text)

    async def _post(self, request: Request, path: str, body: dict[str, Any]) -> Any:
        """Return the JSON that the server answers to a body."""
        response = await self._session.post(path, json=body)
        if not response.is_success:
            raise self._failure(request, response)
        return response.json()

    async def _free_client(self) -> AsyncInferenceClient:
        """Return the client with most calls in flight that has room for one more: few of its connections are idle.

        An idle connection is costly: the client asks the system whether it is still open.
        """
        for client, calls in self._clients.most_common():
            if calls < CALLS_PER_CLIENT:
                return client
        # Left to itself, the client sends the user's Hugging Face token to whatever server this is. It takes a
        # header of None out of the request.
        headers: Any = {"authorization": f"Bearer {self._token}" if self._token else None}
        client = AsyncInferenceClient(base_url=self.url, token="unused", headers=headers, timeout=self.timeout)
        self._clients[client] = 0
        await self._opened.enter_async_context(client)
        session = await client._get_async_client()  # follows redirects, and there is no public way to turn that off
        session.event_hooks["response"].append(self._refuse_redirect)
        return client

    async def _refuse_redirect(self, response: httpx.Response) -> None:
        """Raise EndpointError at a redirect: prompts go to the host that was named and to no other."""
        if response.is_redirect:
            target = self._clean(response.headers.get("location", "")) or "nowhere"
            raise EndpointError(f"{self.url} redirects to {target}: give that server's base URL as --endpoint.")

    def _failure(self, request: Request, response: httpx.Response) -> Exception:
        """Return the error that a status other than 200 stands for."""
        quote, status = self._quote(response), response.status_code
        if _is_retryable(response):
            overloaded = status in OVERLOADED
            return RetryableError(quote, overloaded=overloaded, alive=overloaded, retry_after=_retry_after(response))
        message = f"{self.url} refuses {request.name}: {quote}; {self._advice(response)}."
        return CallFailed("refused", message) if status in REFUSED else EndpointError(message)

    async def _get(self, path: str) -> httpx.Response:
        """Return what the server answers at `path`, unless it is down or overloaded."""
        try:
            async with asyncio.timeout(min(self.timeout, IDENTIFY_TIMEOUT)):  # of a server that drips, too
                response = await self._session.get(path)
        except OfflineModeIsEnabled as error:
            raise _offline(self.url) from error
        except (httpx.HTTPError, TimeoutError) as error:
            reason = self._clean(str(error)) or type(error).__name__
            raise EndpointUnavailable(
                f"{self.url} does not answer ({reason}): start the text-generation server, or check --endpoint."
            ) from error
        await self._refuse_redirect(response)
        if _is_retryable(response):
            raise EndpointUnavailable(
                f"{self.url} is not ready: GET {path} gives {self._quote(response)}; if it is still loading its "
                "model, wait and run the same command again."
            )
        return response

    def _advice(self, response: httpx.Response) -> str:
        """Return what to change after an answer that will be the same next time."""
        if response.status_code in (401, 403):
            name = self._token_name
            return f"it does not accept the token in {name}" if self._token else f"set {name} to a token for it"
        if response.status_code in (400, 413, 422):
            return f"shorten the prompt or lower max_tokens{self._limits}, or fix what the server names"
        return "check --endpoint, it is a text-generation server's base URL such as http://localhost:8080, and --model"

    def _quote(self, response: httpx.Response) -> str:
        """Return the status and the server's own message, on one line."""
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
        """Return one line of at most 300 characters, without the token should the server echo it."""
        text = text.replace(self._token, "***") if self._token else text
        return one_line(text)


def parse_url(url: str) -> str:
    """Return the server's base URL: http or https, without a trailing slash or `/v1`."""
    try:
        parsed = httpx.URL(url.strip())
    except httpx.InvalidURL:
        parsed = httpx.URL("")
    if parsed.scheme not in ("http", "https") or not parsed.host or (parsed.port or 0) > 65535:
        raise EndpointError(f"--endpoint {url!r} is not an http or https URL; give one such as http://localhost:8080.")
    if parsed.userinfo or parsed.query or parsed.fragment:
        raise EndpointError(
            f"--endpoint takes a base URL such as {parsed.scheme}://{parsed.host}: put a token into ECD_TOKEN, not "
            "into the URL, and leave out what follows `?` or `#`."
        )
    return str(parsed).rstrip("/").removesuffix("/v1").rstrip("/")


def _is_retryable(response: httpx.Response) -> bool:
    return response.status_code in RETRYABLE or response.status_code >= 500


def _json_object(response: httpx.Response) -> dict[str, Any]:
    """Return the JSON object that a good answer holds, else an empty one."""
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if response.is_success and isinstance(body, dict) else {}


def _retry_after(response: httpx.Response) -> float:
    seconds = response.headers.get("retry-after", "").strip()
    return float(seconds) if seconds.isdecimal() else 0.0


def _offline(url: str) -> EndpointError:
    return EndpointError(f"HF_HUB_OFFLINE is set, so {url} may not be called: unset it, or use --replay.")


def _choose(served: list[Model], model: str | None, url: str) -> Model:
    names = ", ".join(entry.id for entry in served[:10]) + (", ..." if len(served) > 10 else "")
    if model is None and len(served) > 1:
        raise EndpointError(f"{url} serves several models ({names}): choose one with --model.")
    for entry in served:
        if model in (None, entry.id):
            return entry
    raise ModelNotServed(f"{url} does not serve {model}: give --model one that it serves ({names}), or leave it out.")
