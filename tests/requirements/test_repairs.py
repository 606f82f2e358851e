import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecd_data.requirements.checks import check
from ecd_data.requirements.checks.words import words
from ecd_data.requirements.repairs import REPAIRS, repair
from ecd_data.requirements.taxonomy import load_taxonomy
from ecd_data.values import Requirement

TAXONOMY = load_taxonomy()
REPAIRABLE = [operation for operation in TAXONOMY.values() if operation.check in REPAIRS]
ANSWER = "Start slowly, drink some water! Open a window. Then take 5 minutes to stretch."


def required(id_, **kwargs):
    return Requirement(id_, "", {**TAXONOMY[id_].kwargs, **kwargs}, "code", 1)


@pytest.mark.parametrize(
    ("requirement", "text", "repaired"),
    [
        (required("style/lower_case"), "It's ÉTÉ.", "it's été."),
        (required("style/upper_case"), "Straße 5", "STRASSE 5"),
        (required("style/no_commas"), "Red, green,blue.", "Red green blue."),
        (required("style/no_commas"), "It costs 1,000 euros.", "It costs 1000 euros."),
        (required("style/no_exclamation_marks"), "Wow!!! Really?! Yes!", "Wow. Really? Yes."),
        (required("style/no_exclamation_marks"), "¡Hola!", "Hola."),
        (required("style/no_digits"), "3 eggs and 12 plums.", "Three eggs and twelve plums."),
        (required("style/no_digits"), "Pi is 3.14.", None),
        (required("style/no_digits"), "1. Go\n2. Stop", None),
        (required("style/no_digits"), "In 1990.", None),
        (required("format/quotation_marks"), 'He said “go”, "now".', "\"He said 'go', 'now'.\""),
        (required("format/title"), "Drink some water in the morning.", "<<Drink some water>>\n\nDrink"),
        (required("format/postscript"), "Yes.", "Yes.\n\nP.S. I hope this helps."),
        (required("content/start_phrase", phrase="In short"), "Drink.", "In short: Drink."),
        (required("content/end_phrase", phrase="Bye."), "Drink", "Drink. Bye."),
        (required("content/end_phrase", phrase="Bye."), "- Drink\n- Eat", "- Drink\n- Eat\n\nBye."),
        (required("format/bullet_count", n=3), "Go. Run! Stop.", "- Go.\n- Run!\n- Stop."),
        (required("format/bullet_count", n=4), "Go. Run! Stop.", None),
        (required("format/bullet_count", n=3), "Go.\nRun!\nStop.", None),
        (required("format/paragraph_count_exactly", n=2), "Go on. Run! Stop now.", "Go on. Run!\n\nStop now."),
        (required("format/paragraph_count_exactly", n=4), "Go on. Run! Stop now.", None),
        (required("format/highlighted_sections", n=2), "Drink water slowly.", "*Drink* water *slowly*."),
        (required("format/highlighted_sections", n=2), "Drink *water*.", None),
        (required("format/word_count_at_most", n=20), ANSWER, None),
        (required("format/json_object", keys=["answer"]), ANSWER, None),
    ],
    ids=lambda value: value.id if isinstance(value, Requirement) else None,
)
def test_an_answer_is_repaired_or_left_alone(requirement, text, repaired):
    result = repair(requirement, text)
    if repaired is None:
        assert result is None
    else:
        assert result is not None
        assert result.startswith(repaired)
        assert check(requirement, result).met


@pytest.mark.parametrize("operation", REPAIRABLE, ids=lambda operation: operation.id)
def test_a_repair_loses_no_word(operation):
    results = [repair(operation.draw(random.Random(i), 1), ANSWER) for i in range(20)]
    assert any(results)
    for result in filter(None, results):
        lost = {word.casefold() for word in words(ANSWER)} - {word.casefold() for word in words(result)}
        assert lost <= {"5"}


@pytest.mark.parametrize("operation", REPAIRABLE, ids=lambda operation: operation.id)
@given(text=st.text(max_size=80) | st.from_regex(r"([A-Za-z*\"',!1-9]{1,7}[ .\n]){1,12}", fullmatch=True))
@settings(max_examples=40, deadline=None)
def test_what_a_repair_gives_meets_the_requirement(operation, text):
    for i in range(2):
        requirement = operation.draw(random.Random(i), 1)
        result = repair(requirement, text)
        assert result is None or check(requirement, result).met


def test_nothing_is_made_of_nothing():
    for operation in REPAIRABLE:
        assert repair(operation.draw(random.Random(0), 1), " \n…") is None
