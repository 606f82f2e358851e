"""What holds for the repairs of all kinds; examples of each are in `kinds/`."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecd_data.requirements.kinds import KINDS, check, repair
from ecd_data.requirements.text import words
from tests.helpers.requirements import BY_CODE

REPAIRABLE = [operation for operation in BY_CODE if KINDS[operation.check].repair]
OTHER_ANSWERS = {  # for repairs that need something to start from
    "mark_count": "Open a window. It helps at night. The air is fresh.",
    "code_block": "def double(x):\n    return 2 * x",
    "number_count": "Take two or three steps, then four more.",
}
ANSWER = "Start slowly, drink some water! Open a window. Then take 5 minutes to stretch."


@pytest.mark.parametrize("operation", REPAIRABLE, ids=lambda operation: operation.id)
def test_a_repair_loses_no_word(operation):
    answer = OTHER_ANSWERS.get(operation.check, ANSWER)
    results = [repair(operation.draw(random.Random(i), 1, "What now?"), answer) for i in range(20)]
    assert any(results)
    for result in filter(None, results):
        lost = {word.casefold() for word in words(answer)} - {word.casefold() for word in words(result)}
        assert lost <= {"5", "two", "three", "four"}


@pytest.mark.parametrize("operation", REPAIRABLE, ids=lambda operation: operation.id)
@given(text=st.text(max_size=80) | st.from_regex(r"([A-Za-z*\"',!1-9]{1,7}[ .\n]){1,12}", fullmatch=True))
@settings(max_examples=40, deadline=None)
def test_what_a_repair_gives_meets_the_requirement(operation, text):
    for i in range(2):
        requirement = operation.draw(random.Random(i), 1, "What now?")
        result = repair(requirement, text)
        assert result is None or check(requirement, result).met


def test_a_text_without_words_is_not_repaired():
    for operation in REPAIRABLE:
        assert repair(operation.draw(random.Random(0), 1), " \n…") is None
