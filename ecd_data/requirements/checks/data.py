"""Data: answers that are JSON, YAML or CSV and nothing else; a Markdown code fence around them is allowed."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from ecd_data.core.hashing import canonical_json
from ecd_data.core.values import Verdict
from ecd_data.requirements.taxonomy import LOADER

FENCED = re.compile(r"\s*```(\w*)[ \t]*\n(.*)\n[ \t]*```\s*", re.DOTALL)
LONGEST = 100_000  # characters of YAML that are parsed; no answer is that long


def unfenced(text: str, *languages: str) -> str:
    """The text, or what stands inside the one code fence around it when that is marked with a language or nothing."""
    match = FENCED.fullmatch(text) if "```" in text else None
    return match[2] if match and match[1].casefold() in ("", *languages) and "\n```" not in match[2] else text


def json_object(text: str, *, keys: Sequence[str]) -> Verdict:
    """The whole text is one JSON object with exactly these keys, each there once and with a value."""
    try:
        value = json.loads(unfenced(text, "json"), parse_constant=_refuse, object_pairs_hook=_distinct)
    except (ValueError, RecursionError):
        return Verdict(False, "not JSON alone, or a key twice")
    if not isinstance(value, dict):
        return Verdict(False, "no JSON object")
    if set(value) != set(keys):
        return Verdict(False, f"keys {', '.join(value)[:100] or 'none'}")
    empty = [key for key in keys if _empty(value[key])]
    return Verdict(not empty, f"no value for {', '.join(empty)}" if empty else "a JSON object with these keys")


def json_matching(text: str, *, schema: Mapping[str, Any]) -> Verdict:
    """The whole text is JSON that is valid against a JSON Schema (2020-12)."""
    try:
        value = json.loads(unfenced(text, "json"), parse_constant=_refuse, object_pairs_hook=_distinct)
    except (ValueError, RecursionError):
        return Verdict(False, "not JSON alone")
    error = next(_validator(canonical_json(schema)).iter_errors(value), None)
    if error:
        return Verdict(False, f"{error.json_path}: {error.message[:100]}")
    return Verdict(True, "JSON as asked")


def yaml_mapping(text: str, *, keys: Sequence[str]) -> Verdict:
    """The whole text is one YAML mapping with exactly these keys, none of them without a value."""
    body = unfenced(text, "yaml", "yml")
    if ":" not in body or len(body) > LONGEST:
        return Verdict(False, "no YAML mapping")
    loader = LOADER(body)
    try:
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            return Verdict(False, "no YAML mapping")
        found = [str(key.value) for key, _ in node.value]
        value = loader.construct_document(node)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        return Verdict(False, "not YAML alone")
    finally:
        loader.dispose()
    if sorted(found) != sorted(keys) or set(value) != set(keys):
        return Verdict(False, f"keys {', '.join(found)[:100] or 'none'}")
    empty = [key for key in keys if _empty(value[key])]
    return Verdict(not empty, f"no value for {', '.join(empty)}" if empty else "a YAML mapping with these keys")


def csv_rows(text: str, *, columns: Sequence[str], n: int) -> Verdict:
    """The whole text is CSV: a head with exactly these columns, then exactly `n` rows without an empty field."""
    body = unfenced(text, "csv").strip()
    try:
        head, *rows = list(csv.reader(body.splitlines(), strict=True, skipinitialspace=True))
    except (csv.Error, ValueError):
        return Verdict(False, "not CSV alone")
    if [cell.strip().casefold() for cell in head] != [column.casefold() for column in columns]:
        return Verdict(False, f"the head is {', '.join(head)[:100]}")
    if any(len(row) != len(head) or not all(cell.strip() for cell in row) for row in rows):
        return Verdict(False, "a row has too many or too few fields, or an empty one")
    return Verdict(len(rows) == n, f"{len(rows)} rows, exactly {n} asked")


def _empty(value: Any) -> bool:
    return (value.strip() if isinstance(value, str) else value) in (None, "", [], {})


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key is there twice")
    return dict(pairs)


@lru_cache(maxsize=64)
def _validator(schema: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(schema))
