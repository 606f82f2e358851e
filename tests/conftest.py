"""The environment of every test: no network but loopback, and caches of their own.

The libraries read these variables when they are imported, so they are set before anything else is.
"""

import os
import shutil
import signal
import sys
import tempfile

_home = tempfile.mkdtemp(prefix="ecd-tests-")
os.environ.update(
    HF_HOME=os.path.join(_home, "hf"),
    HF_HUB_DISABLE_XET="1",
    HF_HUB_DISABLE_TELEMETRY="1",
    HF_UPDATE_DOWNLOAD_COUNTS="0",
    HF_ENDPOINT="http://127.0.0.1:9",  # nothing listens there: a test that needs a Hub starts one
    ECD_HOME=os.path.join(_home, "ecd"),
)
for name in ("HF_TOKEN", "ECD_TOKEN", "ECD_ENDPOINT"):
    os.environ.pop(name, None)
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts its background jobs without Ctrl-C

import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

from ecd_data.calls.store import Store  # noqa: E402
from ecd_data.core.hashing import sha256  # noqa: E402
from ecd_data.corpus.seeds import Corpus, read_corpus  # noqa: E402
from tests.helpers.building import build_of, scripted_generation  # noqa: E402
from tests.helpers.shelf import Shelf  # noqa: E402

settings.register_profile("steady", deadline=None)  # a busy machine is no failure
settings.load_profile("steady")


MAY_START_PROCESSES = {"subprocess", "model", "browser"}
unmarked = [False]  # whether the test that runs has none of these markers


def refuse_processes(event, _):
    """An audit hook by which `make test-fast` leaves out every test that starts processes."""
    if unmarked[0] and event in ("subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn"):
        raise RuntimeError("a test that starts a process is marked: @pytest.mark.subprocess")


sys.addaudithook(refuse_processes)


def pytest_collection_modifyitems(items):
    """Begin with the files that take longest, so that no process waits for another one's at the end."""
    items.sort(key=lambda item: item.path.parent.name not in ("e2e", "trainers"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    unmarked[0] = MAY_START_PROCESSES.isdisjoint(mark.name for mark in item.iter_markers())
    try:
        return (yield)
    finally:
        unmarked[0] = False


@pytest.fixture(scope="session")
def corpus() -> Corpus:
    """Twenty bundled seeds."""
    return read_corpus(["bundled"], limit=20)


@pytest.fixture(scope="session")
def shelf(tmp_path_factory):
    """What is made once in a test run, for all of its processes."""
    base = tmp_path_factory.getbasetemp()  # of this process; pytest-xdist gives its workers folders of one folder
    return Shelf((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shelf")


@pytest.fixture
def make_generation(corpus, tmp_path):
    """Generations of the scripted model over one response store; `pool=None` replays."""
    stores = []

    def make(pool="scripted", **changes):
        stores.append(Store(tmp_path / "responses.sqlite"))
        return scripted_generation(stores[-1], **{"corpus": corpus, "pool": pool, **changes})

    yield make
    for store in stores:
        store.close()


@pytest.fixture
def make_build(make_generation, corpus, shelf, tmp_path, tmp_path_factory):
    """Builds a generation into `tmp_path / name`, by way of `parts` parts in `processes` processes.

    What the scripted model makes of a recipe is made once in a test run and copied from then on, responses and all,
    as is what a test's own model makes if the test names it by `once`. A test of the building wants it `anew`.
    """

    def make(name="build", parts=1, processes=1, anew=False, once="", **changes):
        out = tmp_path / name
        if not once and (anew or parts > 1 or out.exists() or changes.keys() - {"recipe"}):
            work = tmp_path_factory.mktemp("work") / "spool"
            return build_of(make_generation(**changes), out, work, parts, processes)

        def keep(folder):
            with Store(folder / "responses.sqlite") as store:
                generation = scripted_generation(store, **{"corpus": corpus, **changes})
                build_of(generation, folder / "build", tmp_path_factory.mktemp("work") / "spool")

        kept = shelf.take(f"{once}-{sha256(repr(changes.get('recipe')))[:16]}", keep)
        shutil.copytree(kept / "build", out)
        with Store(tmp_path / "responses.sqlite") as store:
            store.absorb(kept / "responses.sqlite")
        return out

    return make
