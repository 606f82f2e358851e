import dataclasses
from collections import Counter

import pytest

from ecd_data.core.values import Ruling
from ecd_data.requirements.calibration import calibration, items, table
from ecd_data.requirements.kinds import check

ITEMS = items(100)


def ruled(votes):
    return calibration([(item, Ruling(item.requirement.id, votes(item))) for item in ITEMS])


def test_the_items_are_of_every_class_half_of_them_met_and_code_agrees():
    assert len(ITEMS) == len({item.id for item in ITEMS}) == 100
    counts = Counter((item.requirement.id.split("/")[0], item.truth) for item in ITEMS)
    assert set(counts.values()) == {10}
    assert len({item.requirement.id for item in ITEMS}) > 40
    for item in ITEMS:
        assert check(item.requirement, item.response).met is item.truth, item


def test_the_items_are_the_same_every_time():
    assert items(100) == ITEMS


@pytest.mark.parametrize(
    ("votes", "accuracy", "balanced", "accepts", "rejects", "undecided"),
    [
        (lambda item: float(item.truth), 1.0, 1.0, 0.0, 0.0, 0.0),
        (lambda item: float(not item.truth), 0.0, 0.0, 1.0, 1.0, 0.0),
        (lambda item: 1.0, 0.5, 0.5, 1.0, 0.0, 0.0),
        (lambda item: 0.0, 0.5, 0.5, 0.0, 1.0, 0.0),
        (lambda item: 0.5, 0.0, 0.0, 0.0, 0.0, 1.0),
        (lambda item: 1.0 if item.truth else 0.5, 0.5, 0.5, 0.0, 0.0, 0.5),
    ],
)
def test_judges_of_known_reliability(votes, accuracy, balanced, accepts, rejects, undecided):
    measured = ruled(votes)
    for part in (measured.overall, *measured.by_class.values()):
        assert part.accuracy == accuracy
        assert part.balanced_accuracy == balanced
        assert (part.false_accept, part.false_reject, part.undecided) == (accepts, rejects, undecided)
    assert measured.low <= accuracy <= measured.high


def test_the_interval_is_wilsons():
    measured = ruled(lambda item: float(item.truth) if item is not ITEMS[0] else float(not item.truth))
    assert (measured.low, measured.high) == pytest.approx((0.9455, 0.9982), abs=0.0005)  # 99 of 100


def test_the_table_has_a_row_for_each_class():
    lines = table(dataclasses.asdict(ruled(lambda item: float(item.truth)))).splitlines()
    assert len(lines) == 8
    assert lines[-1] == "| all | 100 | 1.00 | 1.00 | 0.00 | 0.00 | 0.00 |"
