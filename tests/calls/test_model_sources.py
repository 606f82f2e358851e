"""The models that the flags name: one or several, behind endpoints or in a replay."""

import argparse
import re

import pytest

from ecd_data.calls.model_sources import connect, connect_judge
from ecd_data.calls.store import Store
from ecd_data.cli.arguments import add_generation_arguments, model_settings
from ecd_data.core.errors import EndpointError, StoreError
from ecd_data.core.request import Model, Response
from tests.helpers.fake_endpoint import TGI_INFO, FakeServer, make_request

STRONG, WEAK = Model("test/strong", "01"), Model("test/weak", "02")


@pytest.fixture
def server():
    servers = []

    def start(model=STRONG):
        servers.append(FakeServer())
        servers[-1].routes["/info"] = {**TGI_INFO, "model_id": model.id, "model_sha": model.revision}
        return servers[-1]

    yield start
    for one in servers:
        one.stop()


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "responses.sqlite") as opened:
        yield opened


def settings(*arguments):
    parser = argparse.ArgumentParser()
    add_generation_arguments(parser)
    return model_settings(parser.parse_args(arguments))


def test_each_name_has_the_model_of_its_endpoint(server, store):
    strong, weak = server(), server(WEAK)
    args = settings("--endpoint", f"strong={strong.url}", "--endpoint", f"weak={weak.url}")
    sources = connect(args, store, ["strong", "weak"])
    assert [(name, source.model) for name, source in sources.items()] == [("strong", STRONG), ("weak", WEAK)]


def test_servers_of_one_name_share_its_work_and_names_at_one_server_share_its_limit(server, store):
    one, other = server(), server()
    args = settings(
        *(part for name in ("a", "b") for url in (one.url, other.url) for part in ("--endpoint", f"{name}={url}"))
    )
    sources = connect(args, store, ["a", "b"])
    assert sources["a"].pool is sources["b"].pool
    assert [endpoint.url for endpoint in sources["a"].pool.endpoints] == [one.url, other.url]


def test_an_equals_sign_inside_a_url_does_not_end_a_name():
    args = settings("--endpoint", "http://localhost:8080/?key=1", "--endpoint", "strong=http://localhost/?key=2")
    assert args.urls == {"": ["http://localhost:8080/?key=1"], "strong": ["http://localhost/?key=2"]}


@pytest.mark.parametrize(
    ("names", "given", "message"),
    [
        (["strong", "weak"], ["strong={url}"], "not every model .* has an endpoint: also give --endpoint weak=URL"),
        (["strong", "weak"], ["{url}"], "also give --endpoint strong=URL --endpoint weak=URL"),
        (["", "student"], ["student={url}"], r"also give --endpoint URL \(without a name\)"),
        ([""], ["strong={url}"], "--endpoint strong=...: no model of that name is asked; this takes no names"),
        (["strong"], ["strong={url}", "big={url}"], "--endpoint big=...: .* this takes --endpoint strong=..."),
    ],
)
def test_a_name_without_an_endpoint_and_an_unused_name_are_reported(server, store, names, given, message):
    url = server().url
    args = settings(*(part for value in given for part in ("--endpoint", value.format(url=url))))
    with pytest.raises(EndpointError, match=message):
        connect(args, store, names)


def test_a_token_may_be_for_one_model(server, store, monkeypatch):
    strong, weak = server(), server(WEAK)
    monkeypatch.setenv("ECD_TOKEN", "of-all")
    monkeypatch.setenv("ECD_TOKEN_WEAK", "of-weak")
    args = settings("--endpoint", f"strong={strong.url}", "--endpoint", f"weak={weak.url}")
    connect(args, store, ["strong", "weak"])
    assert [one.headers[-1].get("authorization") for one in (strong, weak)] == ["Bearer of-all", "Bearer of-weak"]


def models(sources):
    return {name: source.model for name, source in sources.items()}


def test_a_replay_uses_the_only_model_of_the_store(store):
    store.put("0" * 64, STRONG, make_request(), Response("yes", "stop"))
    assert models(connect(settings("--replay"), store, ["strong", "weak"])) == {"strong": STRONG, "weak": STRONG}


def test_a_replay_of_several_models_needs_their_names(store):
    for number, model in enumerate((STRONG, WEAK)):
        store.put(f"{number:064}", model, make_request(), Response("yes", "stop"))
    stored = re.escape("the store has those of: test/strong@01, test/weak@02. Name the model with ")
    with pytest.raises(StoreError, match=f"cannot tell whose .* {stored}--model ID, and a separate judge"):
        connect(settings("--replay"), store, [""])
    with pytest.raises(StoreError, match=f"{stored}--model weak=ID"):
        connect(settings("--replay", "--model", "strong=test/strong"), store, ["strong", "weak"])
    named = settings("--replay", "--model", "strong=test/strong", "--model", "weak=test/weak@02")
    assert models(connect(named, store, ["strong", "weak"])) == {"strong": STRONG, "weak": WEAK}
    with pytest.raises(StoreError, match="finds no such model"):
        connect(settings("--replay", "--model", "test/other"), store, [""])


def test_the_judge_of_a_replay_is_not_mistaken_for_the_model(store):
    for number, model in enumerate((STRONG, WEAK)):
        store.put(f"{number:064}", model, make_request(), Response("yes", "stop"))
    judge = connect_judge(settings("--replay", "--judge-model", "test/strong"), store)
    assert judge.model == STRONG
    assert models(connect(settings("--replay"), store, [""], judge)) == {"": WEAK}
    named = settings("--replay", "--model", "test/strong")  # which may be the model too
    assert models(connect(named, store, [""], judge)) == {"": STRONG}


def test_a_judge_needs_an_endpoint(store):
    assert connect_judge(settings("--endpoint", "http://localhost"), store) is None
    with pytest.raises(EndpointError, match="--judge-endpoint, which is missing"):
        connect_judge(settings("--endpoint", "http://localhost", "--judge-model", "test/judge"), store)
