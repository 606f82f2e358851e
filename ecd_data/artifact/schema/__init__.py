"""The gate: every row of a build validates against its config's JSON Schema (2020-12), or nothing is written."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from importlib import resources
from typing import Annotated, Any, Literal

import msgspec
from jsonschema import Draft202012Validator, validators

from ecd_data.core.errors import GateError
from ecd_data.core.hashing import canonical_json, sha256

ECD = "ecd"  # the builder whose schemas are the files as they stand; what others have otherwise is in `<name>.json`
CONFIGS = ("preference", "sft", "chains", "rejects")
OWN = ("ties",)  # ECD's, beside those that all have
OBJECT = {"type", "properties", "required", "additionalProperties"}
ANNOTATIONS = {"$schema", "$id", "$defs", "title", "description", "contentMediaType"}
SCALARS = {"string": str, "integer": int, "number": float, "boolean": bool}
BOUNDS = {
    "pattern": "pattern",
    "minLength": "min_length",
    "minItems": "min_length",
    "maxItems": "max_length",
    "minimum": "ge",
    "maximum": "le",
    "exclusiveMinimum": "gt",
    "exclusiveMaximum": "lt",
}
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
    """Whether a row is valid beyond doubt, which takes a fraction of the time of `jsonschema` on the whole row.

    The schema becomes a type that msgspec holds the row against, to which a tuple is as good as a list, as it is to
    Arrow. Fields that no type describes are judged by `jsonschema`, once for each value.
    """
    schema = json.loads(schema_text(config, builder))
    definitions = schema["$defs"]
    if schema.keys() - ANNOTATIONS != OBJECT:
        return lambda row: False  # it asks for something of the row as a whole
    types, judged = {}, {}
    for name, field in schema["properties"].items():
        try:
            types[name] = _type(field, definitions)
        except LookupError:
            types[name], judged[name] = Any, _remembered(field, definitions)
    row_type = msgspec.defstruct("Row", types.items(), forbid_unknown_fields=True)

    def is_certain(row: Any) -> bool:
        try:
            msgspec.convert(row, row_type)
        except (msgspec.ValidationError, UnicodeEncodeError):  # half of a surrogate pair
            return False
        return all(is_valid(row[name]) for name, is_valid in judged.items())

    return is_certain


def _type(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Any:
    """A type whose values are all valid, whatever else may be.

    Raises:
        LookupError: the schema has a keyword that no type expresses.
    """
    keywords = {name: value for name, value in schema.items() if name not in ANNOTATIONS}
    if keywords.keys() == {"$ref"}:
        return _type(definitions[schema["$ref"].removeprefix("#/$defs/")], definitions)
    if keywords.keys() <= {"enum", "const"}:
        return Literal[_texts(schema)]
    if keywords.keys() == {"anyOf"}:
        return Annotated[str, msgspec.Meta(pattern=_pattern(schema, definitions))]
    kind = keywords.pop("type")
    if kind == "object":
        fields = {name: _type(field, definitions) for name, field in keywords.pop("properties").items()}
        if keywords != {"required": [*fields], "additionalProperties": False}:
            raise LookupError(keywords)
        return msgspec.defstruct("Object", fields.items(), forbid_unknown_fields=True)
    items = list[_type(keywords.pop("items"), definitions)] if kind == "array" else None  # type: ignore[misc]
    bounds = {BOUNDS[name]: value for name, value in keywords.items()}
    if kind == "number" and not bounds:
        raise LookupError("a bound is what leaves out NaN")
    return Annotated[items or SCALARS[kind], msgspec.Meta(**bounds)] if bounds else items or SCALARS[kind]


def _pattern(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """What is found in just the texts that are valid; raises as `_type` does."""
    if schema.keys() == {"$ref"}:
        return _pattern(definitions[schema["$ref"].removeprefix("#/$defs/")], definitions)
    if "anyOf" in schema:
        return "|".join(_pattern(one, definitions) for one in schema["anyOf"])
    if schema.keys() == {"type", "pattern"}:
        return str(schema["pattern"])
    return rf"\A(?:{'|'.join(map(re.escape, _texts(schema)))})\Z"


def _texts(schema: Mapping[str, Any]) -> tuple[str, ...]:
    """The texts that an `enum` or a `const` allows; raises as `_type` does."""
    texts = tuple(schema.get("enum") or [schema["const"]])
    if not all(isinstance(text, str) for text in texts):
        raise LookupError(texts)
    return texts


def _remembered(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Callable[[Any], bool]:
    """Whether a value of a field is valid beyond doubt: a list that is, by its items."""
    judge = Validator({**schema, "$defs": definitions})
    known = lru_cache(REMEMBERED, typed=True)(lambda *items: judge.is_valid([*items]))  # typed, since True is no 1
    return lambda value: (
        type(value) is list and all(type(item) in SCALARS.values() for item in value) and known(*value)
    )
