"""The endpoint over real HTTP: the bytes it sends, what it reads from the answers, and every way it can fail."""

import asyncio
import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from ecd_data.calls.endpoint import Endpoint, RetryableError, parse_url
from ecd_data.calls.scoring import parse_scored
from ecd_data.core.errors import CallFailed, EndpointError
from ecd_data.core.request import Grammar, Model, Request, Response
from tests.helpers.fake_endpoint import TGI_MODEL, FakeServer, Fault, chat_completion, make_request

TOKEN = "secret-token-of-the-endpoint"
SCHEMA = {"type": "object", "properties": {"met": {"type": "boolean"}}, "required": ["met"]}
FIXTURES = Path(__file__).parents[1] / "fixtures"
OPENAPI = Path(__file__).parents[2].parent / "shared" / "data" / "tgi_openapi.json"

REQUESTS = {
    "plain": make_request(),
    "regex": make_request(grammar=Grammar("regex", "[a-z ]{1,40}")),
    "json": make_request(grammar=Grammar("json", SCHEMA), role="judge"),
    "logprobs": make_request(logprobs=True),
    "greedy": make_request(temperature=0),
    "top": make_request(temperature=0, max_tokens=1, top_logprobs=5),
}
SCORED = make_request(
    messages=({"role": "user", "content": "Name a fruit."}, {"role": "assistant", "content": "Pear is one."}),
    max_tokens=1,
    temperature=0,
    scored=True,
)


def ask(
    server: FakeServer | str, request: Request, *, token: str | None = None, timeout: float = 5, **kwargs: Any
) -> Response:
    async def call() -> Response:
        url = server if isinstance(server, str) else server.url
        async with Endpoint(url, token=token, timeout=timeout, **kwargs) as endpoint:
            await endpoint.identify()
            return await endpoint.complete(request)

    return asyncio.run(call())


def identify(url: str, model: str | None = None, token: str | None = None) -> Model:
    async def call() -> Model:
        async with Endpoint(url, token=token) as endpoint:
            return await endpoint.identify(model)

    return asyncio.run(call())


def failure(call: Callable[[], object], kind: type[Exception] = EndpointError) -> str:
    with pytest.raises(kind) as caught:
        call()
    message = str(caught.value)
    assert TOKEN not in message
    assert "\n" not in message
    assert len(message) < 700
    return message


# --- what is sent ---------------------------------------------------------------------------------------------------


