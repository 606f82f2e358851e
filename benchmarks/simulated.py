"""A simulated text-generation server, which stands in for a GPU server: TGI's routes, a latency, and faults if wanted.

python -m benchmarks.simulated --port 8080 --median 1.0 --faults 0.2

Everything is a function of the request and a seed: the text, how long it takes, and (with the number of times that the
same request has come) whether and how it fails. The texts are written by rule: more than half of the edits do what
they were asked, so that a generation with the operations of `RECIPE` makes pairs and rejects.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import math
import os
import random
import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

MODEL, REVISION = "simulated/model", "5171a7ed"
RECIPE = """
rounds: 2
routes: {edit: 3, fresh: 1}
operations: [content/include_keywords, content/start_phrase, content/end_phrase, style/no_commas, style/no_digits,
  style/lower_case, style/closing_question, format/word_count_at_most, format/sentence_count_at_most, format/title,
  format/postscript, reasoning/because, reasoning/answer_line, reasoning/summary_line, breadth/example_line]
"""
WORDS = re.findall(
    r"\w+",
    "morning water garden little window people often small quiet road music simple answer light warm paper story "
    "friend market river better early season open winter table plain travel kitchen slowly always never bright number "
    "gentle reason summer letter mostly house learn short change useful family listen careful country evening",
)
FOLLOWED, WOVEN = 0.6, 0.7  # share of the edits that do what was asked, and of the instructions that state it
# What is asked, and the draft changed that way, by what the wish quotes and the number in it.
EDITS: list[tuple[str, Callable[[str, list[str], int], str]]] = [
    (r"\bcommas?\b", lambda draft, quoted, n: draft.replace(",", "")),
    (r"\bdigits?\b", lambda draft, quoted, n: re.sub(r" ?\d+", "", draft)),
    (r"lower\s?-?case", lambda draft, quoted, n: draft.lower()),
    (r"\bquestion\b", lambda draft, quoted, n: f"{draft} Would that do for you?"),
    (r"\d words", lambda draft, quoted, n: " ".join(draft.split()[: n - 2]) + "."),
    (r"\d sentences?", lambda draft, quoted, n: " ".join(re.split(r"(?<=[.?]) ", draft)[:n])),
    (r"title", lambda draft, quoted, n: f"<<Some thoughts>>\n\n{draft}"),
    (r"P\. ?S\.", lambda draft, quoted, n: f"{draft}\n\nP.S. There is more to say of this."),
    (r"because", lambda draft, quoted, n: draft + " It is so because it is, and because it was." * n),
    (r"Answer:|Summary:|Example:", lambda draft, quoted, n: f"{draft}\n\n{quoted[0]} it is worth the time it takes."),
    (r"(?i)\b(?:start|begin)", lambda draft, quoted, n: f"{quoted[0]}, {draft}"),
    (r"(?i)\b(?:end|finish|clos)", lambda draft, quoted, n: f"{draft} {quoted[0]}"),
    (r"", lambda draft, quoted, n: f"{draft} This has to do with {' and '.join(quoted)}."),
]
FAULTS = ("429", "429 later", "500", "502", "503", "hang", "reset", "cut", "malformed", "html", "drip", "other shape")


class Simulated:
    """A server on a thread of its own.

    Args:
        median, sigma: of the latency, which is log-normal; median in seconds.
        faults: share of the tries that fail, in one of `FAULTS`.
        seed: of latencies, texts and faults.
        capacity: calls in flight above which it answers 429.
        hang: seconds that a hanging answer takes.
        model: the id that it serves.
    """

    def __init__(
        self,
        median: float = 0.0,
        sigma: float = 0.4,
        faults: float = 0.0,
        seed: int = 0,
        capacity: int | None = None,
        hang: float = 3600.0,
        port: int = 0,
        model: str = MODEL,
    ) -> None:
        self.median, self.sigma, self.faults, self.seed = median, sigma, faults, seed
        self.capacity, self.hang, self.port, self.model = capacity, hang, port, model
        self.stop_after: int | None = None  # answers, after which everything fails
        self.in_flight = self.most_in_flight = 0
        self.tries: Counter[str] = Counter()  # by request
        self.answered: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()  # by fault

    def __enter__(self) -> Simulated:
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(self._start())
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _start(self) -> asyncio.Server:
        return await asyncio.start_server(self._connection, "127.0.0.1", self.port, backlog=1024)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
                body = await reader.readexactly(int(length[1])) if length else b""
                if head.startswith(b"GET /info"):
                    limits = {"max_input_tokens": 4096, "max_total_tokens": 8192}
                    writer.write(response(200, {"model_id": self.model, "model_sha": REVISION, **limits}))
                elif head.startswith(b"POST /v1/chat/completions"):
                    await self._chat(body, writer)
                else:
                    writer.write(response(404, {"error": "Not Found"}))
                await writer.drain()
        writer.close()

    async def _chat(self, raw: bytes, writer: asyncio.StreamWriter) -> None:
        request = json.loads(raw)
        key = request_id(request)
        self.tries[key] += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            if self.capacity and self.in_flight > self.capacity:
                self.failed["over capacity"] += 1
                writer.write(response(429, {"error": "Model is overloaded", "error_type": "overloaded"}))
                return
            fault = self._fault(key)
            if self.median:
                latency = random.Random(f"{self.seed} {key} latency").gauss(math.log(self.median), self.sigma)
                await asyncio.sleep(math.exp(latency))
            good = response(200, completion(request, random.Random(f"{self.seed} {key} text")))
            if fault is None:
                writer.write(good)
                self.answered[key] += 1
            else:
                self.failed[fault] += 1
                await self._fail(fault, good, writer)
        finally:
            self.in_flight -= 1

    def _fault(self, key: str) -> str | None:
        if self.stop_after is not None and self.answered.total() >= self.stop_after:
            return "500"
        rng = random.Random(f"{self.seed} {key} {self.tries[key]}")
        return rng.choice(FAULTS) if rng.random() < self.faults else None

    async def _fail(self, fault: str, good: bytes, writer: asyncio.StreamWriter) -> None:
        if fault.startswith("429"):
            headers = {"Retry-After": "1"} if "later" in fault else {}
            writer.write(response(429, {"error": "Model is overloaded", "error_type": "overloaded"}, headers))
        elif fault.isdecimal():
            writer.write(response(int(fault), {"error": "it broke"}))
        elif fault == "hang":
            await asyncio.sleep(self.hang)
        elif fault == "reset":
            writer.transport.abort()
        elif fault == "cut":
            writer.write(good[: len(good) - 20])
            writer.close()
        elif fault == "malformed":
            writer.write(response(200, b'{"choices": [{"mess'))
        elif fault == "html":
            writer.write(response(200, b"<html>Sign in</html>", {"Content-Type": "text/html"}))
        elif fault == "other shape":
            writer.write(response(200, [{"generated_text": "an answer to another route"}]))
        elif fault == "drip":
            for start in range(len(good)):
                writer.write(good[start : start + 1])
                await asyncio.sleep(self.hang / 100)


def request_id(request: Mapping[str, Any]) -> str:
    """Return the identity of a request; a stored one has the same as the one that came over HTTP."""
    return hashlib.sha256(json.dumps([request.get("seed"), request["messages"]]).encode()).hexdigest()[:16]


def response(status: int, body: Any, headers: dict[str, str] | None = None) -> bytes:
    """Return the bytes of an HTTP response."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"Content-Type": "application/json", "Content-Length": str(len(raw)), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} Status\r\n{head}\r\n".encode() + raw


