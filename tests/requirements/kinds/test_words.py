import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecd_data.requirements.kinds import check, grammar
from ecd_data.requirements.kinds.words import (
    avoid_words,
    include_words,
    mentions_phrase,
    one_of,
    ordered_words,
    word_frequency,
)
from tests.helpers.requirements import required

YES, NO = True, False
PROSE = "start slowly and drink some water; it helps."


@pytest.mark.parametrize(
    ("kind", "kwargs", "text", "met"),
    [
        (include_words, {"keywords": ["Time", "day"]}, "Take your TIME every day.", YES),
        (include_words, {"keywords": ["time"]}, "Sometimes", NO),
        (include_words, {"keywords": ["café"]}, "A cafe\u0301.", YES),
        (include_words, {"keywords": ["time"]}, "_time_ and **more**", YES),
        (include_words, {"keywords": ["friend"]}, "My friend’s car", YES),
        (ordered_words, {"keywords": ["book", "river"]}, "A Book by the river", YES),
        (ordered_words, {"keywords": ["book", "river"]}, "A river in a book by the river", NO),
        (ordered_words, {"keywords": ["book", "river"]}, "Books by the river", NO),
        (avoid_words, {"keywords": ["very", "can"]}, "A candid, every-day vanity", YES),
        (avoid_words, {"keywords": ["can't"]}, "You can’t.", NO),
        (avoid_words, {"keywords": ["can"]}, "I can’t", YES),
        (word_frequency, {"relation": "at_least", "keyword": "day", "n": 2}, "Day by day-time", YES),
        (word_frequency, {"relation": "at_least", "keyword": "day", "n": 2}, "Day and today", NO),
        (word_frequency, {"relation": "at_most", "keyword": "the", "n": 1}, "The one, then these", YES),
        (word_frequency, {"relation": "at_most", "keyword": "the", "n": 1}, "the one and the other", NO),
        (mentions_phrase, {"phrase": "little by little"}, "It grows Little by little.", YES),
        (mentions_phrase, {"phrase": "little by little"}, "It grows little, by little.", NO),
        (mentions_phrase, {"phrase": "step by step"}, "It goes step\nby step.", YES),
        (one_of, {"options": ["I doubt it.", "I am sure."]}, "Well, *I am sure.*", YES),
        (one_of, {"options": ["I doubt it.", "I am sure."]}, "I am sure. I doubt it.", NO),
        (one_of, {"options": ["I doubt it.", "I am sure."]}, "i am sure.", NO),
    ],
)
def test_a_text_meets_it_or_does_not(kind, kwargs, text, met):
    verdict = kind(text, **kwargs)
    assert verdict.met is met, verdict.reason


@pytest.mark.parametrize(
    ("id_", "kwargs", "answer"),
    [
        ("reasoning/certainty", {"options": ["I am sure.", "I doubt it."]}, f"{PROSE} I doubt it."),
    ],
)
def test_a_plain_answer_fits_the_grammar(id_, kwargs, answer):
    requirement = required(id_, **kwargs)
    assert re.fullmatch(grammar(requirement, 300).value, answer)
    assert check(requirement, answer).met


@given(st.lists(st.text("abcdefghijklmnopqrstuvwz", min_size=3, max_size=9), min_size=2, max_size=6, unique=True))
def test_the_order_of_drawn_words(words):
    text = " ".join(f"Well {word} is good." for word in words)
    assert ordered_words(text, keywords=words).met
    assert not ordered_words(text, keywords=words[::-1]).met
