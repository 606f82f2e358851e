"""A page of PAD's pairs: beside the two of a pair, all answers of its round and how much the teacher prefers each."""

import pytest

from ecd_data.artifact.parquet import every_row
from ecd_data.reporting.contents import read_contents
from tests.helpers.report_page import matches, text, wait_until

pytestmark = pytest.mark.browser


def test_the_teachers_preference_is_shown_from_most_to_least(pad_build, open_page):
    contents, row = read_contents(pad_build, "org/pad"), next(every_row(pad_build, "ranking"))
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


def test_the_search_looks_at_every_answer(pad_build, open_page):
    contents = read_contents(pad_build, "org/pad")
    row = next(every_row(pad_build, "ranking"))
    pair = next(pair for pair in every_row(pad_build, "preference") if pair["id"] == row["id"])
    ends = [pair[side][0]["content"] for side in ("chosen", "rejected")]
    between = next(answer[0]["content"] for answer in row["responses"] if answer[0]["content"] not in ends)
    tab = open_page(contents, "rounds")
    tab.fill("#search", between)
    wait_until(tab, "document.getElementById('matches').value.startsWith('1 of')")
    assert text(tab, ".round .id") == row["id"]
    assert matches(tab) == 1


def test_a_pair_without_a_ranking_or_requirements_has_no_empty_part(pad_build, open_page):
    contents = read_contents(pad_build, "org/pad")
    for chain in contents.chains["chains"]:
        for pair in chain["pairs"]:
            pair.update(ranking=None, requirements=[])
            for side in ("chosen", "rejected"):
                pair[side]["met"] = []
    tab = open_page(contents, next(every_row(pad_build, "preference"))["id"])
    shown = text(tab, ".round")
    assert "Chosen" in shown
    assert not [words for words in ("Requirements", "meets", "The teacher's") if words in shown]
