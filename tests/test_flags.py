"""Who answers, by the flags: one model or several by their names, live and in a replay."""

import argparse

import pytest
from fake_endpoint import TGI_INFO, FakeServer, make_request

from ecd_data import flags
from ecd_data.calls.store import Store
from ecd_data.errors import EndpointError, StoreError
from ecd_data.values import Model, Response

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


def parse(*arguments):
    parser = argparse.ArgumentParser()
    flags.add_generation_arguments(parser)
    return parser.parse_args(arguments)


def test_each_name_has_the_model_of_its_endpoint(server, store):
    strong, weak = server(), server(WEAK)
    args = parse("--endpoint", f"strong={strong.url}", "--endpoint", f"weak={weak.url}")
    found = flags.answerers(args, store, ["strong", "weak"])
    assert {name: by.model for name, by in found.items()} == {"strong": STRONG, "weak": WEAK}
    assert list(found) == ["strong", "weak"]


def test_servers_of_one_name_share_its_work_and_names_at_one_server_share_its_limit(server, store):
    one, other = server(), server()
    args = parse(
        *(part for name in ("a", "b") for url in (one.url, other.url) for part in ("--endpoint", f"{name}={url}"))
    )
    found = flags.answerers(args, store, ["a", "b"])
    assert found["a"].pool is found["b"].pool
    assert [endpoint.url for endpoint in found["a"].pool.endpoints] == [one.url, other.url]


def test_a_url_with_an_equals_sign_is_no_name():
    args = parse("--endpoint", "http://localhost:8080/?key=1", "--endpoint", "strong=http://localhost/?key=2")
    assert flags.endpoints(args) == {"": ["http://localhost:8080/?key=1"], "strong": ["http://localhost/?key=2"]}


@pytest.mark.parametrize(
    ("names", "given", "message"),
    [
        (["strong", "weak"], ["strong={url}"], "the model 'weak' has no endpoint: give --endpoint weak=URL"),
        (["strong"], ["{url}"], "give --endpoint strong=URL"),
        ([""], ["strong={url}"], "--endpoint strong=...: nobody asks a model of that name; this takes no names"),
        (["strong"], ["strong={url}", "big={url}"], "--endpoint big=...: .* this takes --endpoint strong=..."),
    ],
)
def test_a_name_without_an_endpoint_or_without_a_use_is_named(server, store, names, given, message):
    url = server().url
    args = parse(*(part for value in given for part in ("--endpoint", value.format(url=url))))
    with pytest.raises(EndpointError, match=message):
        flags.answerers(args, store, names)


def test_a_token_may_be_of_one_model(server, store, monkeypatch):
    strong, weak = server(), server(WEAK)
    monkeypatch.setenv("ECD_TOKEN", "of-all")
    monkeypatch.setenv("ECD_TOKEN_WEAK", "of-weak")
    args = parse("--endpoint", f"strong={strong.url}", "--endpoint", f"weak={weak.url}")
    flags.answerers(args, store, ["strong", "weak"])
    assert [one.headers[-1].get("authorization") for one in (strong, weak)] == ["Bearer of-all", "Bearer of-weak"]


def test_a_replay_finds_the_models_in_the_store(store):
    args = parse("--replay")
    store.put("0" * 64, STRONG, make_request(), Response("yes", "stop"))
    found = flags.answerers(args, store, ["strong", "weak"])
    assert {by.model for by in found.values()} == {STRONG}
    store.put("1" * 64, WEAK, make_request(), Response("no", "stop"))
    with pytest.raises(StoreError, match="Name it with --model strong=ID"):
        flags.answerers(args, store, ["strong", "weak"])
    named = parse("--replay", "--model", "strong=test/strong", "--model", "weak=test/weak")
    found = flags.answerers(named, store, ["strong", "weak"])
    assert {name: by.model for name, by in found.items()} == {"strong": STRONG, "weak": WEAK}
