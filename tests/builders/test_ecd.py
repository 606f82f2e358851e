from dataclasses import replace

import pytest
from datasets.exceptions import DatasetGenerationError
from scripted import RECIPE, ScriptedPool

from builders.ecd import Ecd
from builders.rows import chain_rows
from builders.spool import Spool
from ecd_data.artifact.schema import configs, gate
from ecd_data.errors import EndpointError, GateError


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
    rows = Spool(tmp_path / "spool", generation.recipe)
    for config in configs():
        Ecd(config, generation=generation, spool=rows, cache_dir=str(tmp_path)).download_and_prepare()
    assert len(pool.requests) == len(list(rows.keys()))


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
        make_generation().fingerprint,
        make_generation(recipe=replace(RECIPE, seed=1)).fingerprint,
        make_generation(recipe=replace(RECIPE, rounds=1)).fingerprint,
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
    def spoiled(chain, models):
        rows = chain_rows(chain, models)
        for row in rows["preference"]:
            row["gap"] = 0
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
