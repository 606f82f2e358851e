import pytest

from builders.ecd import Ecd
from builders.spool import Spool
from ecd_data.artifact.build import build
from ecd_data.artifact.schema import CONFIGS


@pytest.fixture
def make_build(make_generation, tmp_path, tmp_path_factory):
    """Builds a generation into `tmp_path / name`, by way of `parts` parts in `processes` processes."""

    def make(name="build", parts=1, processes=1, **changes):
        generation = make_generation(**changes)
        work = tmp_path_factory.mktemp("work")
        spool = Spool(work / "spool", generation.recipe, parts)
        spool.fill(generation, processes)
        builders = [Ecd(c, generation=generation, spool=spool, cache_dir=str(work)) for c in CONFIGS]
        build(builders, generation, [*generation.trial_keys, *spool.keys()], tmp_path / name)
        return tmp_path / name

    return make
