"""A finished run: when there is nothing to do, and when there is."""

import json
from dataclasses import replace

import pytest

from ecd_data.artifact.manifest import MANIFEST, read_manifest
from ecd_data.artifact.up_to_date import up_to_date_manifest
from ecd_data.calls.scheduler import ModelSource
from ecd_data.core.errors import CallFailed
from ecd_data.core.request import Response, request_key
from tests.helpers.building import chains_of
from tests.helpers.scripted import MODEL, RECIPE, ScriptedPool, scripted


def manifest_if_current(build, generation):
    provenance, is_replay = generation.prepare().provenance, generation.source.pool is None
    return up_to_date_manifest(build, provenance, generation.store, is_replay)


@pytest.fixture
def finished(make_build, make_generation):
    """A build, and the generation that made it."""
    build = make_build()
    generation = make_generation(None)
    return build, generation


def test_a_finished_run_has_nothing_to_do(finished):
    build, generation = finished
    assert manifest_if_current(build, generation) == read_manifest(build)


@pytest.mark.parametrize("changes", [{"seed": 1}, {"rounds": 3}, {"license": "mit"}])
def test_another_recipe_has(finished, make_generation, changes):
    build, _ = finished
    assert manifest_if_current(build, make_generation(None, recipe=replace(RECIPE, **changes))) is None


def test_other_seeds_or_code_have(finished, make_generation, corpus, monkeypatch):
    build, generation = finished
    fewer = replace(corpus, seeds=corpus.seeds[:-1])
    assert manifest_if_current(build, make_generation(None, corpus=fewer)) is None
    monkeypatch.setattr("ecd_data.artifact.manifest.code_hash", lambda: "other")
    assert manifest_if_current(build, generation) is None


def test_another_answer_in_the_store_has(finished):
    build, generation = finished
    key = next(iter(generation.store.keys()))
    generation.store.remove([key])
    assert manifest_if_current(build, generation) is None
    request = next(r for r in _requests(generation) if request_key(MODEL, r) == key)
    generation.store.put(key, MODEL, request, Response("another answer", "stop"))
    assert manifest_if_current(build, generation) is None


def _requests(generation):
    """All requests that the generation makes."""
    pool = ScriptedPool()
    chains_of(replace(generation, source=ModelSource(MODEL, pool), store=_Nothing()))
    return pool.requests


class _Nothing:
    """A store that holds nothing and keeps nothing."""

    def get(self, key):
        return None

    def put_many(self, answers):
        return [answer[3] for answer in answers]


def test_a_build_that_was_changed_has(finished):
    build, generation = finished
    card = build / "data" / "preference" / "train-00000-of-00001.parquet"
    card.write_bytes(card.read_bytes()[:-1] + b"x")
    assert manifest_if_current(build, generation) is None
    card.unlink()
    assert manifest_if_current(build, generation) is None
    (build / MANIFEST).write_text(json.dumps({"format": 1}))
    assert manifest_if_current(build, generation) is None
    assert manifest_if_current(build.parent / "nowhere", generation) is None


def test_calls_that_failed_are_asked_again_where_there_is_an_endpoint(make_build, make_generation):
    def fails(request):
        if request.seed_id < "4":
            raise CallFailed("no_answer", "it timed out")
        return scripted(request)

    patient = replace(RECIPE, max_failed=1.0)
    build = make_build(pool=ScriptedPool(fails), recipe=patient)
    assert read_manifest(build)["calls"]["failed"]["no_answer"] > 0
    assert manifest_if_current(build, make_generation(None, recipe=patient))
    assert manifest_if_current(build, make_generation(recipe=patient)) is None
