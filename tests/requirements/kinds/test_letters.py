import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecd_data.requirements.kinds import check, grammar, repair
from ecd_data.requirements.kinds.letters import (
    acrostic,
    alliteration,
    capital_words,
    letter_count,
    longest_word,
    palindrome,
    repeated_words,
)
from tests.helpers.requirements import required

YES, NO = True, False
PROSE = "start slowly and drink some water; it helps."


@pytest.mark.parametrize(
    ("kind", "kwargs", "text", "met"),
    [
        (acrostic, {"word": "rain"}, "Run\n\nand\n*I*\nnod", YES),
        (acrostic, {"word": "rain"}, "Rain", NO),
        (alliteration, {"letter": "s", "n": 2}, "Sun and “sea”", YES),
        (alliteration, {"letter": "s", "n": 2}, "sun this", NO),
        (letter_count, {"relation": "at_least", "letter": "b", "n": 2}, "Bob", YES),
        (letter_count, {"relation": "at_most", "letter": "e", "n": 1}, "Ee", NO),
        (letter_count, {"relation": "at_most", "letter": "e", "n": 0}, "cafe\u0301", YES),
        (capital_words, {"relation": "at_least", "n": 2}, "GO to the U.S.A. now", YES),
        (capital_words, {"relation": "at_least", "n": 1}, "I, A and Go", NO),
        (capital_words, {"relation": "at_most", "n": 1}, "DON'T GO", NO),
        (palindrome, {}, "Check the Radar!", YES),
        (palindrome, {}, "Mom, wow, 1001 aaaa", NO),
        (longest_word, {"n": 5}, "well-known words 1234567", YES),
        (longest_word, {"n": 5}, "longer", NO),
        (repeated_words, {"n": 1}, "the water and the earth", YES),
        (repeated_words, {"n": 1}, "Water, water", NO),
    ],
)
def test_a_text_meets_it_or_does_not(kind, kwargs, text, met):
    verdict = kind(text, **kwargs)
    assert verdict.met is met, verdict.reason


@pytest.mark.parametrize(
    ("id_", "kwargs", "text", "repaired"),
    [
        ("style/capital_words", {"n": 2}, "Drink water slowly.", "DRINK water SLOWLY."),
        ("style/capital_words", {"n": 3}, "Drink it slowly.", None),
    ],
)
def test_an_answer_is_repaired_or_left_alone(id_, kwargs, text, repaired):
    assert repair(required(id_, **kwargs), text) == repaired


@pytest.mark.parametrize(
    ("id_", "kwargs", "answer"),
    [
        ("content/letter_at_most", {"relation": "at_most", "letter": "c", "n": 3}, PROSE),
    ],
)
def test_a_plain_answer_fits_the_grammar(id_, kwargs, answer):
    requirement = required(id_, **kwargs)
    assert re.fullmatch(grammar(requirement, 300).value, answer)
    assert check(requirement, answer).met


WORDS = st.text("abcdefghijklmnopqrstuvwz", min_size=3, max_size=9)


@given(st.text("abcdefgh", min_size=2, max_size=7), WORDS)
def test_acrostics_and_palindromes_of_drawn_words(word, rest):
    lines = [f"{letter}{rest} on" for letter in word]
    assert acrostic("\n".join(lines), word=word).met
    assert not acrostic("\n".join([*lines, "more"]), word=word).met
    assert palindrome(f"so {word}x{word[::-1]} is").met
    assert not palindrome(f"so {word}xyz is").met


@given(st.lists(WORDS, min_size=1, max_size=30), st.integers(1, 12))
def test_length_and_repetition_of_drawn_words(words, n):
    text = " ".join(words)
    assert longest_word(text, n=n).met is (max(map(len, words)) <= n)
    longer = [word for word in words if len(word) > 4]
    assert repeated_words(text, n=n).met is all(longer.count(word) <= n for word in longer)
