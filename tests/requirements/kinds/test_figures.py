import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecd_data.requirements.kinds import repair
from ecd_data.requirements.kinds.figures import iso_date, metric_units, number_count, percentage
from tests.helpers.requirements import required

YES, NO = True, False


@pytest.mark.parametrize(
    ("kind", "kwargs", "text", "met"),
    [
        (number_count, {"n": 2}, "1. About 3 of 1,000.5 people", YES),
        (number_count, {"n": 1}, "1) B2B and v2", NO),
        (percentage, {}, "About 12.5 % of them", YES),
        (percentage, {}, "About twelve percent; 100%25 is a code", NO),
        (iso_date, {}, "It is on 2024-02-29.", YES),
        (iso_date, {}, "It is on 2023-02-29.", NO),
        (iso_date, {}, "It is on 2024-05-01, or May 2.", NO),
        (iso_date, {}, "It may 2024-05-01 be.", YES),
        (iso_date, {}, "On 1/5/2024 and 2024-05-01", NO),
        (metric_units, {}, "It weighs 5,000 kg.", YES),
        (metric_units, {}, "It weighs 5 kg (11 lbs).", NO),
        (metric_units, {}, "It weighs a kg.", NO),
        (metric_units, {}, "30\u00a0cm", NO),
    ],
)
def test_a_text_meets_it_or_does_not(kind, kwargs, text, met):
    verdict = kind(text, **kwargs)
    assert verdict.met is met, verdict.reason


@pytest.mark.parametrize(
    ("id_", "kwargs", "text", "repaired"),
    [
        ("content/number_in_digits", {"n": 1}, "Two plums and twenty-one figs.", "2 plums and twenty-one figs."),
    ],
)
def test_an_answer_is_repaired_or_left_alone(id_, kwargs, text, repaired):
    assert repair(required(id_, **kwargs), text) == repaired


@given(st.dates(min_value=datetime.date(1000, 1, 1)))
def test_every_date_that_exists_is_one_in_this_format_alone(date):
    assert iso_date(f"On {date.isoformat()}.").met
    assert not iso_date(f"On {date:%m/%d/%Y}.").met
    assert not iso_date(f"On {date.isoformat()} or {date:%B} {date.day}.").met
