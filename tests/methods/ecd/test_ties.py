import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecd_data.core.values import Candidate, Requirement, Ruling, Seed
from ecd_data.methods.ecd.ties import ties
from ecd_data.methods.judging import Judged
from ecd_data.methods.task import Task

IN_FORCE = tuple(Requirement(f"format/r{i}", f"Do {i}.", {}, "judge", i + 1) for i in range(2))
TASK = Task(Seed("0" * 16, "Do."), 2, "format/r1", "Do. Do 0. Do 1.", IN_FORCE)


def found(kept, dropped):
    return list(ties(TASK, kept, dropped))


def ruled(route, text, *votes):
    rulings = [Ruling(f"format/r{i}", share) for i, share in enumerate(votes)]
    return Judged(Candidate(route, 0, text), tuple(rulings))


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
        assert ruled(tie.routes[1], tie.second, *(ruling.votes for ruling in tie.second_rulings)) in dropped
    assert len({tie.id for tie in made}) == len(made) <= len(dropped)
