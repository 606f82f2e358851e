"""Builds, one with judged requirements and rejects, its contents, and Chromium to look at its page with."""

import shutil
from dataclasses import replace

import pytest

from ecd_data.artifact.parquet import every_row
from ecd_data.calls.scheduler import ModelSource
from ecd_data.calls.store import Store
from ecd_data.generation.generation import Generation
from ecd_data.reporting.contents import read_contents
from ecd_data.reporting.page import page
from tests.helpers.building import build_of
from tests.helpers.scripted import MODEL, RECIPE, ScriptedPool, scripted

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = ["--disable-background-networking", "--disable-component-update", "--disable-gpu", "--disable-sync"]


@pytest.fixture(scope="module")
def make_built(corpus, tmp_path_factory):
    """Builds by a scripted model; of the whole module, since they must be there before Playwright's event loop is."""

    def make(recipe, answer=scripted, names=()):
        folder = tmp_path_factory.mktemp("page")
        pool = ScriptedPool(answer)
        with Store(folder / "responses.sqlite") as store:
            extra_models = {name: ModelSource(MODEL, pool) for name in names}
            generation = Generation(corpus, recipe, ModelSource(MODEL, pool), store, extra_models)
            return build_of(generation, folder / "build", folder / "spool")

    return make


@pytest.fixture(scope="module")
def built(make_built):
    operations = ("reasoning/*", "style/no_*", "format/*")
    return make_built(replace(RECIPE, operations=operations, judge_items=10, judge_accuracy=0.0))


@pytest.fixture(scope="module")
def rows(built):
    """The rows of the build that the page shows."""
    return {config: list(every_row(built, config)) for config in ("preference", "rejects", "chains")}


@pytest.fixture(scope="module")
def contents(built):
    return read_contents(built, "org/ecd")


@pytest.fixture(scope="module")
def browser(built):
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, chromium_sandbox=False, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser, tmp_path):
    """Opens the page of some contents; what it complains of and what it asks the network for ends the test."""
    tabs, wrong = [], []

    def open_(contents, at="", viewport=None, colours="light"):
        path = tmp_path / "report.html"
        path.write_text(page(contents))
        tab = browser.new_page(viewport=viewport or {"width": 1280, "height": 900}, color_scheme=colours)
        tabs.append(tab)
        tab.on("console", lambda message: wrong.append(message.text))
        tab.on("pageerror", lambda error: wrong.append(str(error)))
        tab.on("dialog", lambda dialog: wrong.append(dialog.message))
        tab.on("request", lambda request: wrong.append(request.url) if request.url.startswith("http") else None)
        tab.goto(f"{path.as_uri()}#{at}")
        tab.wait_for_selector("body[data-ready]")
        return tab

    yield open_
    for tab in tabs:
        tab.close()
    assert wrong == []
