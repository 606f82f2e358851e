import pytest

from ecd_data.core.values import Verdict
from ecd_data.requirements.kind import count_verdict, kind
from ecd_data.requirements.kinds import KINDS
from tests.helpers.requirements import BY_CODE


def test_every_kind_is_drawn_by_an_operation_and_every_operation_draws_a_kind():
    assert {operation.check for operation in BY_CODE} == set(KINDS)


def test_two_kinds_cannot_have_one_name():
    def word_count(text):
        return Verdict(True, "")

    with pytest.raises(ValueError, match="two kinds of requirement are named word_count"):
        kind()(word_count)


def test_the_verdict_on_a_count_says_what_was_counted_and_required():
    assert count_verdict(3, "at_most", 2, "words") == Verdict(False, "3 words, at most 2 asked")
