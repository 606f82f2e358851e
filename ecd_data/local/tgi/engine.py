"""llama.cpp's own server in this process, set so that a text depends on its request, and a client for it."""

from __future__ import annotations

import functools
import http.client
import itertools
import json
import secrets
import select
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ecd_data.local.tgi.parameters import Sampling, TgiError, invalid

MARK = "|"  # no model goes on with it after "1 2 3" of its own accord
ALL_TOKENS = 1 << 20  # more than any model has


class ClientGone(Exception):
    """The client hung up before its answer was ready; the generation has been stopped."""


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
        self._headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
        self._server = xllamacpp.Server(params)  # the model unloads when this is collected
        self._address = self._server.listening_address.removeprefix("http://")
        self.compiles = functools.lru_cache(maxsize=1024)(self._compiles)

    def render(self, messages: list[dict[str, Any]]) -> str:
        """The prompt that the model's chat template makes of the messages."""
        try:
            return self._call("/apply-template", {"messages": messages})["prompt"]
        except TgiError as error:
            raise TgiError(422, "template_error", f"Template error: {error}") from error

    def tokenize(self, prompt: str) -> list[int]:
        """Token ids of a prompt, its special tokens read as such."""
        return self._call("/tokenize", {"content": prompt, "add_special": True, "parse_special": True})["tokens"]

    def pieces(self, prompt: str) -> list[tuple[int, bytes]]:
        """The tokens of a prompt with what each stands for, which may be a part of a character."""
        asked = {"content": prompt, "add_special": True, "parse_special": True, "with_pieces": True}
        return [
            (token["id"], piece.encode() if isinstance(piece := token["piece"], str) else bytes(piece))
            for token in self._call("/tokenize", asked)["tokens"]
        ]

    def complete(
        self, prompt: list[int], new_tokens: int, sampling: Sampling, client: socket.socket
    ) -> dict[str, Any]:
        """llama.cpp's final object: `content`, `stop_type`, `completion_probabilities`, ...

        Raises:
            ClientGone: `client` was closed while it waited.
        """
        return self._wait(self._body(prompt, new_tokens, sampling), client)

    def prefill(self, pieces: list[tuple[int, bytes]], client: socket.socket) -> list[float | None]:
        """The log-probability of each token of a prompt after those before it; `None` for the first.

        llama.cpp tells it of generated tokens alone, and there as it was before any grammar. So a grammar makes it
        generate these very tokens, as far as it can: an end of text stops it, and it tells nothing of a token that is
        a part of a character.

        Raises:
            ClientGone: `client` was closed while it waited.
        """
        ids = [token for token, _ in pieces]
        known: list[float | None] = [None]
        while (at := len(known)) < len(pieces):
            run = [token for token, _ in itertools.takewhile(lambda piece: _is_text(piece[1]), pieces[at:])]
            if run:
                rule = " ".join(f"<[{token}]>" for token in run)
                made = self._forced(ids[:at], rule, len(run), 1, client)
                if not made or [entry["id"] for entry in made] != run[: len(made)]:
                    raise TgiError(424, "generation", "llama.cpp did not follow the given tokens")
                known += [entry["logprob"] for entry in made]
            else:  # any token tells of all others in its place
                (entry,) = self._forced(ids[:at], f'"{MARK}"', 1, ALL_TOKENS, client)
                known.append(next(other["logprob"] for other in entry["top_logprobs"] if other["id"] == ids[at]))
        return known

    def _forced(
        self, prompt: list[int], rule: str, new_tokens: int, probabilities: int, client: socket.socket
    ) -> list[dict[str, Any]]:
        """The `completion_probabilities` of tokens that a grammar leaves no choice of."""
        grammar = f"%llguidance {{}}\nstart: {rule}"
        body = {"prompt": prompt, "n_predict": new_tokens, "n_probs": probabilities, "grammar": grammar}
        return self._wait({**body, "temperature": 0}, client)["completion_probabilities"]

    def _wait(self, body: dict[str, Any], client: socket.socket) -> dict[str, Any]:
        connection = self._send("/completion", body)
        try:
            while True:
                ready, _, _ = select.select([connection.sock, client], [], [])
                if connection.sock in ready:
                    return _answer(connection.getresponse())
                if not client.recv(1, socket.MSG_PEEK):
                    raise ClientGone
                client = connection.sock  # a pipelined request: it waits its turn
        finally:
            connection.close()  # which also stops a generation that is still running

    def stream(self, prompt: list[int], new_tokens: int, sampling: Sampling) -> Iterator[dict[str, Any]]:
        """llama.cpp's objects, one a token and the final one with `stop`. Closing it stops the generation."""
        connection = self._send("/completion", {**self._body(prompt, new_tokens, sampling), "stream": True})
        try:
            response = connection.getresponse()
            if response.status != 200:
                _answer(response)
            for line in response:
                if line.startswith(b"data: "):
                    event = json.loads(line.removeprefix(b"data: "))
                    if "error" in event:
                        raise TgiError(424, "generation", str(event["error"]))
                    yield event
                    if event["stop"]:
                        return
        finally:
            connection.close()

    def _body(self, prompt: list[int], new_tokens: int, sampling: Sampling) -> dict[str, Any]:
        if sampling.grammar is not None and not self.compiles(sampling.grammar):
            raise invalid("grammar is not valid: it does not compile (no look-around, \\b or back-references)")
        return {
            "prompt": prompt,
            "n_predict": new_tokens,
            "repeat_last_n": self.context,
            **sampling.llama_cpp(),
        }

    def _compiles(self, grammar: str) -> bool:
        """Whether llama.cpp takes the grammar: one that it cannot compile it drops without a word, and answers freely.

        So this asks for one token under the same grammar with a mark before it, and looks for the mark.
        """
        rules = f'%llguidance {{}}\nstart: "{MARK}" answer\nanswer: {grammar}'
        done = self._call("/completion", {"prompt": "1 2 3", "n_predict": 1, "temperature": 0, "grammar": rules})
        return done["content"].startswith(MARK)

    def _call(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        connection = self._send(path, body)
        try:
            return _answer(connection.getresponse())
        finally:
            connection.close()

    def _send(self, path: str, body: dict[str, Any]) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(self._address)
        connection.request("POST", path, json.dumps(body), self._headers)
        return connection


def _is_text(piece: bytes) -> bool:
    try:
        piece.decode()
    except UnicodeDecodeError:
        return False
    return True


def _answer(response: http.client.HTTPResponse) -> dict[str, Any]:
    answer = json.loads(response.read())
    if response.status == 200:
        return answer
    message = answer["error"]["message"]
    raise invalid(message) if response.status == 400 else TgiError(424, "generation", message)
