"""A judge on trial, a judge of its own, and what becomes of judged operations."""

import json

import pytest

from ecd_data.calls.scheduler import ModelSource
from ecd_data.calls.store import Store
from ecd_data.core.errors import RecipeError, StoreError
from ecd_data.core.request import Model, Response, request_key
from ecd_data.generation.generation import Generation
from ecd_data.methods import make_plan
from ecd_data.requirements.calibration import items
from tests.helpers.scripted import MODEL, RECIPE, ScriptedPool, scripted

JUDGE = Model("test/judge", "fedcba9876543210")
JUDGED = {**RECIPE.to_dict(), "operations": ["content/*", "reasoning/*"], "judge_items": 20}
TRUTH = {item.id: item.truth for item in items(20)}


class JudgePool(ScriptedPool):
    async def identify(self, model=None):
        return JUDGE


def votes(of_item):
    """A model whose votes on the trial's items are given, and otherwise the scripted one's."""

    def answer(request):
        if request.role == "judge" and request.seed_id in TRUTH:
            return Response(json.dumps({"reason": "so", "met": of_item(request)}), "stop")
        return scripted(request)

    return answer


def right(request):
    return TRUTH[request.seed_id]


@pytest.fixture
def judged(make_generation):
    from ecd_data.core.recipe import recipe_from_dict

    def make(answer, **changes):
        recipe = recipe_from_dict({**JUDGED, **changes.pop("recipe", {})})
        return make_generation(ScriptedPool(answer), recipe=recipe, **changes)

    return make


def kinds(chains):
    return {requirement.check for chain in chains for pair in chain.pairs for requirement in pair.requirements}


def test_a_reliable_judge_is_used(judged):
    prepared = judged(votes(right)).prepare()
    assert "judge" in kinds(done.result for done in prepared.chains())
    assert prepared.trial.judge.calibration.overall.balanced_accuracy == 1.0
    assert prepared.provenance.judge.is_reliable


def test_one_that_says_yes_to_everything_is_not_and_code_goes_on(judged):
    prepared = judged(votes(lambda request: True)).prepare()
    assert kinds(done.result for done in prepared.chains()) == {"code"}
    assert prepared.trial.judge.calibration.overall.balanced_accuracy == 0.5
    assert prepared.trial.judge.calibration.overall.false_accept == 1.0
    assert not prepared.provenance.judge.is_reliable


def test_a_recipe_of_judged_operations_alone_says_what_to_do(judged):
    generation = judged(votes(lambda request: False), recipe={"operations": ["breadth/history"]})
    with pytest.raises(RecipeError, match="--judge-endpoint"):
        generation.prepare()


def test_a_recipe_without_judged_operations_tries_no_judge(make_generation):
    pool = ScriptedPool()
    prepared = make_generation(pool).prepare()
    assert list(prepared.chains())
    assert prepared.trial is None
    assert prepared.provenance.judge is None
    assert not [request for request in pool.requests if request.role == "judge"]


def test_a_judge_of_its_own_gets_all_votes_and_nothing_else_and_replays(judged, corpus, tmp_path):
    judge = JudgePool(votes(right))
    generation = judged(scripted, extra_models={"judge": ModelSource(JUDGE, judge)})
    prepared = generation.prepare()
    made = list(prepared.chains())
    assert "judge" in kinds(done.result for done in made)
    assert {request.role for request in judge.requests} == {"judge"}
    assert not [request for request in generation.source.pool.requests if request.role == "judge"]
    with Store(tmp_path / "responses.sqlite") as store:
        replay = Generation(corpus, generation.recipe, ModelSource(MODEL), store, {"judge": ModelSource(JUDGE)})
        assert list(replay.prepare().chains()) == made
        assert replay.prepare().trial == prepared.trial
        assert replay.provenance().fingerprint == generation.provenance().fingerprint
        alone = Generation(corpus, generation.recipe, ModelSource(MODEL), store)
        assert alone.provenance().fingerprint != generation.provenance().fingerprint
        with pytest.raises(StoreError, match="no response of test/scripted"):
            alone.prepare()


def test_parts_make_up_the_corpus_and_name_the_responses_that_they_used(make_generation):
    pool = ScriptedPool()
    whole = list(make_generation(pool).prepare().chains())
    asked = {request_key(MODEL, request) for request in pool.requests}
    keys = [call.key for done in whole for call in done.calls]
    assert set(keys) == asked
    assert len(keys) == len(asked)
    for parts in (2, 7, 30):
        prepared = make_generation(pool=None).prepare()
        assert [done for part in range(parts) for done in prepared.chains(part, parts)] == whole


def test_the_trial_asks_nothing_twice(judged):
    generation = judged(votes(right))
    plan = make_plan(generation.recipe)
    first = generation.try_judge(plan)
    asked = len(generation.source.pool.requests)
    assert asked == 20 * generation.recipe.votes
    assert generation.try_judge(plan) == first
    assert len(generation.source.pool.requests) == asked
