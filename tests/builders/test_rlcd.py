import json
from dataclasses import replace

import pytest

from ecd_data.artifact.manifest import read_manifest
from ecd_data.artifact.parquet import every_row
from ecd_data.artifact.validation import validate_build
from ecd_data.core.errors import GateError, RecipeError
from ecd_data.core.recipe import Recipe
from ecd_data.core.request import Response
from ecd_data.core.values import Seed
from ecd_data.methods import make_plan
from ecd_data.methods.rlcd import affixes, run
from tests.helpers.forgery import edit_rows
from tests.helpers.scripted import RECIPE, ScriptedPool, finish, scripted

SEED = Seed("0123456789abcdef", "How should I start the day?", group="0123456789abcdef")
RLCD = replace(RECIPE, builder="rlcd")


def answer(request, judge="first"):
    """Good and bad answers by the affix, and a judge who likes what is `judge`."""
    last = request.messages[-1]["content"]
    if request.role == "judge":
        first_is_good = last.index("Drink some water") < last.index("Have coffee")
        better = {"good": "first" if first_is_good else "second", "bad": "second" if first_is_good else "first"}
        return Response(json.dumps({"reason": "so", "better": better.get(judge, judge)}), "stop")
    side = request.role.partition("/")[2]
    if not side:
        return scripted(request)
    said = {"positive": "Drink some water and rest", "negative": "Have coffee, then run"}[side]
    return Response(f"{said} ({request.seed_id[:4]}, {request.round}).", "stop", 10, 5)


def chain(judge="first", seed=SEED, **options):
    recipe = replace(RLCD, options=options)
    asked = []

    def remember(request):
        asked.append(request)
        return answer(request, judge)

    return finish(run(seed, make_plan(recipe)), remember), asked


def test_the_same_question_is_asked_under_two_affixes_that_match():
    done, asked = chain()
    for pair in done.pairs:
        good, bad = (request.messages[-1]["content"] for request in asked if request.round == pair.round)
        name = pair.operation.removeprefix("rlcd/")
        matching = [(f"({affix['positive']})", f"({affix['negative']})") for affix in affixes()[name]]
        assert (good.removeprefix(f"{SEED.instruction}\n\n"), bad.removeprefix(f"{SEED.instruction}\n\n")) in matching
        assert (pair.instruction, pair.adapted_by) == (SEED.instruction, "positive")
        assert "water" in pair.chosen
        assert "coffee" in pair.rejected
    assert len(done.pairs) == 2


def test_the_affix_is_drawn_for_each_seed_and_round():
    seeds = [replace(SEED, seed_id=f"{i:016x}") for i in range(20)]
    drawn = [pair.operation for seed in seeds for pair in chain(seed=seed)[0].pairs]
    assert {operation.removeprefix("rlcd/") for operation in drawn} == affixes().keys()
    assert drawn == [pair.operation for seed in seeds for pair in chain(seed=seed)[0].pairs]
    assert {pair.operation for pair in chain(affixes=["concise"])[0].pairs} == {"rlcd/concise"}


@pytest.mark.parametrize(
    ("judge", "adapted_by"), [("good", "positive"), ("first", "positive"), ("second", "positive"), ("bad", "negative")]
)
def test_a_pair_is_swapped_where_the_judge_says_the_opposite_in_both_orders(judge, adapted_by):
    done, asked = chain(judge, rescore=True)
    assert {pair.adapted_by for pair in done.pairs} == {adapted_by}
    assert {"coffee" in pair.chosen for pair in done.pairs} == {adapted_by == "negative"}
    assert sum(request.role == "judge" for request in asked) == 4 * len(done.pairs)


def test_every_way_to_differ_has_pairs_of_affixes():
    for name, pairs in affixes().items():
        assert name.isidentifier()
        assert pairs
        for pair in pairs:
            assert pair.keys() == {"positive", "negative"}
            assert pair["positive"] != pair["negative"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"affixes": ["kind"]}, "the choices are helpful, harmless"),
        ({"affixes": []}, "the choices are helpful, harmless"),
        ({"affix": ["helpful"]}, "unknown key 'options.affix'; the keys are options.requirements"),
        ({"rescore": "yes"}, "options.rescore is 'yes'; expected `bool`"),
        ({"rescore": 1}, "options.rescore is 1"),
        ({"requirements": True}, "options.requirements is True"),
    ],
)
def test_mistakes_in_the_options_are_named(options, message):
    with pytest.raises(RecipeError, match=message):
        make_plan(Recipe(builder="rlcd", options=options))


def test_the_build_tells_of_the_method(make_build):
    recipe = replace(RLCD, options={"rescore": True})
    build = make_build(pool=ScriptedPool(lambda request: answer(request, "bad")), recipe=recipe)
    manifest = read_manifest(build)
    assert manifest["recipe"]["builder"] == "rlcd"
    assert manifest["recipe"]["options"] == {"rescore": True}
    assert manifest["counts"]["adapted_by"] == {"negative": 40}
    assert manifest["funnel"]["by_class"].keys() <= affixes().keys()
    assert manifest["calls"]["by_role"] == {"answer/negative": 40, "answer/positive": 40, "judge": 160}
    card = (build / "README.md").read_text()
    assert "in 40 pairs it preferred the other one in both orders, and they were swapped" in card
    assert "Evolutionary" not in card
    assert {row["model"] for row in every_row(build, "preference")} == {"test/scripted@0123456789abcdef"}


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("preference", {"rejected": [{"role": "assistant", "content": "Another."}]}, "its chain has other texts"),
        ("preference", {"operation": "strength/weak"}, "operation 'strength/weak' is not one of rlcd"),
        ("preference", {"model": "org/other"}, "model is 'org/other', but the manifest says"),
        ("chains", {"pairs": []}, "are not one for each round"),
    ],
)
def test_a_row_that_was_changed_is_named(make_build, name, change, said):
    build = make_build(once="rlcd", pool=ScriptedPool(answer), recipe=RLCD)
    edit_rows(build, f"data/{name}/train-00000-of-00001.parquet", lambda rows: rows[0].update(change))
    with pytest.raises(GateError, match=said):
        validate_build(build)
