"""Every label of a real build is proved again: the real model, three rounds, all operations that code checks.

A hundred seeds' answers are recorded (`tests/helpers/recorded.py`); a few seeds, or all of them, are asked live.
"""

import json
from collections import Counter

import pytest

from ecd_data.artifact.manifest import read_manifest
from ecd_data.artifact.parquet import every_row
from ecd_data.core.values import Requirement
from ecd_data.requirements.kinds import check
from tests.helpers.recorded import SEEDS, live, replay

ROUNDS = 3
RECORDED = "recorded"
FEW = pytest.param(4, marks=pytest.mark.model)
ALL = pytest.param(SEEDS["ecd"], marks=[pytest.mark.model, pytest.mark.slow])


@pytest.fixture(scope="module")
def build(request, tmp_path_factory):
    """The build of all recorded answers, or of so many seeds whose answers come from the model."""
    folder = tmp_path_factory.mktemp("verified")
    return replay("ecd", folder) if request.param == RECORDED else live("ecd", folder, request.param)


def verdicts(row, side):
    """The verdict of every requirement in force on one side, from the published row alone."""
    requirements = (Requirement(**{**r, "kwargs": json.loads(r["kwargs"])}) for r in row["requirements"])
    return [check(requirement, row[side][0]["content"]).met for requirement in requirements]


@pytest.mark.parametrize("build", [RECORDED, FEW, ALL], indirect=True)
def test_every_row_proves_itself(build):
    for row in every_row(build, "preference"):
        assert verdicts(row, "chosen") == row["chosen_met"] == [True] * len(row["requirements"]), row["id"]
        assert verdicts(row, "rejected") == row["rejected_met"], row["id"]
        assert row["rejected_met"].count(False) in (1, 2), row["id"]
        assert row["prompt"][0]["role"] == "user"
        assert all(requirement["round"] <= row["round"] for requirement in row["requirements"])


@pytest.mark.parametrize("build", [RECORDED, FEW, ALL], indirect=True)
def test_no_round_is_lost(build):
    pairs, rejects = list(every_row(build, "preference")), list(every_row(build, "rejects"))
    seeds = read_manifest(build)["counts"]["seeds"]
    began = seeds - sum(row["round"] == 0 for row in rejects)
    assert len(pairs) + len(rejects) == ROUNDS * began + (seeds - began)


@pytest.mark.parametrize("build", [RECORDED, ALL], indirect=True)
def test_the_pairs_are_of_every_class_and_many_kinds(build):
    pairs = list(every_row(build, "preference"))
    operations = Counter(row["operation"] for row in pairs)
    assert {id_.split("/")[0] for id_ in operations} == {"content", "style", "format", "reasoning", "breadth"}
    assert len(operations) > 20
    assert max(operations.values()) < 0.25 * operations.total()
    assert operations.total() > 30
    assert max(len(row["requirements"]) for row in pairs) == ROUNDS
    assert {row["adapted_by"] for row in pairs} == {"edit", "guided", "repair"}
