"""llama.cpp's own server in this process, set so that a text depends on its request, and a client for it."""

import itertools
import json
import secrets
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from ecd_data.local.tgi.parameters import Sampling, TgiError, invalid

MARK = "|"  # no model goes on with it after "1 2 3" of its own accord
ALL_TOKENS = 1 << 20  # more than any model has
EVENT = 1 << 22  # bytes of a line of a stream; the last one repeats the request


class Engine:
    """A GGUF model in `slots` slots of `context` tokens each, decoded together.

    Flash attention and the prompt cache are off: with them the text of a request depends on what else is being
    answered, and on what was answered before. Without them it still does now and then: of 220 requests answered eight
    at a time, about one had another text.
    """

    def __init__(self, gguf: Path, slots: int, context: int, threads: int) -> None:
        import xllamacpp

        params = xllamacpp.CommonParams()
        params.model.path = str(gguf)
        params.n_parallel = slots
        params.n_ctx = slots * context
        params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
        params.cache_prompt = False
        params.cache_ram_mib = 0
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
        params.n_threads_http = slots + 4
        params.verbosity = 0
        # Its HTTP port is for this process alone.
        key = secrets.token_hex()
        params.api_keys = [key]
        params.cors_origins = ""
        params.ui = params.endpoint_slots = False
        self.context = context
        self.version: str = xllamacpp.__version__
        self._server = xllamacpp.Server(params)  # the model unloads when this is collected
        self._url: str = self._server.listening_address
        self._headers = {"Authorization": f"Bearer {key}"}
        self._compiles: dict[str, bool] = {}  # by grammar

    async def connected(self, _: web.Application) -> AsyncIterator[None]:
        """Be connected to llama.cpp's server while the application runs: an item of its `cleanup_ctx`."""
        async with aiohttp.ClientSession(
            self._url,
            headers=self._headers,
            # A connection for each request: closing it stops the generation, and one that idles would hold a thread.
            connector=aiohttp.TCPConnector(limit=0, force_close=True),
            timeout=aiohttp.ClientTimeout(),
            read_bufsize=EVENT,
        ) as self._session:
            yield

    async def render(self, messages: list[dict[str, Any]]) -> str:
        """Return the prompt that the model's chat template makes of the messages."""
        try:
            return (await self._call("/apply-template", {"messages": messages}))["prompt"]
        except TgiError as error:
            raise TgiError(422, "template_error", f"Template error: {error}") from error

    async def tokenize(self, prompt: str) -> list[int]:
        """Return the token ids of a prompt, its special tokens read as such."""
        body = {"content": prompt, "add_special": True, "parse_special": True}
        return (await self._call("/tokenize", body))["tokens"]

    async def pieces(self, prompt: str) -> list[tuple[int, bytes]]:
        """Return the tokens of a prompt with the text of each, which may be a part of a character."""
        body = {"content": prompt, "add_special": True, "parse_special": True, "with_pieces": True}
        return [
            (token["id"], piece.encode() if isinstance(piece := token["piece"], str) else bytes(piece))
            for token in (await self._call("/tokenize", body))["tokens"]
        ]

    async def complete(self, prompt: list[int], new_tokens: int, sampling: Sampling) -> dict[str, Any]:
        """Return llama.cpp's final object: `content`, `stop_type`, `completion_probabilities`, ..."""
        return await self._call("/completion", await self._completion(prompt, new_tokens, sampling))

    async def stream(
        self, prompt: list[int], new_tokens: int, sampling: Sampling
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Yield llama.cpp's objects, one a token and the final one with `stop`. Closing it stops the generation."""
        body = {**await self._completion(prompt, new_tokens, sampling), "stream": True}
        async with self._session.post("/completion", json=body) as response:
            if response.status != 200:
                await _content(response)
            async for line in response.content:
                if line.startswith(b"data: "):
                    event = json.loads(line.removeprefix(b"data: "))
                    if "error" in event:
                        raise TgiError(424, "generation", str(event["error"]))
                    yield event
                    if event["stop"]:
                        return

    async def prefill(self, pieces: list[tuple[int, bytes]]) -> list[float | None]:
        """Return the log-probability of each token of a prompt after those before it; None for the first.

        llama.cpp reports it for generated tokens alone, and there as it was before any grammar. So a grammar makes it
        generate these very tokens, as far as it can: an end of text stops it, and it reports nothing for a token that
        is a part of a character.
        """
        ids = [token for token, _ in pieces]
        logprobs: list[float | None] = [None]
        while (at := len(logprobs)) < len(pieces):
            run = [token for token, _ in itertools.takewhile(lambda piece: _is_text(piece[1]), pieces[at:])]
            if run:
                rule = " ".join(f"<[{token}]>" for token in run)
                entries = await self._forced(ids[:at], rule, len(run), 1)
                if not entries or [entry["id"] for entry in entries] != run[: len(entries)]:
                    raise TgiError(424, "generation", "llama.cpp did not follow the given tokens")
                logprobs += [entry["logprob"] for entry in entries]
            else:  # any token has those of all others in its place with it
                (entry,) = await self._forced(ids[:at], f'"{MARK}"', 1, ALL_TOKENS)
                logprobs.append(next(other["logprob"] for other in entry["top_logprobs"] if other["id"] == ids[at]))
        return logprobs

    async def _forced(self, prompt: list[int], rule: str, new_tokens: int, probabilities: int) -> list[dict[str, Any]]:
        """Return the `completion_probabilities` of tokens of which a grammar leaves no choice."""
        grammar = f"%llguidance {{}}\nstart: {rule}"
        body = {"prompt": prompt, "n_predict": new_tokens, "n_probs": probabilities, "grammar": grammar}
        return (await self._call("/completion", {**body, "temperature": 0}))["completion_probabilities"]

    async def _completion(self, prompt: list[int], new_tokens: int, sampling: Sampling) -> dict[str, Any]:
        if sampling.grammar is not None and not await self._is_valid(sampling.grammar):
            raise invalid("grammar is not valid: it does not compile (no look-around, \\b or back-references)")
        return {
            "prompt": prompt,
            "n_predict": new_tokens,
            "repeat_last_n": self.context,
            **sampling.llama_cpp(),
        }

    async def _is_valid(self, grammar: str) -> bool:
        """Return whether llama.cpp takes the grammar; one that does not compile it ignores, and answers freely.

        So this asks for one token under the same grammar with a mark before it, and looks for the mark.
        """
        if grammar not in self._compiles:
            rules = f'%llguidance {{}}\nstart: "{MARK}" answer\nanswer: {grammar}'
            body = {"prompt": "1 2 3", "n_predict": 1, "temperature": 0, "grammar": rules}
            self._compiles[grammar] = (await self._call("/completion", body))["content"].startswith(MARK)
        return self._compiles[grammar]

    async def _call(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        async with self._session.post(path, json=body) as response:
            return await _content(response)


def _is_text(piece: bytes) -> bool:
    try:
        piece.decode()
    except UnicodeDecodeError:
        return False
    return True


async def _content(response: aiohttp.ClientResponse) -> dict[str, Any]:
    content = json.loads(await response.read())
    if response.status == 200:
        return content
    message = content["error"]["message"]
    raise invalid(message) if response.status == 400 else TgiError(424, "generation", message)
