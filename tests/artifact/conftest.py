import pytest

from builders.ecd import Ecd
from ecd_data.artifact.build import build
from ecd_data.artifact.schema import CONFIGS


@pytest.fixture
def make_build(make_generation, tmp_path, tmp_path_factory):
    """Builds a generation into `tmp_path / name`."""

    def make(name="build", **changes):
        generation = make_generation(**changes)
        work = tmp_path_factory.mktemp("work")
        (work / "spool").mkdir()
        builders = [Ecd(c, generation=generation, spool=work / "spool", cache_dir=str(work)) for c in CONFIGS]
        build(builders, generation, tmp_path / name)
        return tmp_path / name

    return make