def completion(request: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """Return a chat completion."""
    text = answer(request, rng)
    prompt = sum(len(message["content"]) for message in request["messages"])
    told = {"content": [first_token(rng)]} if request.get("top_logprobs") else None
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop", "logprobs": told}
    usage = {"prompt_tokens": prompt // 4, "completion_tokens": len(text) // 4}
    return {"object": "chat.completion", "id": "", "created": 0, "model": "tgi", "choices": [choice], "usage": usage}


def first_token(rng: random.Random) -> dict[str, Any]:
    """Return the log-probabilities of a choice between two, somewhat more often for the first."""
    a, b, none = (rng.random() + more for more in (0.3, 0.1, 0.0))
    shares = {"A": a, "B": b, "None": none}
    top = [{"token": option, "logprob": math.log(share / (a + b + none))} for option, share in shares.items()]
    return {**max(top, key=lambda token: token["logprob"]), "top_logprobs": top}


def answer(request: dict[str, Any], rng: random.Random) -> str:
    """Return a vote, a preference, a requirement, a rewritten instruction, an edited draft, or else sentences."""
    messages = request["messages"]
    last = messages[-1]["content"]
    wanted = str(request.get("response_format", ""))
    if "'met'" in wanted:
        return json.dumps({"reason": "it was read", "met": rng.random() < 0.8})
    if "'better'" in wanted:
        return json.dumps({"reason": "they were compared", "better": rng.choice(["first", "second"])})
    if "'requirement'" in wanted:
        instruction = re.split(r"<instruction>\n|\n</instruction>", last)[-2]
        wish = f"Say something of the {rng.choice(WORDS)}."
        return json.dumps({"requirement": wish, "instruction": f"{instruction} {wish}"})
    if last.endswith("Rewritten instruction:"):
        _, instruction, wish, _ = re.split(r"^Instruction: |\nAlso ask for: |\nRewritten instruction:", last)
        return f"{instruction} {wish}" if rng.random() < WOVEN else instruction
    drafts = [message["content"] for message in messages if message["role"] == "assistant"]
    return edited(drafts[-1], last, rng) if drafts else prose(last, rng)


def prose(prompt: str, rng: random.Random) -> str:
    """Return three to five sentences with some words of the prompt, commas and a number."""
    topic = re.findall(r"[a-z]{5,}", prompt.lower())[:20] or ["thing"]
    sentences = []
    for _ in range(rng.randint(3, 5)):
        words = rng.sample(WORDS, rng.randint(8, 14))
        words[2] = rng.choice(topic)
        words[4] += ","
        words[6] = str(rng.randint(2, 99))
        sentences.append(" ".join(words).capitalize() + ".")
    return " ".join(sentences)


def edited(draft: str, prompt: str, rng: random.Random) -> str:
    """Return the draft, changed as the prompt of an edit asks on its first line, or else by a word."""
    if rng.random() > FOLLOWED:
        words = draft.split(" ")
        words[rng.randrange(len(words))] = "indeed"
        return " ".join(words)
    wish = prompt.partition("\n")[0].partition("possible. ")[2]
    quoted = re.findall(r'"([^"]+)"', wish) or [mark[0] for mark in re.finditer(r"\w+:", wish)]
    number = re.search(r"\d+", wish)
    change = next(change for pattern, change in EDITS if re.search(pattern, wish))
    return change(draft, quoted or ["this"], int(number[0]) if number else 2)


def main() -> None:
    parser = argparse.ArgumentParser(description="A simulated text-generation server, until it is stopped.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--median", type=float, default=1.0, help="of the latency, in seconds (default 1)")
    parser.add_argument("--sigma", type=float, default=0.4, help="of the latency's logarithm (default 0.4)")
    parser.add_argument("--faults", type=float, default=0.0, help="share of the tries that fail (default 0)")
    parser.add_argument("--hang", type=float, default=3600.0, help="seconds that a hang takes (default an hour)")
    parser.add_argument("--model", default=MODEL, help=f"id of the model (default {MODEL})")
    parser.add_argument("--capacity", type=int, help="calls in flight above which it answers 429")
    parser.add_argument("--seed", type=int, default=0)
    with Simulated(**vars(parser.parse_args())) as server, suppress(KeyboardInterrupt):
        print(server.url, flush=True)
        while os.read(0, 4096):  # until standard input is closed
            pass


if __name__ == "__main__":
    main()
