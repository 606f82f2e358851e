import pytest

from tests.helpers.runs import Generate


@pytest.fixture
def generate(tmp_path):
    return Generate(tmp_path)
