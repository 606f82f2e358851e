import html
import re

import pytest
from hypothesis import given
from markdown_it import MarkdownIt

from ecd_data.core.text import code_span, html_text, visible
from tests.helpers.nasty import NASTY, Seen, each, text_and_nasty


@each(NASTY)
@given(text_and_nasty)
def test_an_html_block_shows_the_text_and_ends_where_it_should(text):
    tokens = MarkdownIt("commonmark").parse(f"<table>\n<tr><td>{html_text(text)}</td></tr>\n</table>\n\nafter")
    assert [token.type for token in tokens] == ["html_block", "paragraph_open", "inline", "paragraph_close"]
    seen = Seen(tokens[0].content.strip().replace("\n", ""))
    assert [tag for tag, *_ in seen.tags if tag != "br"] == ["table", "tr", "td"]
    assert seen.text.replace("\xa0", " ") == visible(text).expandtabs(4).replace("\xa0", " ")


@each(NASTY)
@given(text_and_nasty)
def test_a_code_span_shows_the_text_in_its_cell_of_a_table(text):
    table = MarkdownIt("commonmark").enable("table").parse(f"| a | b |\n| --- | --- |\n| {code_span(text)} | end |")
    cells = [token for token in table if token.type == "inline"][2:]
    assert [child.type for child in cells[0].children] == ["code_inline"]
    assert cells[0].children[0].content == (" ".join(visible(text).split()) or " ")
    assert cells[1].content == "end"


@given(text_and_nasty)
def test_nothing_unseen_is_left(text):
    shown = visible(text)
    assert not re.search("[\x00-\x08\x0b-\x1f\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]", shown)
    assert html.unescape(html_text(text)).count("\n") == 0


@pytest.mark.parametrize("text", ["\U0001f469\u200d\U0001f680", "שלום", "naïve", "a\nb"])
def test_what_is_seen_stays_as_it_is(text):
    assert visible(text) == text


def test_characters_that_turn_the_text_are_named():
    assert visible("a\u202eb") == "a[U+202E]b"


def test_indents_stay_and_spaces_between_words_let_a_line_break():
    assert html_text("a b\n  c\td") == "a b<br>&nbsp;&nbsp;c d"
