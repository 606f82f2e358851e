import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecd_data.method.contrast import Ruled, balanced, negative_defect, similarity, ties
from ecd_data.requirements.taxonomy import load_taxonomy
from ecd_data.values import Requirement, Ruling


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


IN_FORCE = [Requirement(f"format/r{i}", f"Do {i}.", {}, "judge", i + 1) for i in range(2)]


def found(kept, dropped):
    return list(ties("0" * 16, "format/r1", "Do 0. Do 1.", IN_FORCE, kept, dropped))


def ruled(route, text, *votes):
    return Ruled(route, text, tuple(rulings(*votes)))


def test_a_dropped_answer_ties_with_the_first_that_meets_and_misses_the_same():
    old, best = ruled("evolved", "old", 1.0, 0.0), ruled("edit", "best", 1.0, 1.0)
    dropped = [
        ruled("edit", "no better", 1.0, 0.3333),
        ruled("fresh", "as good", 0.6667, 1.0),
        ruled("fresh", "worse", 0.0, 0.0),
        ruled("fresh", "the other way round", 0.0, 1.0),
        ruled("edit", "as bad", 0.3333, 0.0),
    ]
    made = found([old, best], dropped)
    assert [(tie.first, tie.second, tie.routes) for tie in made] == [
        ("old", "no better", ("evolved", "edit")),
        ("best", "as good", ("edit", "fresh")),
        ("worse", "as bad", ("fresh", "edit")),
    ]
    assert [tie.id for tie in made] == [f"{'0' * 16}-r2-t{number}" for number in (1, 2, 3)]
    assert made[0].first_rulings == old.rulings
    assert made[0].second_rulings == dropped[0].rulings


@pytest.mark.parametrize(
    "dropped",
    [
        ruled("edit", "code found a fault", 0.0),
        ruled("edit", "nobody knows", 1.0, 0.5),
        ruled("edit", "never ruled on"),
        ruled("edit", "old", 1.0, 0.0),
    ],
)
def test_what_is_not_known_in_full_or_is_the_same_text_is_no_tie(dropped):
    assert found([ruled("evolved", "old", 1.0, 0.0)], [dropped]) == []


answers = st.lists(
    st.builds(
        ruled, st.sampled_from(["edit", "fresh"]), st.text("abc", min_size=1, max_size=3), *[st.floats(0, 1)] * 2
    ),
    max_size=6,
)


@given(kept=answers, dropped=answers)
def test_both_sides_of_a_tie_have_the_same_verdicts_and_one_of_them_was_dropped(kept, dropped):
    made = found(kept, dropped)
    for tie in made:
        verdicts = [[ruling.met for ruling in side] for side in (tie.first_rulings, tie.second_rulings)]
        assert verdicts[0] == verdicts[1]
        assert not any(ruling.undecided for ruling in (*tie.first_rulings, *tie.second_rulings))
        assert tie.first != tie.second
        assert (tie.routes[1], tie.second, tie.second_rulings) in dropped
    assert len({tie.id for tie in made}) == len(made) <= len(dropped)
