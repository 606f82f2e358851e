"""The search, driven by answers from a dictionary or by throws of dice."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecd_data.core.errors import RecipeError
from ecd_data.core.recipe import Recipe
from ecd_data.core.request import Response
from ecd_data.core.rng import keyed_rng
from ecd_data.core.values import Candidate, Requirement, Ruling, Seed
from ecd_data.methods import make_plan
from ecd_data.methods.ecd.options import Options
from ecd_data.methods.ecd.refinement import Search, refine
from ecd_data.methods.judging import Judged, closest
from ecd_data.methods.task import Task
from ecd_data.requirements.kinds import check
from tests.helpers.scripted import finish

TASK = "How can I keep my desk tidy?"
COMMAS = Requirement("style/no_commas", "Do not use any commas.", {"characters": ",", "name": "commas"}, "code", 1)
DIGITS = Requirement("style/no_digits", "Do not use any digits.", {}, "code", 1)
SHORT = Requirement("format/word_count_at_most", "Use at most 20 words.", {"relation": "at_most", "n": 20}, "code", 1)
REASON = Requirement("reasoning/justify", "Give a reason.", {}, "judge", 1)
DRAFT = "Keep 2 things on the desk, and put the rest into a drawer."
NO_COMMA, NO_DIGIT = DRAFT.replace(",", ""), DRAFT.replace("2", "two")
GOOD = NO_COMMA.replace("2", "two")


def older_of(text=DRAFT, requirements=(COMMAS, DIGITS, SHORT)):
    """The answer to begin with, and the task that it misses something of."""
    rulings = []
    for requirement in requirements:
        met = requirement.check == "judge" or check(requirement, text).met
        rulings.append(Ruling(requirement.id, float(met), "" if met else check(requirement, text).reason))
    instruction = " ".join([TASK, *(requirement.text for requirement in requirements)])
    task = Task(Seed("0123456789abcdef", TASK), 1, "", instruction, tuple(requirements))
    return Judged(Candidate("evolved", 0, text), tuple(rulings)), task


def search(said, older=None, tried=(), select="first", **options):
    """The candidates of a search that is told `said(request)`, and what was asked, in the batches that it came in."""
    asked = []

    def answer(request):
        asked.append(request)
        return Response(said(request), "stop")

    plan = make_plan(Recipe(select=select, options=options, votes=1))
    older, task = older or older_of()
    return finish(refine(older, tried, task, plan), answer), asked


def revised(request):
    """The answer that a request wants revised."""
    return request.messages[1]["content"]


def varied(request):
    """Another text for each revision that meets no more than the one before."""
    return f"{revised(request)[:-1]}, {'abcdefghijklmnop'[request.attempt]}."


def test_a_revision_sees_instruction_answer_and_what_the_checks_found():
    _, (first, *_) = search(varied)
    assert [message["role"] for message in first.messages] == ["user", "assistant", "user"]
    assert [message["content"] for message in first.messages[:2]] == [older_of()[1].instruction, DRAFT]
    wish = first.messages[2]["content"]
    assert wish.index(COMMAS.text) < wish.index(DIGITS.text) < wish.index(check(COMMAS, DRAFT).reason)
    assert wish.index("go on meeting") < wish.index(SHORT.text)


def test_the_first_that_meets_all_ends_the_search():
    held, asked = search(lambda request: GOOD if request.attempt == 1 else varied(request))
    assert [candidate.defect for candidate, _ in held] == ["unmet", ""]
    assert len(asked) == 2
    best, rulings = closest(held, older_of()[0])
    assert (best.text, best.route, best.attempt) == (GOOD, "refined", 1)
    assert all(ruling.met for ruling in rulings)


def test_the_closest_of_a_level_is_asked_for_side_by_side():
    farther = "Keep two things on the desk and put what is left into a drawer."
    held, asked = search(lambda request: [farther, GOOD, DRAFT][request.attempt], select="closest")
    assert [candidate.defect for candidate, _ in held] == ["", "", "unchanged"]
    assert len(asked) == 3
    assert closest(held, older_of()[0])[0].text == GOOD


@pytest.mark.parametrize("select", ["first", "closest"])
def test_the_best_of_a_level_are_revised_further_until_the_depth(select):
    held, asked = search(varied, select=select)
    assert Counter(map(revised, asked)) == {DRAFT: 3} | {revised(request): 3 for request in asked[3:]}
    assert [request.attempt for request in asked] == list(range(15)) == [c.attempt for c, _ in held]
    assert {revised(request) for request in asked[3:9]} == {held[0][0].text, held[1][0].text}
    assert {revised(request) for request in asked[9:]} <= {candidate.text for candidate, _ in held[3:9]}
    assert closest(held, older_of()[0]) is None


def test_what_meets_more_is_better_and_of_equals_what_is_more_like_the_root():
    level = [DRAFT.replace("drawer", "box"), NO_DIGIT.replace("drawer", "wardrobe"), NO_DIGIT]
    _, asked = search(lambda request: level[request.attempt] if request.attempt < 3 else varied(request), depth=2)
    assert list(map(revised, asked)) == [DRAFT] * 3 + [NO_DIGIT] * 3 + [level[1]] * 3
    wish = asked[3].messages[2]["content"]
    assert COMMAS.text in wish.partition("go on meeting")[0]
    assert DIGITS.text in wish.partition("go on meeting")[2]


def test_a_revision_may_be_mended_by_the_next():
    held, asked = search(lambda request: {DRAFT: NO_COMMA}.get(revised(request), GOOD))
    assert [(candidate.text, candidate.defect) for candidate, _ in held] == [
        (NO_COMMA, "unmet"),
        *[(NO_COMMA, "repeated")] * 2,
        (GOOD, ""),
    ]
    assert len(asked) == 4


def test_what_is_no_version_of_the_root_is_not_revised_further():
    said = [DRAFT, "The weather was wonderful yesterday.", "Sure! Here is the revised answer: keep 2 things, on it."]
    held, asked = search(lambda request: said[request.attempt])
    assert [candidate.defect for candidate, _ in held] == ["unchanged", "off_topic", "chatter"]
    assert len(asked) == 3


def test_language_feedback_is_one_level():
    held, asked = search(varied, depth=1)
    assert (len(held), len(asked)) == (3, 3)


def test_the_model_may_write_the_critique():
    def said(request):
        return f"It has a comma ({len(revised(request))})." if request.role == "critique" else varied(request)

    _, asked = search(said, critique="model", depth=2)
    assert [request.role for request in asked] == ["critique", *["refine"] * 3] * 3
    assert [request.attempt for request in asked if request.role == "critique"] == [0, 3, 6]
    for request in asked:
        wish = request.messages[2]["content"]
        if request.role == "refine":
            assert f"It has a comma ({len(revised(request))})." in wish
            assert check(COMMAS, DRAFT).reason not in wish
    assert asked[0].messages[:2] == asked[1].messages[:2]


def test_a_critique_that_cannot_be_used_gives_way_to_the_checks():
    _, asked = search(lambda request: "" if request.role == "critique" else varied(request), critique="model", depth=1)
    assert check(COMMAS, DRAFT).reason in asked[1].messages[2]["content"]


def test_the_judge_is_asked_only_where_code_finds_no_fault():
    def said(request):
        if request.role == "judge":
            return '{"reason": "none is given", "met": false}'
        return GOOD if request.attempt == 0 else varied(request)

    _, asked = search(said, older_of(requirements=(COMMAS, DIGITS, REASON)), depth=2)
    roles = [request.role for request in asked]
    assert roles.count("judge") == 1
    assert roles[1] == "judge"
    assert "none is given" in asked[4].messages[2]["content"]  # the best of its level: it misses the reason alone


def test_what_another_route_tried_is_not_ruled_on_again():
    (before, _), *_ = search(lambda request: NO_COMMA, depth=1)[0]
    held, _ = search(lambda request: NO_COMMA, tried=[Judged(replace(before, route="edit"), ())], depth=1)
    assert [candidate.defect for candidate, _ in held] == ["repeated"] * 3


def test_a_search_of_ecd_has_the_same_options():
    assert Options() == Options(3, 2, 3, "checks")
    assert isinstance(Options(), Search)


@pytest.mark.parametrize(
    ("size", "most"), [((3, 2, 3), 15), ((1, 1, 1), 1), ((2, 10, 4), 2 + 4 + 8 + 16), ((4, 1, 5), 20)]
)
def test_the_bound_of_a_search(size, most):
    assert Search(*size).revisions == most


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth": 0}, "options.depth is 0; expected `int` >= 1"),
        ({"keep": 101}, "options.keep is 101; expected `int` <= 100"),
        ({"critique": "none"}, "options.critique is 'none'; the choices are checks, model"),
        ({"branching": 10, "keep": 10}, "up to 210 revisions"),
    ],
)
def test_mistakes_are_named(options, message):
    with pytest.raises(RecipeError, match=message):
        make_plan(Recipe(options=options))


@given(
    seed=st.integers(0, 10**6),
    branching=st.integers(1, 4),
    keep=st.integers(1, 4),
    depth=st.integers(1, 4),
    critique=st.sampled_from(["checks", "model"]),
    select=st.sampled_from(["first", "closest"]),
)
def test_no_search_asks_for_more_than_its_bound_and_what_it_finds_meets_all(
    seed, branching, keep, depth, critique, select
):
    def said(request):
        dice = keyed_rng(seed, request.role, request.attempt)
        changes = [(",", ""), ("2", "two"), ("desk", "table"), ("drawer", "box, or 3"), ("", "")]
        return revised(request).replace(*dice.choice(changes), 1)

    size = {"branching": branching, "keep": keep, "depth": depth}
    held, asked = search(said, select=select, critique=critique, **size)
    roles = Counter(request.role for request in asked)
    assert roles["refine"] == len(held) <= Search(**size).revisions
    assert roles["critique"] <= (critique == "model") * (1 + (depth - 1) * min(keep, branching**depth))
    assert len({(request.role, request.attempt) for request in asked}) == len(asked)
    for candidate, rulings in held:
        if not candidate.defect:
            assert all(check(requirement, candidate.text).met for requirement in older_of()[1].requirements)
            assert [ruling.requirement for ruling in rulings] == [r.id for r in older_of()[1].requirements]
    sound = [i for i, (candidate, _) in enumerate(held) if not candidate.defect]
    assert select == "closest" or sound in ([], [len(held) - 1])
