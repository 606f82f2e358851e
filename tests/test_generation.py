"""A judge on trial, a judge of its own, and what becomes of judged operations."""

import json

import pytest
from scripted import MODEL, RECIPE, ScriptedPool, scripted

from ecd_data.calls.scheduler import Answerer
from ecd_data.calls.store import Store
from ecd_data.errors import RecipeError, StoreError
from ecd_data.generation import Generation
from ecd_data.method.plan import Plan
from ecd_data.request import Model, Response, request_key
from ecd_data.requirements.calibration import items

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
    from ecd_data.recipe import recipe_from_dict

    def make(answer, **changes):
        recipe = recipe_from_dict({**JUDGED, **changes.pop("recipe", {})})
        return make_generation(ScriptedPool(answer), recipe=recipe, **changes)

    return make


def kinds(chains):
    return {requirement.check for chain, _ in chains for pair in chain.pairs for requirement in pair.requirements}


def test_a_reliable_judge_is_used(judged):
    generation = judged(votes(right))
    assert "judge" in kinds(generation.chains())
    assert generation.calibration.overall.balanced_accuracy == 1.0
    assert generation.judge_is_reliable


def test_one_that_says_yes_to_everything_is_not_and_code_goes_on(judged):
    told = []
    generation = judged(votes(lambda request: True), on_judge=told.append)
    assert kinds(generation.chains()) == {"code"}
    assert told == [generation.calibration]
    assert generation.calibration.overall.balanced_accuracy == 0.5
    assert generation.calibration.overall.false_accept == 1.0
    assert not generation.judge_is_reliable


def test_a_recipe_of_judged_operations_alone_says_what_to_do(judged):
    generation = judged(votes(lambda request: False), recipe={"operations": ["breadth/history"]})
    with pytest.raises(RecipeError, match="--judge-endpoint"):
        list(generation.chains())


def test_a_recipe_without_judged_operations_tries_no_judge(make_generation):
    pool = ScriptedPool()
    generation = make_generation(pool)
    list(generation.chains())
    assert generation.calibration is None
    assert not [request for request in pool.requests if request.role == "judge"]


def test_a_judge_of_its_own_gets_all_votes_and_nothing_else_and_replays(judged, corpus, tmp_path):
    judge = JudgePool(votes(right))
    generation = judged(scripted, others={"judge": Answerer(JUDGE, judge)})
    made = list(generation.chains())
    assert "judge" in kinds(made)
    assert {request.role for request in judge.requests} == {"judge"}
    assert not [request for request in generation.pool.requests if request.role == "judge"]
    with Store(tmp_path / "responses.sqlite") as store:
        again = Generation(corpus, generation.recipe, MODEL, store, others={"judge": Answerer(JUDGE)})
        assert again.is_stored()
        assert list(again.chains()) == made
        assert again.trial_keys == generation.trial_keys
        assert again.fingerprint == generation.fingerprint
        alone = Generation(corpus, generation.recipe, MODEL, store)
        assert alone.fingerprint != generation.fingerprint
        assert not alone.is_stored()
        with pytest.raises(StoreError, match="no response of test/scripted"):
            list(alone.chains())


def test_parts_make_up_the_corpus_and_name_the_responses_that_they_used(make_generation):
    pool = ScriptedPool()
    whole = list(make_generation(pool).chains())
    asked = {request_key(MODEL, request) for request in pool.requests}
    keys = [key for _, keys in whole for key in keys]
    assert set(keys) == asked
    assert len(keys) == len(asked)
    for parts in (2, 7, 30):
        generation = make_generation(pool=None)
        assert [made for part in range(parts) for made in generation.chains(part, parts)] == whole


def test_the_trial_asks_nothing_twice(judged):
    generation = judged(votes(right))
    plan = Plan.of(generation.recipe)
    first = generation.calibrate(plan)
    asked = len(generation.pool.requests)
    assert asked == 20 * generation.recipe.votes
    assert generation.calibrate(plan) == first
    assert len(generation.pool.requests) == asked
