import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecd_data.core.values import RowId, Ruling

SEED_IDS = st.text("0123456789abcdef", min_size=16, max_size=16)
OLDER = st.builds(RowId, SEED_IDS, st.integers(0, 99), st.integers(1, 9))
OTHERS = st.builds(RowId, SEED_IDS, st.integers(0, 99), st.just(0), st.sampled_from(["student", "relaxed"]))


@given(OLDER | OTHERS)
def test_an_id_parses_into_its_parts(row_id):
    assert RowId.parse(str(row_id)) == row_id
    assert str(row_id).startswith(row_id.round_id)


@pytest.mark.parametrize(
    ("row_id", "text"),
    [
        (RowId("5f0c", 2), "5f0c-r2"),
        (RowId("5f0c", 3, 2), "5f0c-r3-g2"),
        (RowId("5f0c", 1, 0, "student"), "5f0c-r1-student"),
    ],
)
def test_an_id_spells_out_only_what_distinguishes_pairs_of_one_round(row_id, text):
    assert str(row_id) == text


@pytest.mark.parametrize(
    "text", ["", "5f0c", "5f0c-2", "5f0c-r", "5f0c-r1-g", "5f0c-r1-t1", "-r1", "5f0c-r1-student-g2"]
)
def test_a_text_that_is_not_an_id_is_refused(text):
    with pytest.raises(ValueError, match="is not the id of a row"):
        RowId.parse(text)


def test_a_split_vote_is_undecided_and_not_met():
    assert Ruling("r", 0.6667).met
    assert not Ruling("r", 0.5).met
    assert Ruling("r", 0.5).undecided
