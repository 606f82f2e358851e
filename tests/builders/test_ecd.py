import gc
import tempfile
from collections import Counter
from dataclasses import replace

import pytest
from datasets.exceptions import DatasetGenerationError

from ecd_data.artifact.manifest import read_manifest
from ecd_data.artifact.parquet import every_row
from ecd_data.artifact.schema import configs, gate
from ecd_data.builders.ecd import Ecd
from ecd_data.calls.scheduler import ModelSource
from ecd_data.core.errors import EndpointError, GateError
from ecd_data.core.request import Model, Response
from ecd_data.reporting.contents import read_contents
from tests.helpers.building import new_spool
from tests.helpers.runs import contents
from tests.helpers.scripted import ANSWER, RECIPE, ScriptedPool, scripted


@pytest.fixture
def builder(make_generation, tmp_path):
    def make(config=None, **changes):
        return Ecd(config, generation=make_generation(**changes), cache_dir=str(tmp_path / "cache"))

    return make


def test_the_default_config_is_preference(builder):
    made = builder()
    made.download_and_prepare()
    pairs = made.as_dataset()
    assert made.config.name == "preference"
    assert set(pairs) <= set(RECIPE.splits)
    assert pairs["train"].features == Ecd.FEATURES["preference"]
    assert {"prompt", "chosen", "rejected"} <= set(pairs["train"].column_names)


@pytest.mark.parametrize("config", configs())
def test_every_config_has_rows_that_pass_the_gate_and_fit_the_features(builder, config):
    made = builder(config)
    made.download_and_prepare()
    for rows in made.as_dataset().values():
        assert rows.features == Ecd.FEATURES[config]
        for row in rows:
            gate(config, row)


def test_builders_of_one_spool_generate_once(make_generation, tmp_path):
    pool = ScriptedPool()
    generation = make_generation(pool=pool)
    rows = new_spool(generation, tmp_path / "spool")
    for config in configs():
        Ecd(config, generation=generation, spool=rows, cache_dir=str(tmp_path)).download_and_prepare()
    assert len(pool.requests) == len(list(rows.calls()))


def test_rows_on_their_way_go_with_the_builder(builder, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    made = builder()
    made.download_and_prepare()
    assert list(tmp_path.glob("ecd-spool-*"))
    del made
    gc.collect()
    assert not list(tmp_path.glob("ecd-spool-*"))


@pytest.mark.subprocess
def test_processes_make_the_same_rows(make_generation, tmp_path):
    rows = []
    for processes in (1, 2):  # the second one from the responses of the first
        generation = make_generation() if processes == 1 else make_generation(pool=None)
        made = Ecd("chains", generation=generation, cache_dir=str(tmp_path / str(processes)))
        made.download_and_prepare(num_proc=processes)
        rows.append({split: list(rows) for split, rows in made.as_dataset().items()})
    assert rows[0] == rows[1]


def test_another_recipe_or_model_is_another_cache(builder, make_generation):
    fingerprints = {
        make_generation().provenance().fingerprint,
        make_generation(recipe=replace(RECIPE, seed=1)).provenance().fingerprint,
        make_generation(recipe=replace(RECIPE, rounds=1)).provenance().fingerprint,
    }
    assert len(fingerprints) == 3
    assert builder().cache_dir != builder(recipe=replace(RECIPE, rounds=1)).cache_dir


def test_splits_share_no_seed(builder):
    made = builder("chains")
    made.download_and_prepare()
    seen = [set(rows["id"]) for rows in made.as_dataset().values()]
    assert len(seen) > 1
    assert sum(map(len, seen)) == len(set().union(*seen)) == 20


def test_a_row_that_does_not_validate_stops_the_build(builder, monkeypatch):
    as_they_are = Ecd.rows

    def spoiled(chain, models):
        rows = as_they_are(chain, models)
        for row in rows["preference"]:
            row["gap"] = -1
        return rows

    monkeypatch.setattr(Ecd, "rows", staticmethod(spoiled))
    with pytest.raises(DatasetGenerationError) as caught:
        builder().download_and_prepare()
    assert isinstance(caught.value.__cause__, GateError)
    assert "gap" in str(caught.value.__cause__)


def test_an_endpoint_that_fails_is_not_taken_for_a_data_file_problem(builder):
    def fails(request):
        raise EndpointError("down")

    with pytest.raises(EndpointError):
        builder(pool=ScriptedPool(fails)).download_and_prepare()


STUDENT = Model("test/student")


def student(request):
    """The scripted model's edits of what it says first, as a student's answers; nothing else is asked of it."""
    assert request.role == "student"
    return Response(
        [ANSWER.lower(), ANSWER.replace(",", ""), ANSWER][len(request.messages[-1]["content"]) % 3], "stop"
    )


def relaxing(request):
    return Response(ANSWER.replace(";", ","), "stop") if request.role == "relaxed" else scripted(request)


def test_a_build_with_a_student_tells_of_it_and_is_replayed_byte_for_byte(make_build):
    recipe = replace(RECIPE, options={"negatives": ["evolved", "student", "relaxed"]}, max_share={"repair": 0.5})
    asked = ScriptedPool(student, STUDENT)
    build = make_build(
        recipe=recipe, pool=ScriptedPool(relaxing), extra_models={"student": ModelSource(STUDENT, asked)}
    )
    assert asked.requests
    again = make_build("again", recipe=recipe, pool=None, extra_models={"student": ModelSource(STUDENT)})
    assert contents(build) == contents(again)

    rows = list(every_row(build, "preference"))
    kinds = Counter(row["negative"] for row in rows)
    assert kinds.keys() == {"evolved", "student", "relaxed"}
    for row in rows:
        assert (row["gap"] == 0) == (row["negative"] != "evolved")
    manifest = read_manifest(build)
    assert manifest["models"] == {"student": {"id": "test/student", "revision": ""}}
    assert manifest["counts"]["by_gap"] == {"0": kinds["student"] + kinds["relaxed"], "1": kinds["evolved"]}
    assert manifest["counts"]["rounds"] == kinds["evolved"] + sum(manifest["counts"]["rejects"].values())
    assert manifest["counts"]["rejects"]["contrast/route_share"] > 0
    assert manifest["funnel"]["routes"].keys() <= {"edit", "repair"}
    card = (build / "README.md").read_text()
    assert "`student`, the own one of `test/student`, `relaxed`, the model's to the instruction" in card
    assert "{} pairs reject another answer".format(kinds["student"] + kinds["relaxed"]) in card

    told = every_row(build, "chains")
    named = {id_ for chain in told for id_ in chain["pairs"]}
    assert named == {row["id"] for row in rows}
    reasons = [pair for chain in read_contents(build, "x").chains["chains"] for pair in chain["pairs"]]
    assert Counter(pair["negative"] for pair in reasons) == kinds
