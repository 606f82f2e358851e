"""Every label of a real build is proved again: the real model, a hundred seeds, three rounds, all checks by code."""

import json
import subprocess
import sys
from collections import Counter

import pytest
import yaml

from ecd_data.artifact.parquet import data_files, read_rows
from ecd_data.core.recipe import load_recipe
from ecd_data.core.values import Requirement
from ecd_data.local.tgi import TextGeneration
from ecd_data.requirements.kinds import check
from ecd_data.requirements.taxonomy import load_taxonomy

SEEDS, ROUNDS = 100, 3


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """A build of short answers, with the routes that cost least first, so that it takes minutes."""
    folder = tmp_path_factory.mktemp("verified")
    recipe = load_recipe("local", rounds=ROUNDS).to_dict() | {
        "operations": [operation.id for operation in load_taxonomy().values() if operation.check != "judge"],
        "routes": {"repair": 1, "guided": 1, "edit": 1},
        "weave": 0,
        "system": "Answer in one short sentence.",
        "max_tokens": 80,
    }
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    arguments = ["--seeds", "bundled", "--limit", str(SEEDS), "--recipe", str(folder / "recipe.yaml")]
    with TextGeneration() as server:
        where = ["--endpoint", server.url, "--responses", str(folder / "r.sqlite"), "--out", str(folder / "build")]
        command = [sys.executable, "-m", "ecd_data.generate", *arguments, *where]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "build"


def rows(build, config):
    return [row for paths in data_files(build, config).values() for row in read_rows(paths)]


def verdicts(row, side):
    """The verdict of every requirement in force on one side, from the published row alone."""
    requirements = (Requirement(**{**r, "kwargs": json.loads(r["kwargs"])}) for r in row["requirements"])
    return [check(requirement, row[side][0]["content"]).met for requirement in requirements]


def test_every_row_proves_itself(build):
    pairs = rows(build, "preference")
    for row in pairs:
        assert verdicts(row, "chosen") == row["chosen_met"] == [True] * len(row["requirements"]), row["id"]
        assert verdicts(row, "rejected") == row["rejected_met"], row["id"]
        assert row["rejected_met"].count(False) in (1, 2), row["id"]
        assert row["prompt"][0]["role"] == "user"
        assert all(requirement["round"] <= row["round"] for requirement in row["requirements"])
    assert len(pairs) > 30
    assert max(len(row["requirements"]) for row in pairs) > 1


def test_the_pairs_are_of_every_class_and_many_kinds(build):
    operations = Counter(row["operation"] for row in rows(build, "preference"))
    assert {id_.split("/")[0] for id_ in operations} == {"content", "style", "format", "reasoning", "breadth"}
    assert len(operations) > 20
    assert max(operations.values()) < 0.25 * operations.total()


def test_no_round_is_lost(build):
    pairs, rejects = rows(build, "preference"), rows(build, "rejects")
    began = SEEDS - sum(row["round"] == 0 for row in rejects)
    assert len(pairs) + len(rejects) == ROUNDS * began + (SEEDS - began)
