import json
from dataclasses import replace

import pytest

from ecd_data.artifact.manifest import read_manifest
from ecd_data.artifact.parquet import every_row
from ecd_data.artifact.validation import validate_build
from ecd_data.core.errors import RecipeError
from ecd_data.core.recipe import Recipe
from ecd_data.core.request import Response
from ecd_data.core.values import Seed
from ecd_data.methods import make_plan
from ecd_data.methods.spar import run
from tests.helpers.scripted import RECIPE, ScriptedPool, finish, scripted

SEED = Seed("0123456789abcdef", "How should I start the day?", group="0123456789abcdef")
GOOD, BAD = "Start slowly and drink some water.", "Start slowly, and drink 2 cups of water!"
SPAR = replace(RECIPE, builder="spar", operations=("style/no_commas", "style/no_digits"), weave=0)


def mended(request):
    """The answer without the first of its faults."""
    text = request.messages[1]["content"]
    return text.replace(next(fault for fault in (",", "2 ") if fault in text), "")


def chain(samples=(BAD,), refine=mended, rounds=1, judge=None, **changes):
    """The chain of a model that samples and refines like this, and what it was asked."""
    asked = []

    def answer(request):
        asked.append(request)
        if request.role == "answer/sample":
            return Response(samples[request.attempt % len(samples)], "stop")
        if request.role == "refine":
            return Response(refine(request), "stop")
        return judge(request) if request.role == "judge" else scripted(request)

    recipe = replace(SPAR, rounds=rounds, **changes)
    return finish(run(SEED, make_plan(recipe)), answer), asked


def test_a_failing_answer_is_refined_until_it_meets_everything():
    done, asked = chain(rounds=2)
    assert (done.rounds, len(done.pairs), done.rejects) == (2, 2, ())
    pair, turn = done.pairs[0], done.turns[0]
    assert (pair.rejected, pair.chosen) == (BAD, "Start slowly and drink cups of water!")
    assert {requirement.id for requirement in pair.requirements} == {"style/no_commas", "style/no_digits"}
    assert all(requirement.text in pair.instruction for requirement in pair.requirements)
    assert [ruling.met for ruling in pair.chosen_rulings] == [True, True]
    assert [ruling.met for ruling in pair.rejected_rulings] == [False, False]
    assert (pair.operation, pair.adapted_by, pair.gap) == ("spar/refined", "refined", 1)
    assert pair.similarity > 0.9
    made = [(candidate.route, candidate.defect) for candidate in turn.candidates]
    assert made == [("sample", "rejected"), *[("refined", "unmet"), *[("refined", "repeated")] * 2], ("refined", "")]
    assert [request.role for request in asked] == ["answer/sample", *["refine"] * 4] * 2


def test_answers_are_sampled_until_one_fails():
    done, asked = chain(samples=[GOOD, "", BAD])
    assert [candidate.defect for candidate in done.turns[0].candidates[:3]] == ["", "empty", "rejected"]
    assert [request.role for request in asked].count("answer/sample") == 3


@pytest.mark.parametrize(
    ("samples", "changes", "step", "reason"),
    [
        ([GOOD], {}, "contrast", "negative_meets_all"),
        ([GOOD, GOOD, ""], {}, "contrast", "negative_meets_all"),
        ([BAD], {"max_missed": 1}, "contrast", "negative_misses_many"),
        (["I can't help with that."], {}, "answer", "refusal"),
    ],
)
def test_without_a_failing_answer_there_is_no_search(samples, changes, step, reason):
    done, asked = chain(samples, **changes)
    (reject,) = done.rejects
    assert (reject.step, reject.reason, reject.operation) == (step, reason, "spar/refined")
    assert {request.role for request in asked} == {"answer/sample"}
    assert len(asked) == len(reject.candidates) == 5


def test_a_search_that_finds_nothing_is_a_reject_with_all_that_was_tried():
    done, _ = chain(refine=lambda request: BAD)
    (reject,) = done.rejects
    assert (reject.step, reject.reason) == ("elimination", "unchanged")
    made = [(candidate.route, candidate.defect) for candidate in reject.candidates]
    assert made == [("sample", "rejected"), *[("refined", "unchanged")] * 3]


def test_what_code_cannot_check_is_judged_on_both_sides():
    def judge(request):
        met = "water" in request.messages[0]["content"]
        return Response(json.dumps({"reason": "no water", "met": met}), "stop")

    of = {"operations": ("reasoning/*",), "options": {"requirements": 1}, "rounds": 4, "votes": 1}
    done, _ = chain(["Start slowly today."], lambda _: "Start slowly today with water.", judge=judge, **of)
    judged = [pair for pair in done.pairs if pair.requirements[0].check == "judge"]
    assert judged
    for pair in judged:
        assert [pair.chosen_rulings[0].votes, pair.rejected_rulings[0].votes] == [1.0, 0.0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"requirements": 0}, "options.requirements is 0; expected `int` >= 1"),
        ({"samples": 0}, "options.samples is 0; expected `int` >= 1"),
        ({"depth": 0}, "options.depth is 0"),
        ({"width": 3}, "unknown key 'options.width'"),
    ],
)
def test_mistakes_in_the_options_are_named(options, message):
    with pytest.raises(RecipeError, match=message):
        make_plan(Recipe(builder="spar", options=options))


def answer(request):
    """A model whose answers fail, and whose revisions mend them."""
    if request.role == "answer/sample":
        return Response(f"{BAD} ({request.seed_id[:4]}, {request.attempt})", "stop", 10, 5)
    if request.role == "refine":
        return Response(mended(request), "stop", 20, 5)
    return scripted(request)


def test_the_build_tells_of_the_method(make_build):
    recipe = replace(SPAR, operations=("style/no_commas",), options={"requirements": 1})
    build = make_build(pool=ScriptedPool(answer), recipe=recipe)
    manifest = read_manifest(build)
    assert manifest["counts"]["adapted_by"] == {"refined": 40}
    assert manifest["calls"]["by_role"] == {"answer/sample": 40, "refine": 40}
    assert manifest["funnel"]["by_class"]["refined"]["pairs"] == 40
    assert manifest["funnel"]["routes"]["refined"]["pairs"] == 40
    card = (build / "README.md").read_text()
    assert "1 requirement was added. An answer of the model that missed one of them" in card
    assert "told what the checks had found wrong" in card
    assert "Evolutionary" not in card
    assert validate_build(build).rechecked == 40
    for row in every_row(build, "preference"):
        assert row["rejected_met"] == [False]
        assert row["chosen"][0]["content"] == row["rejected"][0]["content"].replace(",", "")
