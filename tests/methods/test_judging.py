import pytest

from ecd_data.core.recipe import Recipe
from ecd_data.core.values import Candidate, Ruling
from ecd_data.methods import make_plan
from ecd_data.methods.judging import Judged, is_balanced


@pytest.mark.parametrize(
    ("chosen", "rejected", "missed", "fits"),
    [
        (300, 100, "style/no_commas", True),
        (301, 100, "style/no_commas", False),
        (100, 301, "style/no_commas", False),
        (900, 100, "format/word_count_at_least", True),
        (100, 900, "format/sentence_count_at_most", True),
    ],
)
def test_pairs_are_balanced_in_length_unless_length_is_what_is_missed(chosen, rejected, missed, fits):
    older = Judged(Candidate("evolved", 0, "y" * rejected), (Ruling(missed, 0.0), Ruling("format/line_count", 1.0)))
    assert is_balanced("x" * chosen, older, make_plan(Recipe(max_length_ratio=3.0))) is fits
