import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecd_data.core.values import Requirement
from ecd_data.requirements.checks import check
from ecd_data.requirements.checks.words import words
from ecd_data.requirements.repairs import REPAIRS, repair
from ecd_data.requirements.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy()
REPAIRABLE = [operation for operation in TAXONOMY.values() if operation.check in REPAIRS]
OTHER_ANSWERS = {  # for repairs that need something to start from
    "mark_count": "Open a window. It helps at night. The air is fresh.",
    "code_block": "def double(x):\n    return 2 * x",
    "number_count": "Take two or three steps, then four more.",
}
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
        (required("reasoning/numbered_steps", n=2), "Go. Run!", "1. Go.\n2. Run!"),
        (required("format/checklist", n=2), "Go. Run!", "- [ ] Go.\n- [ ] Run!"),
        (required("format/line_count", n=2), "Go. Run!", "Go.\nRun!"),
        (required("format/dividers", n=1), "Go.\n\nRun!", "Go.\n\n---\n\nRun!"),
        (required("format/dividers", n=1), "Go.", None),
        (required("format/block_quote"), "Go. Run!", "> Go.\n\nRun!"),
        (required("format/wrapped_in_tag", tag="answer"), "Go.", "<answer>Go.</answer>"),
        (required("format/code_block"), "x = 1", "```python\nx = 1\n```"),
        (required("format/code_block"), "Here is the code", None),
        (
            required("style/no_contractions"),
            "It’s late and I can't stay. Don't!",
            "It is late and I cannot stay. Do not!",
        ),
        (required("style/no_contractions"), "The dog's been fed; I'd go.", None),
        (required("style/no_contractions"), "It's been fun.", None),
        (required("style/plain_ascii"), "A “café” – nice…", 'A "cafe" - nice...'),
        (required("style/plain_ascii"), "日本", None),
        (required("style/semicolon", n=1), "Go. The bus is late.", "Go; the bus is late."),
        (required("style/semicolon", n=2), "Go. Anna is late.", None),
        (required("style/closing_question"), "Go", "Go. Is there anything else"),
        (required("style/emoji", n=2), "Go.", "Go. 🙂🙂"),
        (required("content/number_in_digits", n=1), "Two plums and twenty-one figs.", "2 plums and twenty-one figs."),
        (required("format/starred_parts", n=2), "Go.\n\nRun!", "Go.\n\n***\n\nRun!"),
        (required("format/starred_parts", n=2), "Go. Run! Stop. Sit.", "Go. Run!\n\n***\n\nStop. Sit."),
        (required("format/starred_parts", n=3), "Go. Run!", None),
        (required("format/sections", label="Part", n=2), "Go. Run!", "Part 1\nGo.\n\nPart 2\nRun!"),
        (required("format/sections", label="Part", n=3), "Go. Run!", None),
        (required("content/request_first", request="What now?"), "Go.", "What now?\n\nGo."),
        (required("style/capital_words", n=2), "Drink water slowly.", "DRINK water SLOWLY."),
        (required("style/capital_words", n=3), "Drink it slowly.", None),
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


def test_nothing_is_made_of_nothing():
    for operation in REPAIRABLE:
        assert repair(operation.draw(random.Random(0), 1), " \n…") is None
