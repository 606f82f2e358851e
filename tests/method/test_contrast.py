import pytest

from ecd_data.method.contrast import balanced, negative_defect, similarity
from ecd_data.requirements.taxonomy import load_taxonomy
from ecd_data.values import Ruling


def rulings(*votes):
    return [Ruling(f"format/r{i}", share) for i, share in enumerate(votes)]


@pytest.mark.parametrize(
    ("votes", "reason"),
    [
        ([0.0], ""),
        ([1.0, 0.3333], ""),
        ([1.0, 0.0, 0.0], ""),
        ([1.0], "negative_meets_all"),
        ([0.6667, 1.0], "negative_meets_all"),
        ([0.0, 0.0, 0.0], "negative_misses_many"),
        ([1.0, 0.5], "negative_undecided"),
    ],
)
def test_a_hard_negative_misses_one_or_two_and_nothing_is_left_open(votes, reason):
    assert negative_defect(rulings(*votes), max_missed=2) == reason


def test_two_missed_are_one_too_many_when_the_recipe_says_so():
    assert negative_defect(rulings(0.0, 0.0), max_missed=1) == "negative_misses_many"


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
    assert balanced("x" * chosen, "y" * rejected, [missed], load_taxonomy(), 3.0) is fits
