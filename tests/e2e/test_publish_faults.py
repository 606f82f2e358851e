"""Whatever goes wrong at whichever request of a publish: a reader sees the old release or the new one, and the same
command again ends with the new one.
"""

import multiprocessing
import os
import random
import shutil
import signal
from collections import Counter
from dataclasses import replace
from itertools import count
from types import SimpleNamespace

import pytest
from aiohttp import web
from huggingface_hub import HfApi, constants
from huggingface_hub.errors import RepositoryNotFoundError

from ecd_data.calls.scheduler import ModelSource
from ecd_data.calls.store import Store
from ecd_data.core.errors import PublishError
from ecd_data.generation.generation import Generation
from ecd_data.local.hub import Hub
from ecd_data.release.change import build_files
from ecd_data.release.release import Release, Terms
from tests.helpers import publisher
from tests.helpers.building import build_of
from tests.helpers.scripted import MODEL, RECIPE, ScriptedPool

PASSING = [409, 412, 429, 500, 503, "dropped before", "dropped after"]
TERMS = {"first": Terms(private=True, gated="auto", tag="v2"), "second": Terms(tag="v2")}


class FaultyHub(Hub):
    """A Hub that does something to its request number `at`.

    fault: an HTTP status, which comes with a page of a gateway; the connection is `dropped before` the request is
        looked at, or `dropped after`, with its answer; the Hub is `down` from that request on; or the process `victim`
        is `killed before` or `killed after`.
    stored: how often each object was taken.
    """

    def __init__(self, directory, at=-1, fault=None):
        super().__init__(directory)
        self.at, self.fault, self.victim = at, fault, None
        self.stored = Counter()
        self._numbers = count()

    @web.middleware
    async def answer(self, request, handler):
        number, response = next(self._numbers), None
        hit = number == self.at or (self.fault == "down" and number > self.at)
        if not hit or "after" in str(self.fault):
            response = await super().answer(request, handler)
            self.stored[request.path] += request.method == "PUT" and "/lfs-store/" in request.path
        return await self._failure(request) if hit else response

    async def _failure(self, request):
        if isinstance(self.fault, int):
            await request.read()
            return web.Response(status=self.fault, text="<html>oops</html>\r\n", content_type="text/html")
        if "killed" in self.fault:
            os.kill(self.victim.get(timeout=60), signal.SIGKILL)
        request.transport.abort()
        return web.Response()  # of which nothing is sent


@pytest.fixture(scope="module")
def builds(corpus, tmp_path_factory):
    """An old and a new build."""
    folder = tmp_path_factory.mktemp("builds")
    with Store(folder / "responses.sqlite") as store:
        for name, rounds in [("old", 2), ("new", 1)]:
            recipe = replace(RECIPE, rounds=rounds, splits={"train": 1.0})
            generation = Generation(corpus, recipe, ModelSource(MODEL, ScriptedPool()), store)
            build_of(generation, folder / name, folder / f"{name}-spool")
    return folder


@pytest.fixture(scope="module", params=list(TERMS))
def case(request, builds, tmp_path_factory):
    """The first release of a repository, or the second: its terms, and the state of the Hub before it."""
    before = tmp_path_factory.mktemp("hub") / "before"
    second = request.param == "second"
    with Hub(before) as hub:
        api = HfApi(hub.url, token=hub.token)
        if second:
            Release("org/ecd", api=api).publish(builds / "old", "Old")
        collection = None if second else api.create_collection("Pairs", namespace="org").slug
    return SimpleNamespace(terms=replace(TERMS[request.param], collection=collection), before=before, second=second)


@pytest.fixture
def attempt(case, builds, tmp_path, monkeypatch):
    """A Hub with that state and a cache that is empty; nobody waits."""
    monkeypatch.setattr("huggingface_hub.utils._http.time", SimpleNamespace(sleep=lambda seconds: None))

    def make(name, at=-1, fault=None):
        folder = tmp_path / name
        shutil.copytree(case.before, folder / "hub")
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder / "cache"))
        return FaultyHub(folder / "hub", at, fault)

    return make


def publish(hub, builds, terms):
    api = HfApi(hub.url, token=hub.token)
    return Release("org/ecd", terms=terms, api=api, sleep=lambda seconds: None).publish(builds / "new", "New")


