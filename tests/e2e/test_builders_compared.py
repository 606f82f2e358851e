"""The comparison of all builders, small, on the simulated endpoint."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.simulated import Simulated

ROOT = Path(__file__).parents[2]
RECIPE = """
rounds: 2
weave: 0
votes: 1
operations: [style/lower_case, style/no_commas, format/title, format/word_count_at_most, format/sentence_count_at_most]
"""


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """What the script wrote, by builder."""
    folder = tmp_path_factory.mktemp("methods")
    (folder / "recipe.yaml").write_text(RECIPE)
    with Simulated() as server:
        flags = ["--calls", 400, "--recipe", folder / "recipe.yaml", "--endpoint", server.url]
        command = [
            sys.executable,
            "-m",
            "benchmarks.methods",
            *flags,
            "--work",
            folder / "work",
            "--result",
            folder / "methods.json",
        ]
        done = subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    assert (folder / "methods.md").read_text() == done.stdout
    return {row["builder"]: row for row in json.loads((folder / "methods.json").read_text())["builders"]}


def test_every_builder_has_the_same_calls(result):
    assert list(result) == ["ecd", "rlcd", "spar", "strength", "pad"]
    assert all(300 <= row["calls"] <= 500 for row in result.values()), result


def test_pairs_are_what_the_methods_promise(result):
    assert all(row["pairs"] > 1 and row["calls_per_pair"] > 1 for row in result.values()), result
    assert result["ecd"]["confirmed"] == result["spar"]["confirmed"] == 1
    assert result["strength"]["similarity"] < result["ecd"]["similarity"]
