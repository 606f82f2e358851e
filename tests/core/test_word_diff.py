import re

from hypothesis import given
from hypothesis import strategies as st

from ecd_data.core.word_diff import mark_differences


def test_words_that_differ_are_marked():
    old, new = mark_differences("Eat an apple, a day.", "Eat an apple a day. Enjoy it!")
    assert old == "Eat an [-apple,-] a day."
    assert new == "Eat an {+apple+} a day. {+Enjoy it!+}"


def test_texts_too_long_to_compare_differ_as_a_whole():
    assert mark_differences("a " * 300_000 + "a", "b") == (f"[-{'a ' * 300_000}a-]", "{+b+}")
    assert mark_differences("a " * 300_000, "a " * 300_000) == ("a " * 300_000, "a " * 300_000)


@given(st.text("ab \n", max_size=40), st.text("ab \n", max_size=40))
def test_without_the_marks_the_texts_are_unchanged(a, b):
    old, new = mark_differences(a, b)
    assert re.sub(r"\[-|-\]", "", old) == a
    assert re.sub(r"\{\+|\+\}", "", new) == b
