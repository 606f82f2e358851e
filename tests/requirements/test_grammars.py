import json
import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecd_data.requirements.checks import check
from ecd_data.requirements.grammars import GRAMMARS, grammar
from ecd_data.requirements.taxonomy import load_taxonomy
from ecd_data.values import Requirement

TAXONOMY = load_taxonomy()
GUIDED = [operation for operation in TAXONOMY.values() if operation.check in GRAMMARS]
FOREIGN = re.compile(r"\(\?|\\[bBAzZ1-9]|(?<!\[)\^|\$")  # look-around, anchors, back-references


def drawn(operation, count=6):
    return [operation.draw(random.Random(i), 1) for i in range(count)]


@pytest.mark.parametrize("operation", GUIDED, ids=lambda operation: operation.id)
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_whatever_a_grammar_lets_through_meets_the_requirement(operation, data):
    requirement = data.draw(st.sampled_from(drawn(operation)))
    made = grammar(requirement, 240)
    if made.type == "json":
        texts = {key: data.draw(st.text(min_size=1, max_size=40)) for key in made.value["required"]}
        text = json.dumps(texts, ensure_ascii=False)
    else:
        text = data.draw(st.from_regex(made.value, fullmatch=True, alphabet=st.characters(codec="ascii")))
        assert len(text) <= 240 * requirement.kwargs.get("n", 1)
    assert check(requirement, text).met, text


PROSE = "start slowly and drink some water; it helps."


@pytest.mark.parametrize(
    ("id_", "kwargs", "text"),
    [
        ("style/lower_case", {}, PROSE),
        ("style/no_commas", {"characters": ",", "name": "commas"}, "Is it late? (It isn't.) Not yet."),
        ("style/no_digits", {}, "Take five minutes, then go on."),
        ("format/bullet_count", {"n": 3}, "- Wake up early.\n- Drink some water.\n- Go for a walk."),
        ("reasoning/numbered_steps", {"n": 2}, "1. Wake up early.\n2. Drink some water."),
        ("format/paragraph_count_exactly", {"relation": "exactly", "n": 2}, f"S{PROSE}\n\nS{PROSE}"),
        ("format/quotation_marks", {}, f'"{PROSE}"'),
        ("format/title", {}, f"<<A good morning>>\n\n{PROSE}"),
        ("content/start_phrase", {"phrase": "In short"}, f"In short, {PROSE}"),
        ("content/end_phrase", {"phrase": "I hope this helps."}, f"{PROSE} I hope this helps."),
        ("format/postscript", {}, f"{PROSE}\n\nP.S. Do not forget to smile."),
        ("reasoning/answer_line", {"label": "Answer:"}, f"{PROSE}\nAnswer: 42."),
    ],
)
def test_a_plain_answer_fits_its_grammar(id_, kwargs, text):
    requirement = Requirement(id_, "", kwargs, "code", 1)
    assert re.fullmatch(grammar(requirement, 300).value, text)
    assert check(requirement, text).met


@pytest.mark.parametrize("operation", GUIDED, ids=lambda operation: operation.id)
def test_expressions_keep_to_what_every_engine_takes(operation):
    for requirement in drawn(operation):
        made = grammar(requirement, 300)
        if made.type == "regex":
            assert not FOREIGN.search(made.value)
            assert not re.search(r"[^\\\]]\*|[^\\]\+|\{\d+,\}", made.value), "unbounded"
        else:
            assert made.value["additionalProperties"] is False
            assert set(made.value["properties"]) == set(made.value["required"]) == set(requirement.kwargs["keys"])


def test_what_no_grammar_can_express_has_none():
    for id_ in ("format/word_count_at_most", "style/language", "content/avoid_words"):
        assert grammar(TAXONOMY[id_].draw(random.Random(0), 1), 300) is None
