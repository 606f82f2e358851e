import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ecd_data.requirements.kinds import repair
from ecd_data.requirements.kinds.data import csv_rows, json_matching, json_object, yaml_mapping
from tests.helpers.requirements import TAXONOMY, required

YES, NO = True, False
ANSWER = "Start slowly, drink some water! Open a window. Then take 5 minutes to stretch."
SCHEMA = {
    **{"type": "object", "required": ["a"], "additionalProperties": False},
    "properties": {"a": {"type": "array", "items": {"type": "string"}, "minItems": 1}},
}


@pytest.mark.parametrize(
    ("kind", "kwargs", "text", "met"),
    [
        (json_object, {"keys": ["a", "b"]}, '{"b": 1, "a": "x"}', YES),
        (json_object, {"keys": ["a"]}, '```json\n{"a": [1]}\n```', YES),
        (json_object, {"keys": ["a"]}, 'Sure! Here is the JSON:\n{"a": 1}', NO),
        (json_object, {"keys": ["a"]}, '{"a": 1, "b": 2}', NO),
        (json_object, {"keys": ["a"]}, '["a"]', NO),
        (json_object, {"keys": ["a"]}, '{"a": 1, "a": 2}', NO),
        (json_object, {"keys": ["a"]}, '{"a": " "}', NO),
        (json_object, {"keys": ["a"]}, '{"a": []}', NO),
        (json_object, {"keys": ["a"]}, '{"a": null}', NO),
        (json_object, {"keys": ["a"]}, '{"a": 0}', YES),
        (json_object, {"keys": ["a"]}, '{"a": false}', YES),
        (json_object, {"keys": ["a"]}, '{"a": 1}\nHope this helps!', NO),
        (json_object, {"keys": ["a"]}, '{"a": NaN}', NO),
        (json_object, {"keys": ["a"]}, "{'a': 1}", NO),
        (json_object, {"keys": ["a"]}, '{"a": 1}{"a": 1}', NO),
        (json_object, {"keys": ["a"]}, '```JSON\n{"a": "```"}\n```\n', YES),
        (json_matching, {"schema": SCHEMA}, '```json\n{"a": ["x"]}\n```', YES),
        (json_matching, {"schema": SCHEMA}, '{"a": []}', NO),
        (json_matching, {"schema": SCHEMA}, '{"a": ["x"], "b": 1}', NO),
        (json_matching, {"schema": SCHEMA}, '{"a": ["x"], "a": ["y"]}', NO),
        (json_matching, {"schema": SCHEMA}, 'Sure! {"a": ["x"]}', NO),
        (json_matching, {"schema": SCHEMA}, '```json\n{"a": ["x"]}\n```\n```\n\n```', NO),
        (yaml_mapping, {"keys": ["a", "b"]}, "a: x\nb:\n  - y", YES),
        (yaml_mapping, {"keys": ["a", "b"]}, "```yaml\na: x\nb: y\n```", YES),
        (yaml_mapping, {"keys": ["a", "b"]}, "a: x\nb:", NO),
        (yaml_mapping, {"keys": ["a"]}, "Here you go:\na: x", NO),
        (yaml_mapping, {"keys": ["a"]}, "- a: x", NO),
        (yaml_mapping, {"keys": ["a"]}, "a: !!python/object/apply:os.system [ls]", NO),
        (yaml_mapping, {"keys": ["a"]}, "a: x\na: y", NO),
        (csv_rows, {"columns": ["a", "b"], "n": 1}, 'a,b\n"x, y",z', YES),
        (csv_rows, {"columns": ["a", "b"], "n": 1}, "A, B\nx, y\n", YES),
        (csv_rows, {"columns": ["a", "b"], "n": 1}, "a,b\nx", NO),
        (csv_rows, {"columns": ["a", "b"], "n": 1}, "a,b\nx,", NO),
        (csv_rows, {"columns": ["a", "b"], "n": 2}, "a,b\nx,y", NO),
        (csv_rows, {"columns": ["a", "b"], "n": 1}, "Sure!\na,b\nx,y", NO),
    ],
)
def test_a_text_meets_it_or_does_not(kind, kwargs, text, met):
    verdict = kind(text, **kwargs)
    assert verdict.met is met, verdict.reason


@pytest.mark.parametrize(
    ("id_", "kwargs", "text", "repaired"),
    [
        ("format/json_object", {"keys": ["answer"]}, ANSWER, None),
    ],
)
def test_an_answer_is_repaired_or_left_alone(id_, kwargs, text, repaired):
    assert repair(required(id_, **kwargs), text) == repaired


NAMES = st.text("abcdefghijkmopqrstuvwz", min_size=3, max_size=9).filter(lambda name: name not in ("true", "yes"))


@given(st.lists(NAMES, min_size=2, max_size=6, unique=True), st.integers(1, 5), st.data())
def test_csv_of_drawn_shapes(columns, n, data):
    rows = "\n".join(",".join(row) for row in [columns, *([data.draw(NAMES) for _ in columns] for _ in range(n))])
    assert csv_rows(rows, columns=columns, n=n).met
    assert not csv_rows(rows + ",x", columns=columns, n=n).met
    assert not csv_rows(rows, columns=columns[::-1], n=n).met
    assert not csv_rows(rows, columns=columns, n=n + 1).met


@given(st.lists(NAMES, min_size=2, max_size=6, unique=True), st.text(min_size=1).filter(str.strip))
def test_yaml_of_drawn_keys(keys, value):
    text = yaml.safe_dump(dict.fromkeys(keys, value), allow_unicode=True)
    assert yaml_mapping(text, keys=keys).met
    assert not yaml_mapping(text, keys=keys[1:]).met
    assert not yaml_mapping(f"Sure, here it is.\n{text}", keys=keys).met


@given(st.sampled_from(TAXONOMY["format/json_schema"].params["schema"]["choice"]), st.data())
def test_json_of_the_shipped_schemas(schema, data):
    def value(part):
        if "enum" in part:
            return data.draw(st.sampled_from(part["enum"]))
        if part["type"] == "array":
            return [value(part["items"]) for _ in range(part["minItems"])]
        if part["type"] == "string":
            return data.draw(st.text(min_size=1, max_size=part["maxLength"]))
        return data.draw(st.booleans() if part["type"] == "boolean" else st.integers(part["minimum"], part["maximum"]))

    good = {name: value(part) for name, part in schema["properties"].items()}
    assert json_matching(json.dumps(good), schema=schema).met
    missing = data.draw(st.sampled_from(sorted(good)))
    assert not json_matching(json.dumps({k: v for k, v in good.items() if k != missing}), schema=schema).met
    assert not json_matching(json.dumps({**good, missing: None}), schema=schema).met
