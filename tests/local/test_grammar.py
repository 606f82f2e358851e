"""TGI's grammars as LLGuidance rules; that a model obeys them is shown in test_tgi.py."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecd_data.local.tgi.grammar import lark


@given(st.text(st.characters(min_codepoint=9, max_codepoint=1000), min_size=1))
def test_escaped_text_still_matches_itself_and_cannot_leave_the_rule(text):
    rule = lark({"type": "regex", "value": re.escape(text)})
    assert rule[0] == rule[-1] == "/"
    inner = rule[1:-1]
    assert re.fullmatch(inner, text)
    assert "\n" not in inner
    assert re.fullmatch(r"(\\.|[^/\\])*", inner, re.DOTALL)


@pytest.mark.parametrize(
    ("pattern", "rule"),
    [
        (r"\d{3}", "/[0-9]{3}/"),
        (r"[\d,]+", "/[0-9,]+/"),
        (r"[^\w]", "/[^A-Za-z0-9_]/"),
        (r"a/b", r"/a\/b/"),
        (r"a\/b", r"/a\/b/"),
        (r"\\d", r"/\\d/"),
        ("a\nb", r"/a\nb/"),
        ("a\\\nb", r"/a\nb/"),
        (r"\[\d\]", r"/\[[0-9]\]/"),
    ],
)
def test_regex(pattern, rule):
    assert lark({"type": "regex", "value": pattern}) == rule


def test_objects_are_closed_unless_they_say_otherwise():
    inner = {"type": "object", "properties": {"b": {"type": "string"}}}
    schema = {"type": "object", "properties": {"a": inner, "c": {**inner, "additionalProperties": True}}}
    rule = json.loads(lark({"type": "json", "value": schema}).removeprefix("%json "))
    assert rule["additionalProperties"] is False
    assert rule["properties"]["a"]["additionalProperties"] is False
    assert rule["properties"]["c"]["additionalProperties"] is True