def tgi_validators(name: str = "ChatRequest", fixture: str = "tgi_chat_request") -> list[Draft202012Validator]:
    validators = [Draft202012Validator(json.loads((FIXTURES / f"{fixture}.schema.json").read_text()))]
    if OPENAPI.exists():
        components = translate(json.loads(OPENAPI.read_text())["components"])
        validators.append(Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": components}))
    return validators


def translate(node: Any) -> Any:
    """OpenAPI 3.0 to JSON Schema 2020-12: `nullable`, and `exclusiveMinimum` as a flag."""
    if isinstance(node, list):
        return [translate(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: translate(value) for key, value in node.items()}
    if node.get("exclusiveMinimum") is True:
        node["exclusiveMinimum"] = node.pop("minimum")
    if node.pop("nullable", False) is True:
        return {"anyOf": [node, {"type": "null"}]}
    return node


@pytest.mark.parametrize("kind", REQUESTS)
def test_tgi_gets_a_body_that_its_own_schema_allows(server: FakeServer, kind: str) -> None:
    ask(server, REQUESTS[kind])
    (body,) = server.bodies
    for validator in tgi_validators():
        validator.validate(body)
    assert server.paths == ["/info", "/v1/chat/completions"]
    assert body["seed"] == REQUESTS[kind].seed
    assert body["messages"] == list(REQUESTS[kind].messages)
    assert ("top_p" in body) == (kind not in ("greedy", "top"))
    assert body["temperature"] == REQUESTS[kind].temperature
    assert ("logprobs" in body) == (kind in ("logprobs", "top"))
    assert body.get("top_logprobs") == (5 if kind == "top" else None)
    grammar = {"regex": {"type": "regex", "value": "[a-z ]{1,40}"}, "json": {"type": "json", "value": SCHEMA}}
    assert body.get("response_format") == grammar.get(kind)


def test_a_given_answer_is_scored_behind_the_rendered_prompt(server: FakeServer) -> None:
    ask(server, SCORED, token=TOKEN)
    prompt, text = server.bodies
    assert server.paths == ["/info", "/chat_tokenize", "/generate"]
    assert {headers["authorization"] for headers in server.headers} == {f"Bearer {TOKEN}"}
    assert prompt == {"model": "tgi", "messages": [SCORED.messages[0]]}
    assert text["inputs"] == "user Name a fruit. assistant Pear is one."
    for validator in tgi_validators()[1:]:
        validator.validate(prompt)
    for validator in tgi_validators("GenerateRequest", "tgi_generate_request"):
        validator.validate(text)
        assert not validator.is_valid({**text, "parameters": {"temperature": "none"}})


def test_the_validators_would_catch_a_wrong_body() -> None:
    messages = [{"role": "user", "content": "hi"}]
    good = {"model": "tgi", "messages": messages, "seed": 1, "max_tokens": 1, "temperature": 0.5}
    for validator in tgi_validators():
        assert validator.is_valid(good)
        assert not validator.is_valid({**good, "seed": -1})
        assert not validator.is_valid({**good, "response_format": {"type": "json_schema", "json_schema": SCHEMA}})
        assert not validator.is_valid({**good, "messages": [{"content": "no role"}]})


def test_openai_servers_get_their_own_grammar_fields(server: FakeServer) -> None:
    server.be_openai("some/model")
    for kind in ("json", "regex", "plain"):
        ask(server, REQUESTS[kind])
    by_json, by_regex, plain = server.bodies
    assert by_json["model"] == "some/model"
    assert by_json["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True},
    }
    assert by_regex["structured_outputs"] == {"regex": "[a-z ]{1,40}"}
    assert "response_format" not in by_regex
    assert set(plain) <= {"model", "messages", "seed", "max_tokens", "temperature", "top_p", "stream"}


def test_only_the_endpoints_token_is_sent(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_the_users_own")
    ask(server, make_request())
    assert all("authorization" not in headers for headers in server.headers)
    server.headers.clear()
    ask(server, make_request(), token=TOKEN + "\n")
    assert [headers["authorization"] for headers in server.headers] == [f"Bearer {TOKEN}"] * 2
    assert "hf_the_users_own" not in str(server.headers)


# --- what is read ---------------------------------------------------------------------------------------------------


def test_the_answer(server: FakeServer) -> None:
    text = chat_completion({"messages": list(make_request().messages), "seed": 1234})["choices"][0]["message"][
        "content"
    ]
    assert ask(server, make_request()) == Response(text, "stop", prompt_tokens=11, completion_tokens=2)
    assert ask(server, make_request(logprobs=True)).mean_logprob == -0.375


def test_the_log_probabilities_of_the_first_token_are_read_where_they_were_asked_for(server: FakeServer) -> None:
    told = ask(server, make_request(top_logprobs=5)).top_logprobs
    assert told == {"answer": -0.25, " B": -1.123457, "": -7}
    assert ask(server, make_request(logprobs=True)).top_logprobs is None
    server.faults.append(Fault(200, chat_completion({"messages": [], "seed": 1})))
    assert "gives no log-probabilities" in failure(lambda: ask(server, make_request(top_logprobs=5)))


def test_the_likelihood_of_an_answer_is_the_mean_over_its_own_tokens(server: FakeServer) -> None:
    # <s> user Name a fruit. assistant | Pear is one.
    assert ask(server, SCORED) == Response("", "stop", 9, 1, mean_logprob=-0.5 * (6 + 7 + 8) / 3)


@pytest.mark.parametrize(
    ("prompt", "tokens", "scored"),
    [
        ([5, 6, 7], [5, 6, 7, 8, 9], [-4, -5]),  # no start token
        ([5, 6, 7], [1, 5, 6, 7, 8, 9], [-5, -6]),  # TGI's
        ([1, 5, 6], [1, 1, 5, 6, 8], [-5]),  # TGI's and the template's
        ([5, 6, 7], [5, 6, 78, 9], [-3, -4]),  # a token of both is the answer's
        ([5, 5, 5], [5, 5, 5, 5, 6], [-4, -5]),
    ],
)
def test_where_the_answer_begins(prompt: list[int], tokens: list[int], scored: list[float]) -> None:
    prefill = [{"id": token, "text": "", "logprob": -float(i)} for i, token in enumerate(tokens, start=1)]
    told = {"details": {"prefill": prefill, "generated_tokens": 1}}
    made = parse_scored({"tokenize_response": [{"id": token} for token in prompt]}, told)
    assert made.mean_logprob == round(sum(scored) / len(scored), 6)


def test_a_server_that_cannot_score_says_what_can_be_done(server: FakeServer) -> None:
    empty = {"generated_text": "", "details": {"prefill": [], "tokens": [], "generated_tokens": 1}}
    server.answer = lambda body: Fault(200, empty) if "inputs" in body else None
    said = failure(lambda: ask(server, SCORED))
    assert "--enable-prefill-logprobs" in said
    assert "alpha is 0" in said
    server.be_openai("some/model")
    said = failure(lambda: ask(server, SCORED))
    assert "only TGI can" in said
    assert "alpha is 0" in said


@pytest.mark.parametrize(
    "body",
    [
        {"generated_text": ""},
        {"details": {"prefill": 3}},
        {"details": {"prefill": [{"id": 1, "text": "", "logprob": None}], "generated_tokens": 1}},
        b"<html>",
        [],
    ],
)
def test_scores_of_another_shape_are_retryable_error(server: FakeServer, body: Any) -> None:
    server.answer = lambda sent: Fault(200, body) if "inputs" in sent else None
    assert "is not a scored text" in failure(lambda: ask(server, SCORED), RetryableError)
    server.answer = lambda sent: Fault(422, {"error": "too long"}) if "inputs" in sent else None
    assert "shorten the prompt" in failure(lambda: ask(server, SCORED), CallFailed)


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("stop", "stop"),
        ("eos_token", "stop"),
        ("stop_sequence", "stop"),
        ("length", "length"),
        ("content_filter", "length"),
    ],
)
def test_finish_reasons_are_normalised(server: FakeServer, reason: str, expected: str) -> None:
    server.faults.append(Fault(200, chat_completion({"messages": [], "seed": 1}, reason)))
    assert ask(server, make_request()).finish_reason == expected


def test_odd_but_usable_answers(server: FakeServer) -> None:
    choice: dict[str, Any] = {"message": {"content": None}, "finish_reason": "length"}
    server.faults.append(Fault(200, {"choices": [choice]}))
    assert ask(server, make_request(logprobs=True)) == Response("", "length")
    server.faults.append(Fault(200, b'{"choices":[{"message":{"content":"half \\ud83d"},"finish_reason":"stop"}]}'))
    assert ask(server, make_request()).text == "half ?"


# --- which model ----------------------------------------------------------------------------------------------------


def test_identify(server: FakeServer) -> None:
    assert identify(server.url) == TGI_MODEL
    assert identify(server.url + "/v1/", model=TGI_MODEL.id) == TGI_MODEL
    assert "does not serve other/model" in failure(lambda: identify(server.url, model="other/model"))
    server.routes["/info"] = {"model_id": "/data/model", "model_sha": None}
    assert identify(server.url) == Model("/data/model", "")


def test_identify_an_openai_server(server: FakeServer) -> None:
    server.be_openai("one/model")
    assert identify(server.url) == Model("one/model")
    server.be_openai("one/model", "lora")
    message = failure(lambda: identify(server.url))
    assert "one/model, lora" in message
    assert "--model" in message
    assert identify(server.url, model="lora") == Model("lora")


def closed_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def test_identify_gives_up_a_server_that_drips(server: FakeServer) -> None:
    server.routes = {"/info": Fault(200, {"model_id": "a/model", "model_sha": "a" * 40}, drip=0.1)}
    assert "does not answer (TimeoutError)" in failure(lambda: ask(server, make_request(), timeout=0.5))


def test_identify_says_what_answers_instead(server: FakeServer) -> None:
    url = closed_port()
    assert f"{url} does not answer" in failure(lambda: identify(url))

    page = Fault(200, b"<!doctype html><title>Login</title>", {"Content-Type": "text/html"})
    server.routes = {"/info": page, "/v1/models": page}
    assert "an HTML page; check --endpoint" in failure(lambda: identify(server.url))

    server.routes = {
        "/info": Fault(401, {"error": f"bad {TOKEN}"}),
        "/v1/models": Fault(401, {"error": f"bad {TOKEN}"}),
    }
    assert "401 Unauthorized: bad ***; it does not accept the token in ECD_TOKEN" in failure(
        lambda: identify(server.url, token=TOKEN)
    )
    server.routes = {"/info": Fault(401), "/v1/models": Fault(401)}
    assert "set ECD_TOKEN" in failure(lambda: identify(server.url))

    server.routes = {}
    assert "404 Not Found" in failure(lambda: identify(server.url))
    server.routes = {"/v1/models": {"data": [3, {}]}}
    assert "shows no model" in failure(lambda: identify(server.url))
    # An overloaded TGI must not pass for an OpenAI server: its responses would get other keys.
    server.routes = {"/info": Fault(503, {"error": "Loading model"}), "/v1/models": {"data": [{"id": "m"}]}}
    assert "503 Service Unavailable: Loading model" in failure(lambda: identify(server.url))


@pytest.mark.parametrize("url", ["", "localhost:8080", "ftp://host", "http://", "http://h:99999999", "file:///etc"])
def test_unusable_urls(url: str) -> None:
    assert "--endpoint" in failure(lambda: Endpoint(url))


def test_urls() -> None:
    assert parse_url(" http://h:8080/v1/ ") == parse_url("http://h:8080/") == "http://h:8080"
    assert parse_url("https://host/prefix/v1") == "https://host/prefix"
    assert "ECD_TOKEN" in failure(lambda: Endpoint(f"http://user:{TOKEN}@host"))
    assert "ECD_TOKEN" in failure(lambda: Endpoint(f"http://host/?key={TOKEN}"))
    assert "ECD_TOKEN" in failure(lambda: Endpoint("http://host", token=TOKEN + "\x00é"))


# --- faults ---------------------------------------------------------------------------------------------------------

RETRYABLE = {
    "429": Fault(429, {"error": "Model is overloaded", "error_type": "overloaded"}),
    "424": Fault(424, {"error": "Request failed during generation", "error_type": "generation"}),
    "500": Fault(500, b"boom"),
    "500 list": Fault(500, []),
    "503 html": Fault(503, b"<html>bad gateway</html>", {"Content-Type": "text/html"}),
    "html": Fault(200, b"<html>login</html>"),
    "truncated": Fault(200, b'{"choices": [{"mess'),
    "closed mid-body": Fault(200, b'{"choices": [{"mess', length=5000),
    "not UTF-8": Fault(200, b"\xff\xfe\x00"),
    "list": Fault(200, []),
    "error with 200": Fault(200, {"error": {"message": "no"}}),
    "no choices": Fault(200, {"choices": []}),
    "null choices": Fault(200, {"choices": None}),
    "odd choices": Fault(200, {"choices": [3]}),
    "odd message": Fault(200, {"choices": [{"message": "hi", "finish_reason": "stop"}]}),
    "no finish_reason": Fault(200, {"choices": [{"message": {"content": "hi"}}]}),
    "odd usage": Fault(200, {"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}], "usage": "x"}),
}


@pytest.mark.parametrize("kind", RETRYABLE)
def test_what_may_pass_can_be_retried(server: FakeServer, kind: str) -> None:
    server.faults.append(RETRYABLE[kind])
    said = failure(lambda: ask(server, make_request(), token=TOKEN), RetryableError)
    expected = {
        "500": "500 Internal Server Error: boom",
        "429": "429 Too Many Requests: Model is overloaded",
        "truncated": "is not a chat completion",
        "closed mid-body": "the connection broke",
    }
    assert expected.get(kind, "") in said
    assert ask(server, make_request()).text.startswith("answer ")


def retryable_error(server: FakeServer, **kwargs: Any) -> RetryableError:
    with pytest.raises(RetryableError) as caught:
        ask(server, make_request(), **kwargs)
    return caught.value


def test_a_retryable_error_tells_overload_from_failure(server: FakeServer) -> None:
    server.faults.extend([Fault(503, headers={"Retry-After": "7"}), Fault(500), Fault(429), Fault(hang=30)])
    errors = [retryable_error(server, timeout=timeout) for timeout in (5, 5, 5, 1)]
    assert [(error.overloaded, error.alive, error.retry_after) for error in errors] == [
        (True, True, 7),
        (False, False, 0),
        (True, True, 0),
        (True, False, 0),
    ]


def test_a_server_that_drips_is_given_up(server: FakeServer) -> None:
    server.faults.append(Fault(200, chat_completion({"messages": [], "seed": 1}), drip=0.1))
    start = time.monotonic()
    assert "no answer within 0.4 s" in str(retryable_error(server, timeout=0.4))
    assert time.monotonic() - start < 3


def test_a_server_that_goes_away(server: FakeServer) -> None:
    async def call() -> None:
        async with Endpoint(server.url) as endpoint:
            await endpoint.identify()
            server.stop()
            await endpoint.complete(make_request())

    assert "the connection broke" in failure(lambda: asyncio.run(call()), RetryableError)


def test_many_calls_at_once(server: FakeServer) -> None:
    server.pause = lambda: 1.0

    async def call() -> None:
        async with Endpoint(server.url, timeout=60) as endpoint:
            await endpoint.identify()
            await asyncio.gather(*(endpoint.complete(make_request(number)) for number in range(130)))

    asyncio.run(call())
    assert server.most_in_flight == 130  # a client alone has a hundred connections


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault(400, {"error": {"message": "context length exceeded", "code": 400}}), "context length exceeded"),
        (Fault(401, {"error": f"unknown key {TOKEN}"}), "does not accept the token in ECD_TOKEN"),
        (Fault(403, {"message": "forbidden"}), "403 Forbidden: forbidden; it does not accept"),
        (Fault(404, {"detail": "Not Found"}), "404 Not Found: Not Found; check --endpoint"),
        (Fault(413, b"too\nlarge " + b"x" * 5000), "too large xxx"),
        (
            Fault(
                422, {"error": "Input validation error: `inputs` must have less than 1024 tokens", "error_type": "v"}
            ),
            "shorten the prompt or lower max_tokens (the server has max_input_tokens 1024, max_total_tokens 2048)",
        ),
    ],
)
def test_a_refusal(server: FakeServer, fault: Fault, expected: str) -> None:
    server.always = fault
    with pytest.raises(EndpointError) as caught:
        ask(server, make_request(), token=TOKEN)
    assert expected in str(caught.value)
    assert TOKEN not in str(caught.value)
    assert "call `edit` of seed seed0, round 1" in str(caught.value)
    # Of this request alone, or of all: a reject, or the end of the run.
    assert isinstance(caught.value, CallFailed) == (fault.status in (400, 413, 422))


def test_offline_mode_is_named(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE" in failure(lambda: ask(server, make_request()))


def test_nothing_is_printed_or_warned(
    server: FakeServer, capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    server.faults.extend([RETRYABLE["429"], RETRYABLE["truncated"], RETRYABLE["closed mid-body"]])
    for _ in range(3):
        retryable_error(server, token=TOKEN)
    ask(server, make_request(), token=TOKEN)
    assert capfd.readouterr() == ("", "")
    assert not recwarn.list


def test_a_call_that_is_redirected_goes_nowhere_else(server: FakeServer) -> None:
    other = FakeServer()
    server.always = Fault(307, b"", {"Location": f"{other.url}/v1/chat/completions"})
    assert f"redirects to {other.url}" in failure(lambda: ask(server, REQUESTS["plain"]))
    other.stop()
    assert other.bodies == []
