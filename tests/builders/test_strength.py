import json
from collections import Counter
from dataclasses import replace

import pytest

from ecd_data.artifact.manifest import read_manifest
from ecd_data.artifact.parquet import every_row
from ecd_data.calls.scheduler import ModelSource
from ecd_data.core.errors import CallFailed, RecipeError
from ecd_data.core.recipe import Recipe
from ecd_data.core.request import Model, Response
from ecd_data.core.values import Seed
from ecd_data.methods import make_plan
from ecd_data.methods.strength import models, run
from tests.helpers.scripted import RECIPE, ScriptedPool, finish

SEED = Seed("0123456789abcdef", "How should I start the day?", group="0123456789abcdef")
RANKING = ["strong", "mid", "weak"]


def judge(request, likes):
    """A vote for the answer of the rank that the judge `likes`, or for what is shown `first`."""
    text = request.messages[-1]["content"]
    shown = sorted(
        (name for name in (*RANKING, "a:", "b:") if f"Says {name}" in text), key=lambda name: text.index(name)
    )
    return "first" if likes == "first" or likes == shown[0] else "second"


def answer(request, likes="first"):
    if request.role == "judge":
        return Response(json.dumps({"reason": "so", "better": judge(request, likes)}), "stop")
    name = request.role.partition("/")[2]
    name = f"{name}:" if name in ("a", "b") else name
    return Response(f"Says {name} in round {request.round}, to {request.seed_id[:4]}.", "stop", 10, 5)


def chain(said=answer, seed=SEED, rounds=3, **options):
    recipe = replace(RECIPE, builder="strength", rounds=rounds, options={"ranking": RANKING, **options})
    asked = []

    def remember(request):
        asked.append(request)
        return said(request)

    return finish(run(seed, make_plan(recipe)), remember), asked


def sides(pair):
    return pair.chosen.split()[1], pair.rejected.split()[1]


def test_each_contrast_of_the_ranking_is_a_round_and_each_model_is_asked_once():
    done, asked = chain()
    found = {sides(pair): pair for pair in done.pairs}
    assert {contrast: pair.gap for contrast, pair in found.items()} == {
        ("strong", "mid"): 1,
        ("mid", "weak"): 1,
        ("strong", "weak"): 2,
    }
    assert Counter(request.model_name for request in asked) == Counter(RANKING)
    for (stronger, weaker), pair in found.items():
        assert (pair.model_name, pair.rejected_model_name, pair.adapted_by) == (stronger, weaker, stronger)
        assert pair.operation == f"strength/{stronger}-{weaker}"
        assert pair.instruction == SEED.instruction
    assert sorted(pair.round for pair in done.pairs) == [1, 2, 3]


def test_with_more_rounds_than_contrasts_the_models_answer_anew():
    done, asked = chain(rounds=4)
    assert len({pair.id for pair in done.pairs}) == 4
    assert done.pairs[3].chosen not in {pair.chosen for pair in done.pairs[:3]}
    assert len(asked) == 5  # of the second sampling only the two that its one round needs


def test_fewer_rounds_than_contrasts_still_have_all_of_them_over_the_seeds():
    pairs = [chain(seed=replace(SEED, seed_id=f"{i:016x}"), rounds=1)[0].pairs[0] for i in range(30)]
    assert len({sides(pair) for pair in pairs}) == 3


def test_a_rank_may_have_a_system_prompt_and_a_temperature_of_its_own():
    _, asked = chain(systems={"weak": "Answer badly."}, temperatures={"weak": 1.5})
    by = {request.model_name: request for request in asked}
    assert by["weak"].messages[0] == {"role": "system", "content": "Answer badly."}
    assert by["strong"].messages[0]["role"] == "user"
    assert (by["weak"].temperature, by["strong"].temperature) == (1.5, RECIPE.temperature)


