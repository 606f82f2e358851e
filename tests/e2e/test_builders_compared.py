"""The comparison of all builders, small, on the simulated endpoint."""

import json

import pytest

from benchmarks.simulated import Simulated
from tests.helpers.in_process import run_module

pytestmark = pytest.mark.subprocess

RECIPE = """
rounds: 2
weave: 0
votes: 1
operations: [style/lower_case, style/no_commas, format/title, format/word_count_at_most, format/sentence_count_at_most]
"""


ALL = ["ecd", "rlcd", "spar", "strength", "pad"]
SOME = ["ecd", "strength"]


@pytest.fixture(scope="module", params=[SOME, pytest.param(ALL, marks=pytest.mark.slow)], ids=["some", "all"])
def result(request, tmp_path_factory):
    """What the script wrote, by builder."""
    folder = tmp_path_factory.mktemp("methods")
    (folder / "recipe.yaml").write_text(RECIPE)
    with Simulated() as server:
        flags = ["--calls", 400, "--recipe", folder / "recipe.yaml", "--endpoint", server.url]
        where = ["--work", folder / "work", "--result", folder / "methods.json"]
        done = run_module("benchmarks.methods", "--builders", *request.param, *flags, *where)
    assert done.returncode == 0, done.stderr[-3000:]
    assert (folder / "methods.md").read_text() == done.stdout
    rows = {row["builder"]: row for row in json.loads((folder / "methods.json").read_text())["builders"]}
    assert list(rows) == request.param
    return rows


def test_every_builder_has_the_same_calls(result):
    assert all(300 <= row["calls"] <= 500 for row in result.values()), result


def test_pairs_are_what_the_methods_promise(result):
    assert all(row["pairs"] > 1 and row["calls_per_pair"] > 1 for row in result.values()), result
    assert all(result[name]["confirmed"] == 1 for name in {"ecd", "spar"} & result.keys())
    assert result["strength"]["similarity"] < result["ecd"]["similarity"]
