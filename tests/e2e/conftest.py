import pytest

from benchmarks.simulated import Simulated
from tests.helpers.runs import Generate, contents


@pytest.fixture
def generate(tmp_path):
    return Generate(tmp_path)


@pytest.fixture(scope="session")
def whole(shelf):
    """The build of an uninterrupted run in one process, which every other run must make to the byte."""

    def make(folder):
        with Simulated() as server:
            Generate(folder)(server, "build")

    return contents(shelf.take("whole", make) / "build")
