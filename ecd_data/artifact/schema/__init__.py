"""The gate: every row of a build validates against its config's JSON Schema (2020-12), or nothing is written.

Each method has a folder here with the schemas of its configs, as they are published.
"""

import json
import math
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

import jsonschema_rs
from jsonschema import Draft202012Validator, validators

from ecd_data.core.errors import GateError
from ecd_data.core.hashing import canonical_json, sha256

ECD = "ecd"
CONFIGS = ("preference", "sft", "chains", "rejects")  # of every method
SCHEMAS = resources.files("ecd_data.artifact.schema")
SUFFIX = ".schema.json"
LONGEST_MESSAGE = 300  # characters

# JSON has neither NaN nor infinity; and a tuple is as good as a list, as it is to Arrow and to jsonschema-rs.
_types = Draft202012Validator.TYPE_CHECKER
_Validator = validators.extend(
    Draft202012Validator,
    type_checker=_types.redefine_many(
        {
            "number": lambda _, value: _types.is_type(value, "number") and abs(value) < math.inf,
            "array": lambda _, value: isinstance(value, (list, tuple)),
        }
    ),
)


@cache
def configs(builder: str = ECD) -> tuple[str, ...]:
    """Return the configs of a builder's datasets: those of every method, then its own."""
    names = {file.name.removesuffix(SUFFIX) for file in (SCHEMAS / builder).iterdir()}
    return (*CONFIGS, *sorted(names.difference(CONFIGS)))


def schema_text(config: str, builder: str = ECD) -> str:
    """Return the schema file of a builder's config, as it is published."""
    return (SCHEMAS / builder / f"{config}{SUFFIX}").read_text(encoding="utf-8")


def description(config: str, builder: str = ECD) -> str:
    """Return the title of a schema: what a row of the config is, in a sentence without its full stop."""
    return str(json.loads(schema_text(config, builder))["title"])


@cache
def schemas_hash(builder: str = ECD) -> str:
    """Return the SHA-256 over all schemas of a builder."""
    return sha256(canonical_json({config: schema_text(config, builder) for config in configs(builder)}))


def gate(config: str, row: Mapping[str, Any], builder: str = ECD) -> None:
    """Raise GateError, which names the row, the field and what is wrong with it, unless the row fits its schema."""
    if fault := row_fault(config, row, builder):
        raise GateError(f"{config} row {row.get('id', '(without id)')!r}: {fault}")


def row_fault(config: str, row: Mapping[str, Any], builder: str = ECD) -> str:
    """Return the path of the first field that does not fit the schema, and why; an empty text if the row fits."""
    try:
        if _fast_validator(config, builder).is_valid(row):
            return ""
    except ValueError:  # a value that has no JSON: bytes, or a text with half a surrogate pair
        pass
    errors = _validator(config, builder).iter_errors(row)
    first = min(errors, key=lambda error: [str(part) for part in error.path], default=None)
    if first is None:
        return ""
    path = ".".join(map(str, first.path)) or "the row"
    return f"{path}: {first.message[:LONGEST_MESSAGE]}{' ...' if len(first.message) >= LONGEST_MESSAGE else ''}"


@cache
def _fast_validator(config: str, builder: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(json.loads(schema_text(config, builder)))


@cache
def _validator(config: str, builder: str) -> Any:
    """Return the validator that explains what is wrong, a hundred times as slow."""
    return _Validator(json.loads(schema_text(config, builder)))
