"""The command: an endpoint and weights, from the store a second time, and what a mistake says."""

import json

import pytest

from ecd_data.local.hub import Hub
from tests.helpers.evaluation_rows import IFEVAL, JUDGED
from tests.helpers.fake_endpoint import FakeServer, Fault, chat_completion
from tests.helpers.in_process import run_module


def run(*arguments, **environment):
    return run_module("ecd_data.evaluate", *arguments, **environment)


def says(text):
    """A server's answer of that text."""

    def answer(body):
        completion = chat_completion(body)
        completion["choices"][0]["message"]["content"] = text(body) if callable(text) else text
        return Fault(200, completion)

    return answer


@pytest.fixture
def server():
    fake = FakeServer()
    yield fake
    fake.stop()


def test_an_endpoint_is_scored_stored_and_compared(tmp_path, server, jsonl):
    prompts, store = jsonl(IFEVAL), ["--responses", tmp_path / "r.sqlite"]
    server.answer = says("<<Fruit>> yes")
    first = run(prompts, "--endpoint", server.url, *store, "--json", tmp_path / "a.json", ECD_TOKEN="ecd_secret")
    assert first.returncode == 0, first.stderr
    assert "test/tiny-model on prompts.jsonl, percent met" in first.stdout
    assert "punctuation:no_comma" in first.stdout
    assert len(server.bodies) == 2
    assert {body["temperature"] for body in server.bodies} == {0}
    text = (tmp_path / "a.json").read_text()
    assert "ecd_secret" not in text
    assert json.loads(text)["accuracy"][0]["measures"]["prompt_strict"]["value"] == 1.0

    again = run(prompts, "--replay", *store, "--json", tmp_path / "b.json", "--against", tmp_path / "a.json")
    assert again.returncode == 0, again.stderr
    assert "test/tiny-model against test/tiny-model, difference in points" in again.stdout
    assert len(server.bodies) == 2
    result = json.loads((tmp_path / "b.json").read_text())
    assert result.pop("against")["difference"][0]["measures"]["prompt_strict"]["value"] == 0
    assert result == json.loads(text)


def test_weights_on_a_hub_dataset_at_a_revision(tmp_path, tiny, jsonl):
    from huggingface_hub import HfApi

    with Hub(tmp_path / "hub") as hub:
        api = HfApi(endpoint=hub.url, token=hub.token)
        api.create_repo("org/ifeval", repo_type="dataset")
        upload = {"repo_id": "org/ifeval", "repo_type": "dataset", "path_in_repo": "train.jsonl"}
        commit = api.upload_file(path_or_fileobj=jsonl(IFEVAL), **upload).oid
        api.upload_file(path_or_fileobj=jsonl(IFEVAL[:1]), **upload)
        environment = {"HF_ENDPOINT": hub.url, "HF_TOKEN": hub.token, "HF_HOME": str(tmp_path / "home")}
        flags = ["--weights", tiny, "--max-tokens", 8, "--batch-size", 2, "--responses", tmp_path / "r.sqlite"]
        done = run("org/ifeval", "--revision", commit, *flags, "--json", tmp_path / "a.json", **environment)
        assert done.returncode == 0, done.stderr
        again = run("org/ifeval", *flags, "--replay", "--json", tmp_path / "b.json", **environment)
        assert again.returncode == 0, again.stderr
    result = json.loads((tmp_path / "a.json").read_text())
    assert result["data"]["revision"] == commit
    assert result["data"]["split"] == "train"
    assert result["model"]["revision"].startswith("sha256:")
    assert len(result["rows"]) == 2
    assert "2/2" in done.stderr
    assert json.loads((tmp_path / "b.json").read_text())["rows"] == result["rows"][:1]


def test_a_judge_scores_what_code_cannot(tmp_path, server, jsonl):
    row = {"id": "a", "seed_id": "a", "prompt": "Name a fruit.", "requirements": [JUDGED]}
    judge = FakeServer()
    judge.answer = says('{"reason": "so it is", "met": true}')
    flags = [jsonl([row]), "--endpoint", server.url, "--responses", tmp_path / "r.sqlite"]
    alone = run(*flags)
    assert alone.returncode == 1
    assert "needs a judge (1). See --judge-endpoint" in alone.stderr
    done = run(*flags, "--judge-endpoint", judge.url, "--json", tmp_path / "a.json")
    judge.stop()
    assert done.returncode == 0, done.stderr
    assert len(judge.bodies) == 3
    assert len(server.bodies) == 1
    result = json.loads((tmp_path / "a.json").read_text())
    assert result["judge"]["id"] == "test/tiny-model"
    assert result["rows"][0]["requirements"] == [{"name": "style/humour", "strict": True, "loose": True}]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["{prompts}"], "no model. Give --weights MODEL"),
        (["{prompts}", "--endpoint", "http://127.0.0.1:9"], "127.0.0.1:9 does not answer"),
        (["nowhere.jsonl", "--endpoint", "http://127.0.0.1:9"], "nowhere.jsonl: cannot be read"),
        (["{prompts}", "--endpoint", "http://127.0.0.1:9", "--against", "none.json"], "none.json: cannot be read"),
        (["{prompts}", "--replay", "--responses", "{tmp}/none.sqlite"], "no response store"),
        (["org/ecd", "--endpoint", "http://127.0.0.1:9"], "cannot ask http://127.0.0.1:9 for dataset org/ecd"),
        (["{prompts}", "--weights", "org/model"], "cannot ask http://127.0.0.1:9 for model org/model"),
        (["{prompts}", "--weights", "{tmp}"], "cannot load the tokenizer of model"),
    ],
)
def test_a_mistake_is_one_message(tmp_path, jsonl, flags, message):
    flags = [flag.format(prompts=jsonl(IFEVAL), tmp=tmp_path) for flag in flags]
    done = run(*flags, ECD_HOME=str(tmp_path / "home"))
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "flags",
    [
        ["--weights", "out", "--endpoint", "http://127.0.0.1:9"],
        ["--endpoint", "http://127.0.0.1:9", "--weights-revision", "main"],
        ["--endpoint", "http://127.0.0.1:9", "--dtype", "float32"],
        ["--endpoint", "http://127.0.0.1:9", "--temperature", "3"],
    ],
)
def test_flags_that_do_not_go_together(flags):
    assert run("x.jsonl", *flags).returncode == 2
