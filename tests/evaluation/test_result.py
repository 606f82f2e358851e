"""Outcomes as a result, and two results beside each other."""

import copy
import json

import pytest

from ecd_data.core.errors import CallFailed, EvaluationError
from ecd_data.core.recipe import Recipe
from ecd_data.core.request import Response
from ecd_data.evaluation.answering import answer_task
from ecd_data.evaluation.data import Data
from ecd_data.evaluation.result import compare, make_result, read_result, write_result
from ecd_data.evaluation.tasks import read_tasks
from ecd_data.methods import make_plan
from tests.helpers.evaluation_rows import COLUMNS, JUDGED, ROWS
from tests.helpers.scripted import MODEL, finish

PLAN = make_plan(Recipe(temperature=0.0, max_tokens=50))


def outcome(row, answer, judged=False, finish_reason="stop"):
    """What comes of a row when the model answers so; its judge likes answers with a joke."""

    def respond(request):
        if request.role == "judge":
            met = "joke" in request.messages[0]["content"]
            return Response(json.dumps({"reason": "", "met": met}), "stop")
        if isinstance(answer, Exception):
            raise answer
        return Response(answer, finish_reason)

    [task] = read_tasks([row], COLUMNS, "x")
    return finish(answer_task(task, PLAN, judged), respond)


def result_of(rows, answers, judged=False):
    outcomes = [outcome(row, answer, judged) for row, answer in zip(rows, answers, strict=True)]
    data = Data("x", "", "", "test", tuple(outcome.task for outcome in outcomes))
    return make_result(data, MODEL, MODEL if judged else None, PLAN.recipe, outcomes)


def test_the_answer_is_asked_for_greedily_under_the_prompts_own_name():
    [task] = read_tasks(ROWS[:1], COLUMNS, "x")
    [request] = next(answer_task(task, PLAN, False))
    assert (request.role, request.seed_id, request.temperature) == ("evaluate", task.prompt_key, 0.0)
    assert request.messages == task.messages
    assert request.max_tokens == 50


@pytest.mark.parametrize(
    ("answer", "scores"),
    [
        ("AN APPLE", ((True, True), (True, True))),
        ("<think>Well, fruit</think>AN APPLE", ((True, True), (True, True))),
        ("an apple, a pear", ((False, False), (False, False))),
        ("Sure, here:\nAN APPLE", ((False, True), (False, True))),
        ("", ((False, False), (False, False))),
        ("<think>Well", ((False, False), (False, False))),
        (CallFailed("refused", "too long"), ((False, False), (False, False))),
    ],
    ids=str,
)
def test_scores_are_strict_and_loose_and_nothing_meets_nothing(answer, scores):
    assert outcome(ROWS[1], answer).scores == scores


def test_a_call_without_an_answer_is_no_score():
    with pytest.raises(CallFailed, match="again and again"):
        outcome(ROWS[1], CallFailed("no_answer", "again and again"))


def test_defects_tell_what_was_cut_off_and_what_loops():
    assert outcome(ROWS[0], "an apple").defects == ()
    assert outcome(ROWS[0], "a lone soul " * 9, finish_reason="length").defects == ("truncated", "looping")
    assert outcome(ROWS[0], "").defects == ("empty",)
    assert outcome(ROWS[0], CallFailed("refused", "")).defects == ("refused",)


def test_a_judge_is_asked_only_where_code_cannot_tell_and_one_is_named():
    row = {**ROWS[0], "requirements": [*ROWS[0]["requirements"], JUDGED]}
    assert outcome(row, "an apple joke").scores == ((True, True), None)
    assert outcome(row, "an apple joke", judged=True).scores == ((True, True), (True, True))
    assert outcome(row, "an apple", judged=True).scores == ((True, True), (False, False))


def test_a_result_holds_every_score_and_says_what_is_left_out(tmp_path):
    rows = [{**ROWS[0], "requirements": [*ROWS[0]["requirements"], JUDGED]}, ROWS[1]]
    result = result_of(rows, ["an apple", "AN APPLE, YES"])
    assert result["left_out"] == {"needs a judge": 1}
    assert result["answers"] == {"defects": {}, "mean_words": 2.5}
    assert [row["answer"] for row in result["rows"]] == ["an apple", "AN APPLE, YES"]
    assert [each["strict"] for row in result["rows"] for each in row["requirements"]] == [True, None, False, True]
    whole = result["accuracy"][0]
    assert (whole["part"], whole["prompts"], whole["requirements"]) == ("all", 2, 3)
    assert whole["measures"]["prompt_strict"]["value"] == 0.5
    write_result(tmp_path / "result.json", result)
    assert read_result(tmp_path / "result.json") == result


def test_nothing_to_score_is_an_error():
    with pytest.raises(EvaluationError, match=r"none of its requirements.*needs a judge \(1\).*--judge-endpoint"):
        result_of([{**ROWS[0], "requirements": [JUDGED]}], ["an apple"])


def test_a_comparison_is_of_the_same_prompts_in_any_order():
    better = result_of(ROWS, ["AN APPLE"] * 8)
    worse = result_of(ROWS[::-1], ["an apple"] * 8)
    compared = compare(better, worse)
    assert compared["model"] == {"id": MODEL.id, "revision": MODEL.revision}
    whole = compared["difference"][0]["measures"]
    assert whole["prompt_strict"]["value"] == 0.5
    assert whole["requirement_strict"]["value"] == pytest.approx(4 / 12)
    assert compare(worse, better)["difference"][0]["measures"]["prompt_strict"]["value"] == -0.5
    with pytest.raises(EvaluationError, match="7 prompts are in both, of 8 here and 7 in the other.*--limit"):
        compare(better, result_of(ROWS[1:], ["AN APPLE"] * 7))


def test_only_what_both_scored_is_compared():
    rows = [{**row, "requirements": [*row["requirements"], JUDGED]} for row in ROWS]
    by_code, judged = (result_of(rows, ["AN APPLE"] * 8, judged=judge) for judge in (False, True))
    before = copy.deepcopy((by_code, judged))
    assert compare(by_code, judged)["difference"][0]["measures"]["requirement_strict"]["value"] == 0
    assert (by_code, judged) == before
    for each in (each for row in judged["rows"] for each in row["requirements"][:-1]):
        each["strict"] = None
    with pytest.raises(EvaluationError, match="no requirement was scored in both"):
        compare(by_code, judged)


@pytest.mark.parametrize("text", [None, "{", "[]", '{"format": 0}'])
def test_a_file_that_is_no_result(text, tmp_path):
    path = tmp_path / "result.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(EvaluationError, match="--json"):
        read_result(path)
