import json
import random
import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ecd_data.core.values import Requirement
from ecd_data.requirements.checks import check
from ecd_data.requirements.checks.length import sentences
from ecd_data.requirements.grammars import GRAMMARS, grammar
from ecd_data.requirements.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy()
REQUEST = "Why [do] I - that is, *we* - need 2^3 = 8 hours\\night of sleep?"
CAN_BE_GUIDED = [operation for operation in TAXONOMY.values() if operation.check in GRAMMARS]
GUIDED = [op for op in CAN_BE_GUIDED if grammar(op.draw(random.Random(0), 1, REQUEST), 2000)]
FOREIGN = re.compile(r"\(\?|\\[bBAzZ1-9]|(?<![\[\\])\^|\$")  # look-around, anchors, back-references


def drawn(operation, count=6):
    return [operation.draw(random.Random(i), 1, REQUEST) for i in range(count)]


def instance(schema, data):
    """A value that is valid against one of our schemas."""
    if "enum" in schema:
        return data.draw(st.sampled_from(schema["enum"]))
    if schema["type"] == "object":
        return {name: instance(part, data) for name, part in schema["properties"].items()}
    if schema["type"] == "array":
        return [instance(schema["items"], data) for _ in range(schema["minItems"])]
    if schema["type"] == "string":
        return data.draw(st.text("abc xyz", min_size=1, max_size=schema["maxLength"]).filter(str.strip))
    return data.draw(
        st.booleans() if schema["type"] == "boolean" else st.integers(schema["minimum"], schema["maximum"])
    )


@pytest.mark.parametrize("operation", GUIDED, ids=lambda operation: operation.id)
@given(data=st.data())
@settings(max_examples=20, deadline=None)
def test_whatever_a_grammar_lets_through_meets_the_requirement(operation, data):
    requirement = data.draw(st.sampled_from(drawn(operation)))
    made = grammar(requirement, 400)
    if made is None:  # no room for so long an answer
        assert operation.check == "word_count"
        return
    if made.type == "json":
        text = json.dumps(instance(made.value, data), ensure_ascii=False)
    else:
        text = data.draw(st.from_regex(made.value, fullmatch=True, alphabet=st.characters(codec="ascii")))
        assert len(text) <= 500 * requirement.kwargs.get("n", 1)
    if operation.family in ("sentences", "sentence_length", "placed"):
        # A last word that looks like an abbreviation ends no sentence; such a candidate is dropped.
        assume(len(sentences(text)) == len(re.findall(r"[.]", text)))
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
        ("format/sections", {"label": "Part", "n": 2}, f"Part 1\n{PROSE}\n\nPart 2\n{PROSE}"),
        ("format/starred_parts", {"n": 2}, f"{PROSE}\n\n***\n\n{PROSE}"),
        ("format/paragraph_opening", {"n": 2, "place": 2, "word": "today"}, f"S{PROSE}\n\nToday s{PROSE}"),
        ("content/letter_at_most", {"relation": "at_most", "letter": "c", "n": 3}, PROSE),
        ("content/request_first", {"request": REQUEST}, f"{REQUEST}\n\n{PROSE}"),
        ("reasoning/certainty", {"options": ["I am sure.", "I doubt it."]}, f"{PROSE} I doubt it."),
    ],
)
def test_a_plain_answer_fits_its_grammar(id_, kwargs, text):
    requirement = Requirement(id_, "", kwargs, "code", 1)
    assert re.fullmatch(grammar(requirement, 300).value, text)
    assert check(requirement, text).met


@pytest.mark.parametrize("operation", GUIDED, ids=lambda operation: operation.id)
def test_expressions_keep_to_what_every_engine_takes(operation):
    for requirement in drawn(operation):
        made = grammar(requirement, 2000)
        if made.type == "regex":
            assert not FOREIGN.search(made.value)
            assert not re.search(r"(?<![\[\\])\*|(?<!\\)\+|\{\d+,\}", made.value), "unbounded"
            assert not re.search(r"\[\[|\\[<>'\"]", made.value), "not the same in every engine"
        else:
            assert made.value["additionalProperties"] is False
            assert set(made.value["properties"]) == set(made.value["required"])


def test_what_no_grammar_can_express_has_none():
    for id_ in (
        "content/keyword_at_most",
        "style/upper_case",
        "style/language",
        "content/avoid_words",
        "style/varied_openings",
    ):
        assert grammar(TAXONOMY[id_].draw(random.Random(0), 1), 300) is None
