"""Builds that the tests only read, their contents, and a tab of Chromium to open their pages in."""

import math
import shutil
from dataclasses import replace

import pytest

from ecd_data.artifact.parquet import every_row
from ecd_data.calls.scheduler import ModelSource
from ecd_data.calls.store import Store
from ecd_data.core.request import Response
from ecd_data.generation.generation import Generation
from ecd_data.reporting.contents import read_contents
from ecd_data.reporting.page import render_page
from tests.helpers.building import build_of
from tests.helpers.scripted import MODEL, RECIPE, ScriptedPool, scripted

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = ["--disable-background-networking", "--disable-component-update", "--disable-gpu", "--disable-sync"]
DESKTOP = {"width": 1280, "height": 900}
STUDENT = ["Drink water.", "Drink some water, then walk!", "Have coffee, then run to work.", "Sleep on."]


@pytest.fixture(scope="session")
def scripted_build(corpus, tmp_path_factory):
    def make(recipe, answer=scripted, names=()):
        folder = tmp_path_factory.mktemp("report")
        source = ModelSource(MODEL, ScriptedPool(answer))
        with Store(folder / "responses.sqlite") as store:
            generation = Generation(corpus, recipe, source, store, dict.fromkeys(names, source))
            return build_of(generation, folder / "build", folder / "spool")

    return make


@pytest.fixture(scope="session")
def build(scripted_build):
    """A build with judged requirements and rejects."""
    operations = ("reasoning/*", "style/no_*", "format/*")
    return scripted_build(replace(RECIPE, operations=operations, judge_items=10, judge_accuracy=0.0))


@pytest.fixture(scope="session")
def rows(build):
    """The rows of the build that the page shows."""
    return {config: list(every_row(build, config)) for config in ("preference", "rejects", "chains")}


@pytest.fixture(scope="session")
def contents(build):
    return read_contents(build, "org/ecd")


@pytest.fixture(scope="session")
def pad_build(scripted_build):
    """A build with rankings: a student answers in two lengths, and a teacher prefers the longer one."""

    def answer(request):
        if request.role == "sample":
            return Response(f"{STUDENT[request.attempt]} ({request.seed_id[:4]})", "stop", 10, 5)
        if request.role == "select":
            a, b = (len(part.split("=====")[1]) for part in request.messages[-1]["content"].split("\nAnswer ")[1:3])
            first = 0.7 if a > b else 0.2
            return Response("A", "length", 90, 1, top_logprobs={"A": math.log(first), "B": math.log(0.9 - first)})
        return scripted(request)

    operations, options = ("style/no_exclamation_marks",), {"requirements": 1}
    recipe = replace(RECIPE, builder="pad", rounds=1, operations=operations, options=options)
    return scripted_build(recipe, answer, ["student", "teacher"])


@pytest.fixture(scope="package")
def tab(build, pad_build):
    """One tab for all tests. It starts after the builds, which cannot be made while Playwright's event loop runs."""
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, chromium_sandbox=False, args=QUIET)
        yield browser.new_page()
        browser.close()


@pytest.fixture
def load(tab, tmp_path):
    """Load a page into the tab, which forgets the one before."""

    def load(html, at="", viewport=DESKTOP, colours="light"):
        path = tmp_path / "report.html"
        path.write_text(html)
        tab.goto("about:blank")
        tab.set_viewport_size(viewport)
        tab.emulate_media(color_scheme=colours)
        tab.goto(f"{path.as_uri()}#{at}")
        tab.wait_for_selector("body[data-ready]")
        return tab

    return load


@pytest.fixture
def complaints(tab):
    """What the page writes to the console, its errors and dialogs, and what it requests from the network."""
    texts = []
    listeners = {
        "console": lambda message: texts.append(message.text),
        "pageerror": lambda error: texts.append(str(error)),
        "dialog": lambda dialog: texts.append(dialog.message),
        "request": lambda request: texts.append(request.url) if request.url.startswith("http") else None,
    }
    for event, listener in listeners.items():
        tab.on(event, listener)
    yield texts
    for event, listener in listeners.items():
        tab.remove_listener(event, listener)


@pytest.fixture
def open_page(load, complaints):
    """Open the page of some contents; a complaint fails the test."""
    yield lambda contents, *args, **kwargs: load(render_page(contents), *args, **kwargs)
    assert complaints == []
