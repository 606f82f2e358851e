import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecd_data.requirements.kinds import check, grammar, repair
from ecd_data.requirements.kinds.characters import (
    ascii_only,
    emoji_count,
    mark_count,
    no_characters,
    no_digits,
    parentheses,
)
from tests.helpers.requirements import required

YES, NO = True, False


@pytest.mark.parametrize(
    ("kind", "kwargs", "text", "met"),
    [
        (no_characters, {"characters": ",،，", "name": "commas"}, "one; two", YES),
        (no_characters, {"characters": ",،，", "name": "commas"}, "一，二", NO),
        (no_characters, {"characters": "!！¡", "name": "exclamation marks"}, "¡Hola", NO),
        (no_digits, {}, "four", YES),
        (no_digits, {}, "٤", NO),
        (no_digits, {}, "x², ½", NO),
        (no_digits, {}, "chapter Ⅳ", YES),
        (ascii_only, {}, "Plain 'text'", YES),
        (ascii_only, {}, "café", NO),
        (emoji_count, {"n": 2}, "🎉 ☀️", YES),
        (emoji_count, {"n": 2}, "👍🏽", NO),
        (emoji_count, {"n": 1}, ":) →", NO),
        (mark_count, {"mark": ";", "name": "semicolons", "n": 1}, "a; b", YES),
        (parentheses, {"n": 1}, "a (see below) b", YES),
        (parentheses, {"n": 1}, "f(x) (1)", NO),
    ],
)
def test_a_text_meets_it_or_does_not(kind, kwargs, text, met):
    verdict = kind(text, **kwargs)
    assert verdict.met is met, verdict.reason


@pytest.mark.parametrize(
    ("id_", "kwargs", "text", "repaired"),
    [
        ("style/no_commas", {}, "Red, green,blue.", "Red green blue."),
        ("style/no_commas", {}, "It costs 1,000 euros.", "It costs 1000 euros."),
        ("style/no_exclamation_marks", {}, "Wow!!! Really?! Yes!", "Wow. Really? Yes."),
        ("style/no_exclamation_marks", {}, "¡Hola!", "Hola."),
        ("style/no_digits", {}, "3 eggs and 12 plums.", "Three eggs and twelve plums."),
        ("style/no_digits", {}, "Pi is 3.14.", None),
        ("style/no_digits", {}, "1. Go\n2. Stop", None),
        ("style/no_digits", {}, "In 1990.", None),
        ("style/plain_ascii", {}, "A “café” – nice…", 'A "cafe" - nice...'),
        ("style/plain_ascii", {}, "日本", None),
        ("style/emoji", {"n": 2}, "Go.", "Go. 🙂🙂"),
        ("style/semicolon", {"n": 1}, "Go. The bus is late.", "Go; the bus is late."),
        ("style/semicolon", {"n": 2}, "Go. Anna is late.", None),
    ],
)
def test_an_answer_is_repaired_or_left_alone(id_, kwargs, text, repaired):
    assert repair(required(id_, **kwargs), text) == repaired


@pytest.mark.parametrize(
    ("id_", "kwargs", "answer"),
    [
        ("style/no_commas", {"characters": ",", "name": "commas"}, "Is it late? (It isn't.) Not yet."),
        ("style/no_digits", {}, "Take five minutes, then go on."),
    ],
)
def test_a_plain_answer_fits_the_grammar(id_, kwargs, answer):
    requirement = required(id_, **kwargs)
    assert re.fullmatch(grammar(requirement, 300).value, answer)
    assert check(requirement, answer).met


@given(st.text())
def test_any_text_is_ascii_or_not(text):
    assert ascii_only(text).met is text.isascii()
