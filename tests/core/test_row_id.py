import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecd_data.core.values import RowId

SEED_IDS = st.text("0123456789abcdef", min_size=16, max_size=16)
OLDER = st.builds(RowId, SEED_IDS, st.integers(0, 99), st.integers(1, 9))
OTHERS = st.builds(RowId, SEED_IDS, st.integers(0, 99), st.just(0), st.sampled_from(["student", "relaxed"]))


@given(OLDER | OTHERS)
def test_an_id_is_read_back_as_what_it_was_made_of(row_id):
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
def test_only_what_tells_a_pair_from_others_of_its_round_is_spelled_out(row_id, text):
    assert str(row_id) == text


@pytest.mark.parametrize(
    "text", ["", "5f0c", "5f0c-2", "5f0c-r", "5f0c-r1-g", "5f0c-r1-t1", "-r1", "5f0c-r1-student-g2"]
)
def test_what_is_no_id_is_refused(text):
    with pytest.raises(ValueError, match="is not the id of a row"):
        RowId.parse(text)