@pytest.mark.parametrize(("likes", "dropped"), [("weak", 2), ("strong", 0), ("first", 0)])
def test_the_judge_drops_pairs_whose_weaker_answer_wins_in_both_orders(likes, dropped):
    done, _ = chain(lambda request: answer(request, likes), judge=True)
    assert [reject.reason for reject in done.rejects] == ["weaker_is_better"] * dropped
    assert all(sides(pair)[1] != "weak" for pair in done.pairs if dropped)
    assert done.rounds == 3


def test_what_stops_one_model_costs_the_rounds_that_need_it_and_is_not_asked_again():
    done, asked = chain(lambda request: answer(request) if request.model_name != "mid" else Response("", "stop"))
    assert {sides(pair) for pair in done.pairs} == {("strong", "weak")}
    assert [(reject.step, reject.reason) for reject in done.rejects] == [("answer", "empty")] * 2
    assert len({(request.role, request.round, request.attempt) for request in asked}) == len(asked)

    def fails(request):
        if request.model_name == "mid":
            raise CallFailed("no_answer", "gone")
        return answer(request)

    done, asked = chain(fails)
    assert [reject.step for reject in done.rejects] == ["call"] * 3
    assert len({(request.role, request.round, request.attempt) for request in asked}) == len(asked)


@pytest.mark.parametrize(("likes", "chosen"), [("a:", ["a", "a"]), ("b:", ["b", "b"]), ("first", [])])
def test_ai_feedback_labels_two_answers_of_one_model(likes, chosen):
    done, asked = chain(lambda request: answer(request, likes), rounds=2, rlaif=True)
    assert [pair.adapted_by for pair in done.pairs] == chosen
    assert [reject.reason for reject in done.rejects] == ["judge_undecided"] * (2 - len(chosen))
    assert {request.model_name for request in asked} == {"", "judge"}
    assert [pair.gap for pair in done.pairs] == [1] * len(chosen)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ranking": ["strong"]}, "names two models or more"),
        ({"ranking": ["strong", "strong"]}, "each once"),
        ({"ranking": ["Strong", "weak"]}, "small letters"),
        ({"ranking": ["strong", "judge"]}, "options.ranking"),
        ({"systems": {"mid": "Be brief."}}, "options.systems names 'mid', which is not in options.ranking"),
        ({"temperatures": {"weak": "hot"}}, "options.temperatures is"),
    ],
)
def test_mistakes_in_the_options_are_named(options, message):
    with pytest.raises(RecipeError, match=message):
        make_plan(Recipe(builder="strength", options=options))


def test_it_asks_the_models_of_its_ranking_or_the_one_without_a_name():
    assert list(models(make_plan(Recipe(builder="strength")).options)) == ["strong", "weak"]
    assert models(make_plan(Recipe(builder="strength", options={"rlaif": True})).options) == [""]


def test_rows_name_the_models_of_both_answers(make_build):
    models = {name: Model(f"test/{name}", "0a") for name in RANKING}
    pools = {name: ScriptedPool(lambda request: answer(request, "weak"), models[name]) for name in RANKING}
    recipe = replace(RECIPE, builder="strength", rounds=3, options={"ranking": RANKING, "judge": True})

    def build(name, **pools):
        others = {name: ModelSource(model, pools.get(name)) for name, model in models.items()}
        return make_build(name, recipe=recipe, model=models["strong"], pool=pools.get("strong"), extra_models=others)

    built = build("live", **pools)
    pairs = list(every_row(built, "preference"))
    assert {(row["model"], row["rejected_model"]) for row in pairs} == {("test/strong@0a", "test/mid@0a")}
    manifest = read_manifest(built)
    assert list(manifest["models"]) == RANKING
    assert manifest["model"] == {"id": "test/strong", "revision": "0a"}
    assert manifest["counts"]["rejects"] == {"contrast/weaker_is_better": 40}
    assert "40 pairs were dropped because it preferred" in (built / "README.md").read_text()
    assert (build("again") / "manifest.json").read_bytes() == (built / "manifest.json").read_bytes()
