from hypothesis import given
from hypothesis import strategies as st

from ecd_data.core.row_groups import MAX_ROWS, MIN_ROWS, row_groups


def rows(numbers):
    return [{"id": f"row-{number}"} for number in numbers]


@given(st.integers(0, 5000))
def test_groups_hold_all_rows_in_order_within_their_bounds(count):
    groups = list(row_groups(rows(range(count)), "id"))
    assert [row for group in groups for row in group] == rows(range(count))
    assert all(MIN_ROWS <= len(group) <= MAX_ROWS for group in groups[:-1])
    assert all(0 < len(group) <= MAX_ROWS for group in groups[-1:])


@given(st.integers(0, 9999), st.integers(1, 300))
def test_added_rows_change_few_groups(place, count):
    before = list(row_groups(rows(range(10_000)), "id"))
    numbers = [*range(place), *range(20_000, 20_000 + count), *range(place, 10_000)]
    after = list(row_groups(rows(numbers), "id"))
    unchanged = [group for group in after if group in before]
    assert len(unchanged) >= len(before) - 6
