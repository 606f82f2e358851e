import random

import pytest

from ecd_data.requirements.kinds import check
from ecd_data.requirements.statement import is_stated
from tests.helpers.requirements import BY_CODE

TEXT = "Start slowly, drink some water, and open a window. Then take 5 minutes to stretch!"


def drawn(operation, count):
    return [operation.draw(random.Random(i), 1) for i in range(count)]


@pytest.mark.parametrize("operation", BY_CODE, ids=lambda operation: operation.id)
def test_a_drawn_requirement_states_itself_and_can_be_checked(operation):
    for requirement in drawn(operation, 30):
        assert "{" not in requirement.text
        assert is_stated(operation, requirement, f"Name a fruit. {requirement.text}")
        assert not is_stated(operation, requirement, "Name a fruit.")
        assert check(requirement, TEXT).reason


@pytest.mark.parametrize("operation", BY_CODE, ids=lambda operation: operation.id)
def test_every_wording_is_drawn_and_states_its_parameters(operation):
    sentences = {requirement.text for requirement in drawn(operation, 300)}
    assert all(any(text.split("{")[0] in sentence for sentence in sentences) for text in operation.texts)
    for requirement in drawn(operation, 10):
        for name in operation.params:
            value = requirement.kwargs[name]
            items = value["properties"] if isinstance(value, dict) else value if isinstance(value, list) else [value]
            assert all(str(item) in requirement.text for item in items)
