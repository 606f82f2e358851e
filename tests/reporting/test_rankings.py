"""A page of PAD's pairs: beside the two of a pair, all answers of its round and how much the teacher prefers each."""

import math
from dataclasses import replace

import pytest

from ecd_data.artifact.parquet import every_row
from ecd_data.core.request import Response
from ecd_data.reporting.contents import read_contents
from tests.helpers.looking import shown, text, until
from tests.helpers.scripted import RECIPE, scripted

SAID = ["Drink water.", "Drink some water, then walk!", "Have coffee, then run to work.", "Sleep on."]


def student_and_teacher(request):
    """Answers in two lengths, and a teacher who chooses the longer one."""
    if request.role == "sample":
        return Response(f"{SAID[request.attempt]} ({request.seed_id[:4]})", "stop", 10, 5)
    if request.role == "select":
        a, b = (len(part.split("=====")[1]) for part in request.messages[-1]["content"].split("\nAnswer ")[1:3])
        first = 0.7 if a > b else 0.2
        return Response("A", "length", 90, 1, top_logprobs={"A": math.log(first), "B": math.log(0.9 - first)})
    return scripted(request)


@pytest.fixture(scope="module")
def ranked(make_built):
    recipe = replace(
        RECIPE, builder="pad", rounds=1, operations=("style/no_exclamation_marks",), options={"requirements": 1}
    )
    return make_built(recipe, student_and_teacher, ["student", "teacher"])


def test_the_teachers_preference_is_shown_from_most_to_least(ranked, open_page):
    contents, row = read_contents(ranked, "org/pad"), next(every_row(ranked, "ranking"))
    tab = open_page(contents, row["id"])
    order = sorted(range(4), key=lambda i: -row["preference"][i])
    answers = tab.locator(".ranking > li")
    assert answers.locator(".text").all_text_contents() == [row["responses"][i][0]["content"] for i in order]
    shares = answers.locator(".weight b").all_text_contents()
    assert shares == [f"{100 * row['preference'][i]:.1f} %" for i in order]
    assert [tags.split() for tags in answers.locator(".facts").all_inner_texts()] == [
        [*tag, "meets", str(int(row["met"][i][0])), "of", "1"]
        for tag, i in zip((["chosen"], [], [], ["rejected"]), order, strict=True)
    ]
    widths = answers.locator(".fill").evaluate_all("bars => bars.map(bar => bar.getBoundingClientRect().width)")
    assert widths == sorted(widths, reverse=True)
    assert widths[0] > widths[-1] > 0


def test_the_search_looks_at_every_answer(ranked, open_page):
    contents = read_contents(ranked, "org/pad")
    row = next(every_row(ranked, "ranking"))
    pair = next(pair for pair in every_row(ranked, "preference") if pair["id"] == row["id"])
    ends = [pair[side][0]["content"] for side in ("chosen", "rejected")]
    between = next(said[0]["content"] for said in row["responses"] if said[0]["content"] not in ends)
    tab = open_page(contents, "rounds")
    tab.fill("#search", between)
    until(tab, "document.getElementById('found').value.startsWith('1 of')")
    assert text(tab, ".round .id") == row["id"]
    assert shown(tab) == 1


def test_a_pair_without_a_ranking_or_requirements_has_no_empty_part(ranked, open_page):
    contents = read_contents(ranked, "org/pad")
    for chain in contents.chains["chains"]:
        for pair in chain["pairs"]:
            pair.update(ranking=None, requirements=[])
            for side in ("chosen", "rejected"):
                pair[side]["met"] = []
    tab = open_page(contents, next(every_row(ranked, "preference"))["id"])
    said = text(tab, ".round")
    assert "Chosen" in said
    assert not [words for words in ("Requirements", "meets", "The teacher's") if words in said]
