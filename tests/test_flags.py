"""Who answers, by the flags: one model or several by their names, live and in a replay."""

import argparse
import re

import pytest
from fake_endpoint import TGI_INFO, FakeServer, make_request

from ecd_data import flags
from ecd_data.calls.store import Store
from ecd_data.errors import EndpointError, StoreError
from ecd_data.request import Model, Response

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
        (["strong", "weak"], ["strong={url}"], "not every model .* has an endpoint: give --endpoint weak=URL, too"),
        (["strong", "weak"], ["{url}"], "give --endpoint strong=URL --endpoint weak=URL, too"),
        (["", "student"], ["student={url}"], r"give --endpoint URL \(without a name\), too"),
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


def models(found):
    return {name: by.model for name, by in found.items()}


def test_a_replay_finds_the_models_in_the_store(store):
    args, names = parse("--replay"), ["strong", "weak"]
    store.put("0" * 64, STRONG, make_request(), Response("yes", "stop"))
    assert models(flags.answerers(args, store, names)) == {"strong": STRONG, "weak": STRONG}
    store.put("1" * 64, WEAK, make_request(), Response("no", "stop"))
    there = re.escape(
        "there are those of: test/strong@01, test/weak@02. Name them with --model strong=ID --model weak=ID"
    )
    with pytest.raises(StoreError, match=there):
        flags.answerers(args, store, names)
    named = parse("--replay", "--model", "strong=test/strong", "--model", "weak=test/weak")
    assert models(flags.answerers(named, store, names)) == {"strong": STRONG, "weak": WEAK}


def test_a_replay_takes_the_models_that_answered(store):
    for number, model in enumerate((STRONG, WEAK)):
        store.put(f"{number:064}", model, make_request(), Response("yes", "stop"))
    asked = []

    def answered(way):
        asked.append(models(way))
        return asked[-1] in right

    right = [{"strong": STRONG, "weak": WEAK}]
    assert [models(flags.answerers(parse("--replay"), store, ["strong", "weak"], None, answered))] == right
    assert len(asked) == 4  # both may be the same model
    asked.clear()
    named = parse("--replay", "--model", "weak=test/weak")
    assert [models(flags.answerers(named, store, ["strong", "weak"], None, answered))] == right
    assert all(way["weak"] == WEAK for way in asked)
    right = [{"": STRONG}, {"": WEAK}]
    with pytest.raises(
        StoreError, match="cannot tell whose .* Name them with --model ID, and a judge of its own with"
    ):
        flags.answerers(parse("--replay"), store, [""], None, answered)
    right = []
    with pytest.raises(StoreError, match="lacks responses that this recipe and these seeds need"):
        flags.answerers(parse("--replay"), store, [""], None, answered)
    with pytest.raises(StoreError, match="finds no such model"):
        flags.answerers(parse("--replay", "--model", "test/other"), store, [""], None, answered)


def test_a_replay_does_not_try_ways_without_end(store):
    for number in range(6):
        store.put(f"{number:064}", Model(f"test/{number}", ""), make_request(), Response("yes", "stop"))
    names = ["a", "b", "c", "d"]
    with pytest.raises(StoreError, match="cannot tell whose .* Name them with --model a=ID --model b=ID --model c=ID"):
        flags.answerers(parse("--replay"), store, names, None, lambda way: pytest.fail("tried"))
    named = parse("--replay", "--model", "a=test/0")
    right = dict(zip(names, [0, 1, 2, 3], strict=True))
    found = flags.answerers(
        named, store, names, None, lambda way: all(way[name].model.id == f"test/{n}" for name, n in right.items())
    )
    assert [model.id for model in models(found).values()] == ["test/0", "test/1", "test/2", "test/3"]


def test_the_judge_of_a_replay_may_have_answered_too(store):
    for number, model in enumerate((STRONG, WEAK)):
        store.put(f"{number:064}", model, make_request(), Response("yes", "stop"))
    judge = flags.judged_by(parse("--replay", "--judge-model", "test/strong"), store)
    assert models(flags.answerers(parse("--replay"), store, [""], judge)) == {"": WEAK}
    named = parse("--replay", "--model", "test/strong")
    assert models(flags.answerers(named, store, [""], judge)) == {"": STRONG}
    right = {"strong": STRONG, "weak": WEAK}
    named = parse("--replay", "--model", "strong=test/strong", "--model", "weak=test/weak")
    assert models(flags.answerers(named, store, ["strong", "weak"], judge)) == right
    found = flags.answerers(parse("--replay"), store, ["strong", "weak"], judge, lambda way: models(way) == right)
    assert models(found) == right


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "1e308"])
def test_a_price_is_an_amount_that_can_be_summed(text):
    with pytest.raises(argparse.ArgumentTypeError, match="is no price"):
        flags.price(text)
