"""TGI's HTTP routes over an engine: `/generate`, `/generate_stream`, `/v1/chat/completions`, `/info` and the rest."""

import asyncio
import functools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, TypeAlias

from aiohttp import web
from aiohttp.typedefs import Handler

from ecd_data.local.tgi import answers
from ecd_data.local.tgi.answers import Json
from ecd_data.local.tgi.engine import Engine
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

Route: TypeAlias = Callable[[web.Request, Json], Awaitable[web.StreamResponse]]

MAX_REQUESTS = 128  # in flight, waiting ones included; beyond it TGI answers 429
MAX_BODY = 2_000_000  # bytes, TGI's payload limit
ENGINE = web.AppKey("engine", Engine)
INFO = web.AppKey("info", dict[str, Any])
REQUESTS = web.AppKey("requests", asyncio.Semaphore)
SLOTS = web.AppKey("slots", asyncio.Semaphore)

routes = web.RouteTableDef()


def application(engine: Engine, *, slots: int, model_id: str, revision: str) -> web.Application:
    """Return the web application that answers as TGI does, of `slots` requests side by side."""
    app = web.Application(middlewares=[refuse], client_max_size=MAX_BODY)
    app.cleanup_ctx.append(engine.connected)
    app[ENGINE], app[REQUESTS], app[SLOTS] = engine, asyncio.Semaphore(MAX_REQUESTS), asyncio.Semaphore(slots)
    app[INFO] = {
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
    app.add_routes(routes)
    return app


@web.middleware
async def refuse(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer a request that fails with an error in TGI's shape."""
    try:
        return await handler(request)
    except TgiError as error:
        return _json(error.body, error.status)
    except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
        return _json({"error": f"no such route: {request.method} {request.path}", "error_type": "not_found"}, 404)
    except web.HTTPRequestEntityTooLarge:
        return _json({"error": f"the body must have at most {MAX_BODY} bytes", "error_type": "validation"}, 413)


def in_slot(route: Route) -> Handler:
    """Return a handler that gives `route` the JSON object in the body once a slot is free."""

    @functools.wraps(route)
    async def handler(request: web.Request) -> web.StreamResponse:
        body, requests = parse(await request.read()), request.app[REQUESTS]
        if requests.locked():
            raise TgiError(429, "overloaded", "Model is overloaded")
        async with requests, request.app[SLOTS]:
            return await route(request, body)

    return handler


@routes.get("/info")
async def info(request: web.Request) -> web.Response:
    """Answer with the model and the limits."""
    return _json(request.app[INFO])


@routes.get("/health")
async def health(request: web.Request) -> web.Response:
    """Answer that the model is loaded, without which there is no answer."""
    return _json({})


@routes.get("/v1/models")
async def models(request: web.Request) -> web.Response:
    """Answer with the one model that is served."""
    model_id = request.app[INFO]["model_id"]
    model = {"id": model_id, "object": "model", "created": 0, "owned_by": model_id}
    return _json({"object": "list", "data": [model]})


@routes.post("/")
@in_slot
async def generate_either(request: web.Request, body: Json) -> web.StreamResponse:
    """Answer as `/generate_stream` or, in a list, as `/generate` does."""
    return await _generate_stream(request, body) if body.get("stream") else _json([await _generated(request, body)])


@routes.post("/generate")
@in_slot
async def generate(request: web.Request, body: Json) -> web.StreamResponse:
    """Answer with a text that goes on from `inputs`."""
    return _json(await _generated(request, body))


@routes.post("/generate_stream")
@in_slot
async def generate_stream(request: web.Request, body: Json) -> web.StreamResponse:
    """Answer with the same text, token by token."""
    return await _generate_stream(request, body)


@routes.post("/chat_tokenize")
@in_slot
async def chat_tokenize(request: web.Request, body: Json) -> web.StreamResponse:
    """Answer with the prompt that the chat template makes of messages, and with its tokens."""
    engine, prompt = request.app[ENGINE], await _rendered(request, body)
    return _json(answers.tokenized(prompt, await engine.pieces(prompt)))


@routes.post("/v1/chat/completions")
@in_slot
async def chat_completions(request: web.Request, body: Json) -> web.StreamResponse:
    """Answer with the next message of a chat, token by token if `stream` is set."""
    engine, sampling = request.app[ENGINE], chat_sampling(body)
    prompt, new_tokens = await _prepare(request, await _rendered(request, body), sampling)
    identity = {"model": request.app[INFO]["model_id"], "system_fingerprint": f"llama.cpp-{engine.version}"}
    if not body.get("stream"):
        completion = await engine.complete(prompt, new_tokens, sampling)
        return _json(answers.chat(completion, sampling, len(prompt), identity))
    usage = bool((body.get("stream_options") or {}).get("include_usage"))
    async with aclosing(engine.stream(prompt, new_tokens, sampling)) as events:
        chunks = answers.chat_events(events, sampling, len(prompt), identity, usage)
        return await _stream(request, chunks, end=b"data: [DONE]\n\n")


async def _generated(request: web.Request, body: Json) -> Json:
    engine, prefill = request.app[ENGINE], []
    sampling = generate_sampling(body.get("parameters"), stream=False)
    prompt, new_tokens = await _prepare(request, _inputs(body), sampling)
    if sampling.prefill:
        pieces = await engine.pieces(body["inputs"])
        prefill = answers.prefill(pieces, await engine.prefill(pieces))
    return answers.generated(await engine.complete(prompt, new_tokens, sampling), sampling, prefill)


async def _generate_stream(request: web.Request, body: Json) -> web.StreamResponse:
    sampling = generate_sampling(body.get("parameters"), stream=True)
    prompt, new_tokens = await _prepare(request, _inputs(body), sampling)
    async with aclosing(request.app[ENGINE].stream(prompt, new_tokens, sampling)) as events:
        return await _stream(request, answers.generated_events(events, sampling, len(prompt)))


def _inputs(body: Json) -> str:
    inputs = body.get("inputs")
    if not isinstance(inputs, str) or not inputs:
        raise invalid("`inputs` cannot be empty")
    return inputs


async def _rendered(request: web.Request, body: Json) -> str:
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise invalid("`messages` must be a list that is not empty")
    return await request.app[ENGINE].render(messages)


async def _prepare(request: web.Request, prompt: str, sampling: Sampling) -> tuple[list[int], int]:
    """Return the token ids of a prompt, and how many new tokens may follow it."""
    engine = request.app[ENGINE]
    ids, context = await engine.tokenize(prompt), engine.context
    if len(ids) >= context:
        raise invalid(f"`inputs` must have less than {context} tokens. Given: {len(ids)}")
    new_tokens = sampling.max_new_tokens or min(DEFAULT_NEW_TOKENS, context - len(ids))
    if len(ids) + new_tokens > context:
        raise invalid(
            f"`inputs` tokens + `max_new_tokens` must be <= {context}. "
            f"Given: {len(ids)} `inputs` tokens and {new_tokens} `max_new_tokens`"
        )
    return ids, new_tokens


def _json(answer: Json | list[Json], status: int = 200) -> web.Response:
    return web.Response(body=_encoded(answer), status=status, content_type="application/json")


async def _stream(request: web.Request, events: AsyncIterator[Json], end: bytes = b"") -> web.StreamResponse:
    """Send events as they come, and `end` after them."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    event = await anext(events, None)  # a refusal comes here, before the head of the answer is sent
    await response.prepare(request)
    while event is not None:
        await response.write(b"data: " + _encoded(event) + b"\n\n")
        event = await anext(events, None)
    await response.write_eof(end)
    return response


def _encoded(answer: Json | list[Json]) -> bytes:
    return json.dumps(answer, ensure_ascii=False).encode()
