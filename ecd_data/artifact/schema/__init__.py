"""The gate: every row of a build validates against its config's JSON Schema (2020-12), or nothing is written."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from functools import cache, lru_cache, partial
from importlib import resources
from typing import Any

from jsonschema import Draft202012Validator, validators

from ecd_data.errors import GateError
from ecd_data.values import canonical_json, sha256

CONFIGS = ("preference", "sft", "chains", "rejects")
OBJECT = {"type", "properties", "required", "additionalProperties"}
ARRAY = {"type", "items", "minItems", "maxItems"}
ANNOTATIONS = {"$schema", "$id", "$defs", "title", "description", "contentMediaType"}
SCALARS = (str, int, float)
REMEMBERED = 256  # values of a field whose validity is known
# NaN is no number in JSON, and no bound of a schema catches it.
_types = Draft202012Validator.TYPE_CHECKER
Validator = validators.extend(
    Draft202012Validator,
    type_checker=_types.redefine(
        "number", lambda checker, value: _types.is_type(value, "number") and not math.isnan(value)
    ),
)


def schema_text(config: str) -> str:
    """The schema file of a config, as it is published."""
    return (resources.files("ecd_data.artifact.schema") / f"{config}.schema.json").read_text(encoding="utf-8")


def description(config: str) -> str:
    """What a row of a config is, in a sentence without its full stop: the title of the schema."""
    return str(json.loads(schema_text(config))["title"])


@cache
def schemas_hash() -> str:
    """SHA-256 over all schemas."""
    return sha256(canonical_json({config: schema_text(config) for config in CONFIGS}))


@cache
def _validator(config: str) -> Any:
    return Validator(json.loads(schema_text(config)))


def gate(config: str, row: Mapping[str, Any]) -> None:
    """Lets a valid row pass.

    Raises:
        GateError: names the row, the field and what is wrong with it.
    """
    if fault := row_fault(config, row):
        raise GateError(f"{config} row {row.get('id', '(without id)')!r}: {fault}")


def row_fault(config: str, row: Mapping[str, Any]) -> str:
    """The first field of a row that is not as the schema has it, and why; an empty text when there is none."""
    if _shortcut(config)(row):
        return ""
    errors = sorted(_validator(config).iter_errors(row), key=lambda error: [str(part) for part in error.path])
    if not errors:
        return ""
    where = ".".join(map(str, errors[0].path)) or "the row"
    message = errors[0].message if len(errors[0].message) < 300 else errors[0].message[:300] + " ..."
    return f"{where}: {message}"


@cache
def _shortcut(config: str) -> Callable[[Any], bool]:
    """Whether a row is valid beyond doubt, which takes a fraction of the time of `jsonschema` on the whole row."""
    schema = json.loads(schema_text(config))
    return _certain(schema, schema["$defs"])


def _certain(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Callable[[Any], bool]:
    """Whether a value is valid beyond doubt.

    Objects with just the fields of the schema, and arrays of an allowed length, are valid if what they hold is, and
    strings if their pattern is found. Anything else is judged by `jsonschema`, once for each value of a field.
    """
    if schema.keys() == {"$ref"}:
        return _certain(definitions[schema["$ref"].removeprefix("#/$defs/")], definitions)
    keywords = schema.keys() - ANNOTATIONS
    if keywords == OBJECT and schema["type"] == "object" and schema["additionalProperties"] is False:
        fields = {name: _certain(field, definitions) for name, field in schema["properties"].items()}
        if fields.keys() == set(schema["required"]):
            return partial(_certain_object, fields)
    if {"type", "items"} <= keywords <= ARRAY and schema["type"] == "array":
        item, low, high = _certain(schema["items"], definitions), schema.get("minItems", 0), schema.get("maxItems")
        longest = math.inf if high is None else high
        return lambda value: type(value) is list and low <= len(value) <= longest and all(map(item, value))
    if {"type"} <= keywords <= {"type", "pattern"} and schema["type"] == "string":
        if "pattern" not in schema:
            return lambda value: type(value) is str
        found = re.compile(schema["pattern"]).search
        return lambda value: type(value) is str and found(value) is not None
    judge = Validator({**schema, "$defs": definitions})
    # Typed, since True is no 1. What cannot be looked up is no value of a valid row.
    if schema.get("type") == "array":
        known_items = lru_cache(REMEMBERED, typed=True)(lambda *items: judge.is_valid([*items]))
        return lambda value: (
            type(value) is list and all(isinstance(item, SCALARS) for item in value) and known_items(*value)
        )
    known = lru_cache(REMEMBERED, typed=True)(judge.is_valid)
    return lambda value: isinstance(value, SCALARS) and known(value)


def _certain_object(fields: Mapping[str, Callable[[Any], bool]], value: Any) -> bool:
    # A loop: `all` and a generator take half as long again, and every row has dozens of objects.
    if type(value) is not dict or value.keys() != fields.keys():
        return False
    for name, certain in fields.items():  # noqa: SIM110
        if not certain(value[name]):
            return False
    return True
