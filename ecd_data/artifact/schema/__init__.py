"""The gate: every row of a build validates against its config's JSON Schema (2020-12), or nothing is written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from jsonschema import Draft202012Validator

from ecd_data.errors import GateError
from ecd_data.values import canonical_json, sha256

CONFIGS = ("preference", "sft", "chains", "rejects")


def schema_text(config: str) -> str:
    """The schema file of a config, as it is published."""
    return (resources.files("ecd_data.artifact.schema") / f"{config}.schema.json").read_text(encoding="utf-8")


@cache
def schemas_hash() -> str:
    """SHA-256 over all schemas."""
    return sha256(canonical_json({config: schema_text(config) for config in CONFIGS}))


@cache
def _validator(config: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(schema_text(config)))


def gate(config: str, row: Mapping[str, Any]) -> None:
    """Lets a valid row pass.

    Raises:
        GateError: names the row, the field and what is wrong with it.
    """
    errors = sorted(_validator(config).iter_errors(row), key=lambda error: [str(part) for part in error.path])
    if errors:
        where = ".".join(map(str, errors[0].path)) or "the row"
        message = errors[0].message if len(errors[0].message) < 300 else errors[0].message[:300] + " ..."
        raise GateError(f"{config} row {row.get('id', '(without id)')!r}: {where}: {message}")
