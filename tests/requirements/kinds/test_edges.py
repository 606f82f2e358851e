import re

import pytest

from ecd_data.requirements.kinds import check, grammar, repair
from ecd_data.requirements.kinds.edges import (
    ends_with,
    ends_with_question,
    postscript,
    request_first,
    starts_with,
    title,
    wrapped_in_quotes,
    wrapped_in_tag,
)
from tests.helpers.requirements import required

YES, NO = True, False
PROSE = "start slowly and drink some water; it helps."
REQUEST = "Why [do] I - that is, *we* - need 2^3 = 8 hours\\night of sleep?"


@pytest.mark.parametrize(
    ("kind", "kwargs", "text", "met"),
    [
        (title, {}, "<<My day>>\n\nIt rained.", YES),
        (title, {}, "# <<My day>>\nIt rained.", YES),
        (title, {}, "It rained.\n<<My day>>", NO),
        (title, {}, "<< >>\nIt rained.", NO),
        (title, {}, "<My day>", NO),
        (title, {}, "Sure! Here it is: <<My day>>\nIt rained.", NO),
        (title, {}, "**<<My day>>**\nIt rained.", YES),
        (starts_with, {"phrase": "In short"}, "\nIn short, yes.", YES),
        (starts_with, {"phrase": "In short"}, "in short, yes.", NO),
        (starts_with, {"phrase": "In short"}, "In shorts.", NO),
        (starts_with, {"phrase": "In short"}, "Sure! In short, yes.", NO),
        (starts_with, {"phrase": "First of all"}, "**First of all**, sit down.", YES),
        (request_first, {"request": "Why is it so?"}, "“Why is it so?”\n\nBecause.", YES),
        (request_first, {"request": "Why is it so?"}, "why is\nit so? Because.", YES),
        (request_first, {"request": "Why is it so?"}, "Why is it so?", NO),
        (request_first, {"request": "Why is it so"}, "Why is it sour? Because.", NO),
        (request_first, {"request": "Why is it so?"}, "Sure! Why is it so? Because.", NO),
        (ends_with, {"phrase": "I hope this helps."}, "Yes. I hope this helps.\n", YES),
        (ends_with, {"phrase": "I hope this helps."}, "Yes. I hope this helps. Bye.", NO),
        (ends_with, {"phrase": "I hope this helps."}, "Yes. *I hope this helps.*", YES),
        (ends_with, {"phrase": "hope this helps."}, "Yes. Ihope this helps.", NO),
        (ends_with, {"phrase": "Let me know what you think."}, "Let me know what you think", NO),
        (ends_with_question, {}, 'So: "Why?"\n', YES),
        (ends_with_question, {}, "Why? So.", NO),
        (postscript, {}, "Yes.\n\nP.S. Bring cake.", YES),
        (postscript, {}, "Yes.\n**P.S.** Bring cake.", YES),
        (postscript, {}, "P.S. Bring cake.\nYes.", NO),
        (postscript, {}, "Yes.\nP.S.", NO),
        (postscript, {}, "Yes.\n\nP.S. Bring cake,\nand forks.", YES),
        (postscript, {}, "Yes.\n\nPS: Bring cake.", NO),
        (wrapped_in_quotes, {}, "“Yes, it is.”", YES),
        (wrapped_in_quotes, {}, 'He said "yes"', NO),
        (wrapped_in_quotes, {}, '""', NO),
        (wrapped_in_quotes, {}, 'Here you go: "Yes."', NO),
        (wrapped_in_quotes, {}, '"Go," she said. "Now."', NO),
        (wrapped_in_quotes, {}, '"She said "go" and left."', YES),
        (wrapped_in_quotes, {}, '"“Go,” she said."', YES),
        (wrapped_in_quotes, {}, "„Ja, das ist gut.“", YES),
        (wrapped_in_quotes, {}, "« Oui, c’est bon. »", YES),
        (wrapped_in_quotes, {}, "'Yes.'", NO),
        (wrapped_in_quotes, {}, '"Yes.', NO),
        (wrapped_in_tag, {"tag": "answer"}, "\n<answer>\nYes\n</answer> ", YES),
        (wrapped_in_tag, {"tag": "answer"}, "Sure! <answer>Yes</answer>", NO),
        (wrapped_in_tag, {"tag": "answer"}, "<answer>a</answer><answer>b</answer>", NO),
        (wrapped_in_tag, {"tag": "answer"}, "<answer> </answer>", NO),
    ],
)
def test_a_text_meets_it_or_does_not(kind, kwargs, text, met):
    verdict = kind(text, **kwargs)
    assert verdict.met is met, verdict.reason


@pytest.mark.parametrize(
    ("id_", "kwargs", "text", "repaired"),
    [
        ("format/title", {}, "Drink some water now.", "<<Drink some water>>\n\nDrink some water now."),
        ("content/start_phrase", {"phrase": "In short"}, "Drink.", "In short: Drink."),
        ("content/request_first", {"request": "What now?"}, "Go.", "What now?\n\nGo."),
        ("content/end_phrase", {"phrase": "Bye."}, "Drink", "Drink. Bye."),
        ("content/end_phrase", {"phrase": "Bye."}, "- Drink\n- Eat", "- Drink\n- Eat\n\nBye."),
        ("style/closing_question", {}, "Go", "Go. Is there anything else you would like to know?"),
        ("format/postscript", {}, "Yes.", "Yes.\n\nP.S. I hope this helps."),
        ("format/quotation_marks", {}, 'He said “go”, "now".', "\"He said 'go', 'now'.\""),
        ("format/wrapped_in_tag", {"tag": "answer"}, "Go.", "<answer>Go.</answer>"),
    ],
)
def test_an_answer_is_repaired_or_left_alone(id_, kwargs, text, repaired):
    assert repair(required(id_, **kwargs), text) == repaired


@pytest.mark.parametrize(
    ("id_", "kwargs", "answer"),
    [
        ("format/title", {}, f"<<A good morning>>\n\n{PROSE}"),
        ("content/start_phrase", {"phrase": "In short"}, f"In short, {PROSE}"),
        ("content/request_first", {"request": REQUEST}, f"{REQUEST}\n\n{PROSE}"),
        ("content/end_phrase", {"phrase": "I hope this helps."}, f"{PROSE} I hope this helps."),
        ("format/postscript", {}, f"{PROSE}\n\nP.S. Do not forget to smile."),
        ("format/quotation_marks", {}, f'"{PROSE}"'),
    ],
)
def test_a_plain_answer_fits_the_grammar(id_, kwargs, answer):
    requirement = required(id_, **kwargs)
    assert re.fullmatch(grammar(requirement, 300).value, answer)
    assert check(requirement, answer).met
