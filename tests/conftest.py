"""The environment of every test: no network but loopback, and caches of their own.

The libraries read these variables when they are imported, so they are set before anything else is.
"""

import os
import signal
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
from scripted import MODEL, RECIPE, ScriptedPool  # noqa: E402

from builders import find  # noqa: E402
from builders.spool import Spool  # noqa: E402
from ecd_data.artifact.build import build  # noqa: E402
from ecd_data.calls.store import Store  # noqa: E402
from ecd_data.corpus.seeds import Corpus, read_corpus  # noqa: E402
from ecd_data.generation import Generation  # noqa: E402

settings.register_profile("steady", deadline=None)  # a busy machine is no failure
settings.load_profile("steady")


@pytest.fixture(scope="session")
def corpus() -> Corpus:
    """Twenty bundled seeds."""
    return read_corpus(["bundled"], limit=20)


@pytest.fixture
def make_generation(corpus, tmp_path):
    """Generations of the scripted model over one response store; `pool=None` replays."""
    stores = []

    def make(pool="scripted", **changes):
        values = {"corpus": corpus, "recipe": RECIPE, "model": MODEL}
        stores.append(Store(tmp_path / "responses.sqlite"))
        pool = ScriptedPool() if pool == "scripted" else pool
        return Generation(store=stores[-1], pool=pool, **{**values, **changes})

    yield make
    for store in stores:
        store.close()


@pytest.fixture
def make_build(make_generation, tmp_path, tmp_path_factory):
    """Builds a generation into `tmp_path / name`, by way of `parts` parts in `processes` processes."""

    def make(name="build", parts=1, processes=1, **changes):
        generation = make_generation(**changes)
        work = tmp_path_factory.mktemp("work")
        spool = Spool(work / "spool", generation.recipe, parts)
        spool.fill(generation, processes)
        builder = find(generation.recipe.builder)
        names = [config.name for config in builder.BUILDER_CONFIGS]
        builders = [builder(name, generation=generation, spool=spool, cache_dir=str(work)) for name in names]
        build(builders, generation, [*generation.trial_keys, *spool.keys()], tmp_path / name)
        return tmp_path / name

    return make
