import pytest

from ecd_data.requirements.kinds import repair
from ecd_data.requirements.kinds.length import character_count, sentence_count, word_count
from tests.helpers.requirements import required

YES, NO = True, False
ANSWER = "Start slowly, drink some water! Open a window. Then take 5 minutes to stretch."


@pytest.mark.parametrize(
    ("kind", "kwargs", "text", "met"),
    [
        (word_count, {"relation": "at_most", "n": 3}, "Don't use well-known words", NO),
        (word_count, {"relation": "at_most", "n": 4}, "Don’t use well-known words", YES),
        (word_count, {"relation": "exactly", "n": 2}, "**Grüße** — Zoë!", YES),
        (word_count, {"relation": "at_least", "n": 3}, "one two", NO),
        (word_count, {"relation": "exactly", "n": 2}, "nai\u0308ve cafe\u0301", YES),
        (word_count, {"relation": "exactly", "n": 2}, "data\u00adbase non\u2011stop", YES),
        (word_count, {"relation": "exactly", "n": 5}, "The U.S. paid 1,000.50 dollars", YES),
        (word_count, {"relation": "exactly", "n": 0}, " — … *** ", YES),
        (sentence_count, {"relation": "exactly", "n": 2}, "Mr. Smith paid 3.50 euros. He left.", YES),
        (sentence_count, {"relation": "at_most", "n": 2}, "Really? Yes! Go.", NO),
        (sentence_count, {"relation": "exactly", "n": 3}, "- First thing\n- Second thing.\n\n3. Third", YES),
        (sentence_count, {"relation": "exactly", "n": 2}, '"One is here. Two is there."', YES),
        (sentence_count, {"relation": "exactly", "n": 1}, "<<A title>>\n\nOne is here.", YES),
        (sentence_count, {"relation": "exactly", "n": 2}, "1. Do this. 2. Do that.", YES),
        (sentence_count, {"relation": "exactly", "n": 1}, "42.", YES),
        (sentence_count, {"relation": "exactly", "n": 2}, "E.g. apples, pears etc. are fruit... Really?!", YES),
        (character_count, {"relation": "at_most", "n": 5}, "  abcde \n", YES),
    ],
)
def test_a_text_meets_it_or_does_not(kind, kwargs, text, met):
    verdict = kind(text, **kwargs)
    assert verdict.met is met, verdict.reason


@pytest.mark.parametrize(
    ("id_", "kwargs", "text", "repaired"),
    [
        ("format/word_count_at_most", {"n": 20}, ANSWER, None),
    ],
)
def test_an_answer_is_repaired_or_left_alone(id_, kwargs, text, repaired):
    assert repair(required(id_, **kwargs), text) == repaired
