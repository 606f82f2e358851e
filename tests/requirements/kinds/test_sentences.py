import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecd_data.requirements.kinds.edges import ends_with_question
from ecd_data.requirements.kinds.sentences import (
    question_count,
    sentence_length,
    sentence_starts,
    word_in_sentence,
    words_in_one_sentence,
)

YES, NO = True, False


@pytest.mark.parametrize(
    ("kind", "kwargs", "text", "met"),
    [
        (sentence_length, {"relation": "at_most", "n": 3}, "One two three. Four.", YES),
        (sentence_length, {"relation": "at_most", "n": 3}, "One. Two three four five.", NO),
        (sentence_length, {"relation": "at_least", "n": 2}, "One two. Three.", NO),
        (sentence_starts, {}, "Dogs bark. Cats sleep.", YES),
        (sentence_starts, {}, "The dog barks. “The cat” sleeps.", NO),
        (sentence_starts, {}, "Only one.", NO),
        (question_count, {"n": 1}, "Why? Because.", YES),
        (question_count, {"n": 1}, "Because.", NO),
        (word_in_sentence, {"keyword": "light", "n": 2}, "So. The Light shines.", YES),
        (word_in_sentence, {"keyword": "light", "n": 2}, "The light shines. So.", NO),
        (words_in_one_sentence, {"keywords": ["if", "then"]}, "If it rains, then stay.", YES),
        (words_in_one_sentence, {"keywords": ["if", "then"]}, "Ask if it rains. Then stay.", NO),
    ],
)
def test_a_text_meets_it_or_does_not(kind, kwargs, text, met):
    verdict = kind(text, **kwargs)
    assert verdict.met is met, verdict.reason


WORDS = st.text("abcdefghijklmnopqrstuvwz", min_size=3, max_size=9)


@given(st.lists(WORDS, min_size=2, max_size=6, unique=True), st.integers(1, 12))
def test_placement_length_and_beginnings_of_drawn_sentences(words, n):
    text = " ".join(f"Well {word} is good." for word in words)
    for number, word in enumerate(words, 1):
        assert word_in_sentence(text, keyword=word, n=number).met
        assert not word_in_sentence(text, keyword=word, n=number % len(words) + 1).met
    assert words_in_one_sentence(text, keywords=["well", words[0]]).met
    assert not words_in_one_sentence(text, keywords=words).met
    assert sentence_length(text, relation="at_most", n=n).met is (n >= 4)
    assert sentence_length(text, relation="at_least", n=n).met is (n <= 4)
    assert not sentence_starts(text).met
    assert sentence_starts(" ".join(f"{word} is good." for word in words)).met


@given(st.lists(st.booleans(), min_size=1, max_size=8))
def test_questions_are_counted(asks):
    text = " ".join("Is it so?" if question else "It is so." for question in asks)
    assert question_count(text, n=sum(asks)).met
    assert not question_count(text, n=sum(asks) + 1).met
    assert ends_with_question(text).met is asks[-1]
