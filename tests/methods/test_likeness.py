import pytest

from ecd_data.methods.likeness import is_of_like_length, similarity
from ecd_data.requirements.taxonomy import load_taxonomy


def test_similarity_sees_small_edits_and_not_case():
    assert similarity("Red, green and blue.", "RED, GREEN AND BLUE.") == 1.0
    assert similarity("Red, green and blue.", "Red green and blue.") > 0.95
    assert similarity("Red, green and blue.", "The sea is wide") < 0.6


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
    assert is_of_like_length("x" * chosen, "y" * rejected, [missed], load_taxonomy(), 3.0) is fits