@pytest.fixture(params=["some", pytest.param("all", marks=pytest.mark.slow)])
def places(request, attempt):
    """Numbers of requests of a publish at which something goes wrong: all of them, or other ones for each test."""

    def choose(builds, terms):
        with attempt("clean") as hub:
            publish(hub, builds, terms)
            every = range(len(hub.requests))
        assert len(every) > 10
        return every if request.param == "all" else random.Random(request.node.name).sample(every, 3)

    return choose


def contents(hub, revision="main"):
    """Sizes by path of what a reader sees; None if there is no dataset, or nothing in it yet."""
    try:
        tree = HfApi(hub.url, token=hub.token).list_repo_tree(
            "org/ecd", repo_type="dataset", revision=revision, recursive=True
        )
        files = {entry.path: entry.size for entry in tree if hasattr(entry, "size")}
    except RepositoryNotFoundError:
        return None
    files.pop(".gitattributes")
    return files or None


def expected(folder):
    return {name: path.stat().st_size for name, path in build_files(folder).items()}


def check_after(hub, builds, case):
    """The reader's view now, and after the same command again."""
    hub.fault = None
    old, new = expected(builds / "old") if case.second else None, expected(builds / "new")
    assert contents(hub) in (old, new)
    publish(hub, builds, case.terms)
    assert contents(hub) == contents(hub, "v2") == new
    api = HfApi(hub.url, token=hub.token)
    if case.terms.collection:
        assert [item.item_id for item in api.get_collection(case.terms.collection).items] == ["org/ecd"]
    titles = [commit.title for commit in api.list_repo_commits("org/ecd", repo_type="dataset")]
    assert titles == ["New", *(["Old"] if case.second else []), "initial commit"]


@pytest.mark.parametrize("fault", PASSING)
def test_passing_trouble_at_any_request_is_waited_out(attempt, builds, case, fault, places):
    for at in places(builds, case.terms):
        with attempt(f"at-{at}", at, fault) as hub:
            publish(hub, builds, case.terms)
            check_after(hub, builds, case)
            # Of an upload whose answer got lost nobody knows that it arrived.
            lost = hub.requests[at] if fault == "dropped after" else None
            assert {path: n for path, n in hub.stored.items() if n > 1 and ("PUT", path) != lost} == {}


def test_a_hub_that_goes_down_at_any_request_fails_the_command_and_the_next_goes_on(attempt, builds, case, places):
    for at in places(builds, case.terms):
        with attempt(f"at-{at}", at, "down") as hub:
            with pytest.raises(PublishError, match="cannot be reached"):
                publish(hub, builds, case.terms)
            check_after(hub, builds, case)
            assert max(hub.stored.values()) == 1


def test_a_pull_request_whose_answer_got_lost_is_not_opened_again(attempt, builds, case, places):
    for at in places(builds, Terms(create_pr=True)):
        with attempt(f"at-{at}", at, "dropped after") as hub:
            publish(hub, builds, Terms(create_pr=True))
            api = HfApi(hub.url, token=hub.token)
            refs = api.list_repo_refs("org/ecd", repo_type="dataset", include_pull_requests=True)
            assert [pull.ref for pull in refs.pull_requests] == ["refs/pr/1"]
            assert contents(hub) == (expected(builds / "old") if case.second else None)
            assert contents(hub, "refs/pr/1") == expected(builds / "new")


@pytest.mark.subprocess
@pytest.mark.parametrize("fault", ["killed before", "killed after"])
def test_a_publisher_that_is_killed_at_any_request_goes_on_when_it_is_started_again(
    attempt, builds, case, fault, places
):
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", "pytest", "ecd_data.release.release"])
    for at in places(builds, case.terms):
        with attempt(f"at-{at}", at, fault) as hub:
            hub.victim = context.Queue()
            arguments = (hub.url, hub.token, builds / "new", case.terms, constants.HF_HUB_CACHE, hub.victim)
            process = context.Process(target=publisher.publish, args=arguments)
            process.start()
            process.join(60)
            assert process.exitcode == -signal.SIGKILL
            check_after(hub, builds, case)
            assert max(hub.stored.values()) == 1
