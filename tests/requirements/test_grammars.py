"""What holds for the grammars of all kinds; examples of each are in `kinds/`."""

import json
import random
import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ecd_data.requirements.kinds import KINDS, check, grammar
from ecd_data.requirements.text import sentences
from tests.helpers.requirements import BY_CODE, TAXONOMY

REQUEST = "Why [do] I - that is, *we* - need 2^3 = 8 hours\\night of sleep?"
GUIDED = [op for op in BY_CODE if KINDS[op.check].grammar and grammar(op.draw(random.Random(0), 1, REQUEST), 2000)]
FOREIGN = re.compile(r"\(\?|\\[bBAzZ1-9]|(?<![\[\\])\^|\$")  # look-around, anchors, back-references


def drawn(operation, count=6):
    return [operation.draw(random.Random(i), 1, REQUEST) for i in range(count)]


def instance(schema, data):
    """Return a value that is valid against one of our schemas."""
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
    forced = grammar(requirement, 400)
    if forced is None:  # no room for so long an answer
        assert operation.check == "word_count"
        return
    if forced.type == "json":
        text = json.dumps(instance(forced.value, data), ensure_ascii=False)
    else:
        text = data.draw(st.from_regex(forced.value, fullmatch=True, alphabet=st.characters(codec="ascii")))
        assert len(text) <= 500 * requirement.kwargs.get("n", 1)
    if operation.family in ("sentences", "sentence_length", "placed"):
        # A last word that looks like an abbreviation ends no sentence; such a candidate is dropped.
        assume(len(sentences(text)) == len(re.findall(r"[.]", text)))
    assert check(requirement, text).met, text


@pytest.mark.parametrize("operation", GUIDED, ids=lambda operation: operation.id)
def test_expressions_keep_to_what_every_engine_takes(operation):
    for requirement in drawn(operation):
        forced = grammar(requirement, 2000)
        if forced.type == "regex":
            assert not FOREIGN.search(forced.value)
            assert not re.search(r"(?<![\[\\])\*|(?<!\\)\+|\{\d+,\}", forced.value), "unbounded"
            assert not re.search(r"\[\[|\\[<>'\"]", forced.value), "not the same in every engine"
        else:
            assert forced.value["additionalProperties"] is False
            assert set(forced.value["properties"]) == set(forced.value["required"])


def test_what_no_grammar_can_express_has_none():
    for id_ in (
        "content/keyword_at_most",
        "style/upper_case",
        "style/language",
        "content/avoid_words",
        "style/varied_openings",
    ):
        assert grammar(TAXONOMY[id_].draw(random.Random(0), 1), 300) is None
