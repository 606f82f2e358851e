"""A scripted model: it answers by rule instead of by network, so whole chains can be driven in a test."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator
from typing import Any

from ecd_data.core.errors import CallFailed
from ecd_data.core.recipe import Recipe
from ecd_data.core.request import Model, Request, Response

MODEL = Model("test/scripted", "0123456789abcdef")
ANSWER = "Well, start slowly, drink some water, and open a window. Then take 5 minutes to stretch, and smile."
RECIPE = Recipe(
    rounds=2,
    routes={"edit": 3, "repair": 1},
    operations=("format/*", "style/no_*"),
    splits={"train": 0.6, "validation": 0.2, "test": 0.2},
)


def scripted(request: Request) -> Response:
    """Answers, edits that follow some requirements, woven instructions, and a judge that looks for `because`."""
    last = request.messages[-1]["content"]
    text = {
        "answer": lambda: ANSWER + f" ({request.seed_id[:4]})",
        "fresh": lambda: f"Attempt {request.attempt}: do it, then rest, because it helps.",
        "guided": lambda: "under a grammar",
        "edit": lambda: _edited(request.messages[-2]["content"], request.attempt),
        "refine": lambda: _edited(request.messages[-2]["content"], request.attempt),
        "weave": lambda: last,
        "evolve": lambda: json.dumps(
            {"requirement": "Give a reason.", "instruction": _instruction(last) + " Give a reason."}
        ),
        "judge": lambda: json.dumps({"reason": "looked for it", "met": "because" in last.split("The answer:")[-1]}),
    }[request.role]()
    return Response(text, "stop", prompt_tokens=len(last) // 4, completion_tokens=len(text) // 4)


def _edited(answer: str, attempt: int) -> str:
    return [answer.lower(), answer.replace(",", ""), f"{answer} This works because it is simple."][attempt % 3]


def _instruction(prompt: str) -> str:
    return re.split(r"<instruction>\n|\n</instruction>", prompt)[-2]


def finish(steps: Generator[Any, Any, Any], answer: Callable[[Request], Response] = scripted) -> Any:
    """Drives a generator of requests to its end; returns its result. A `CallFailed` of `answer` is thrown into it."""
    try:
        requests = next(steps)
        while True:
            try:
                responses = [answer(request) for request in requests]
            except CallFailed as failure:
                requests = steps.throw(failure)
            else:
                requests = steps.send(responses)
    except StopIteration as done:
        return done.value


class ScriptedPool:
    """Stands in for `Pool` where a test needs no HTTP; counts its calls."""

    retries = in_flight = 0
    capacity = 16

    @property
    def limit(self) -> int:
        return self.capacity

    def __init__(self, answer: Callable[[Request], Response] = scripted, model: Model = MODEL) -> None:
        self.answer = answer
        self.model = model
        self.requests: list[Request] = []

    async def __aenter__(self) -> ScriptedPool:
        return self

    async def __aexit__(self, *error: object) -> None:
        pass

    async def identify(self, model: str | None = None) -> Model:
        return self.model

    async def complete(self, request: Request, priority: tuple[int, ...] = ()) -> Response:
        self.requests.append(request)
        return self.answer(request)
