import pytest

from ecd_data.core.values import Ruling
from ecd_data.methods.contrast import negative_defect


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
