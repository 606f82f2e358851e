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

from ecd_data.canonical import canonical_json, sha256
from ecd_data.errors import GateError

ECD = "ecd"  # the builder whose schemas are the files as they stand; what others have otherwise is in `<name>.json`
CONFIGS = ("preference", "sft", "chains", "rejects")
OWN = ("ties",)  # ECD's, beside those that all have
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


def configs(builder: str = ECD) -> tuple[str, ...]:
    """The configs of a builder's datasets: the common ones and its own."""
    own = OWN if builder == ECD else (config for config in _changes(builder) if config not in CONFIGS)
    return (*CONFIGS, *own)


def schema_text(config: str, builder: str = ECD) -> str:
    """The schema file of a builder's config, as it is published."""
    text = _read(f"{config}.schema.json")
    if builder == ECD:
        return text
    schema = json.loads(text)
    for changes in (_common_changes(), _changes(builder)):
        schema = _changed(schema, changes.get(config, {}))
    schema["required"] = [name for name in schema["required"] if name in schema["properties"]]
    schema["$id"] = schema["$id"].replace("urn:ecd:", f"urn:ecd:{builder}:")
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"


def _read(name: str) -> str:
    return (resources.files("ecd_data.artifact.schema") / name).read_text(encoding="utf-8")


@cache
def _common_changes() -> dict[str, Any]:
    """What the rows of all builders but ECD have in another way than its own, by config."""
    return dict(json.loads(_read("others.json")))


@cache
def _changes(builder: str) -> dict[str, Any]:
    """What a builder's rows have in another way than those of all others, and its own configs."""
    return {} if builder == ECD else dict(json.loads(_read(f"{builder}.json")))


def _changed(schema: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A schema with changes: objects are merged, items added to arrays, `null` removes a keyword."""
    changed = dict(schema)
    for key, value in changes.items():
        if value is None:
            changed.pop(key, None)
        elif isinstance(value, dict):
            changed[key] = _changed(changed.get(key, {}), value)
        elif isinstance(value, list):
            changed[key] = [*changed.get(key, []), *value]
        else:
            changed[key] = value
    return changed


def description(config: str, builder: str = ECD) -> str:
    """What a row of a config is, in a sentence without its full stop: the title of the schema."""
    return str(json.loads(schema_text(config, builder))["title"])


@cache
def schemas_hash(builder: str = ECD) -> str:
    """SHA-256 over all schemas of a builder."""
    return sha256(canonical_json({config: schema_text(config, builder) for config in configs(builder)}))


@cache
def _validator(config: str, builder: str) -> Any:
    return Validator(json.loads(schema_text(config, builder)))


def gate(config: str, row: Mapping[str, Any], builder: str = ECD) -> None:
    """Lets a valid row pass.

    Raises:
        GateError: names the row, the field and what is wrong with it.
    """
    if fault := row_fault(config, row, builder):
        raise GateError(f"{config} row {row.get('id', '(without id)')!r}: {fault}")


def row_fault(config: str, row: Mapping[str, Any], builder: str = ECD) -> str:
    """The first field of a row that is not as the schema has it, and why; an empty text when there is none."""
    if _shortcut(config, builder)(row):
        return ""
    errors = sorted(_validator(config, builder).iter_errors(row), key=lambda error: [str(part) for part in error.path])
    if not errors:
        return ""
    where = ".".join(map(str, errors[0].path)) or "the row"
    message = errors[0].message if len(errors[0].message) < 300 else errors[0].message[:300] + " ..."
    return f"{where}: {message}"


@cache
def _shortcut(config: str, builder: str) -> Callable[[Any], bool]:
    """Whether a row is valid beyond doubt, which takes a fraction of the time of `jsonschema` on the whole row."""
    schema = json.loads(schema_text(config, builder))
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
