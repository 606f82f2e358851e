"""Data: answers that are JSON, YAML or CSV and nothing else; a Markdown code fence around them is allowed."""

import csv
import json
import re
from collections.abc import Sequence
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from ecd_data.core.hashing import canonical_json
from ecd_data.core.templates import LOADER
from ecd_data.core.values import Verdict
from ecd_data.requirements.grammars import DIGIT, LETTER, Schema, literal, object_schema
from ecd_data.requirements.kind import kind
from ecd_data.requirements.text import first_sentence

FENCED = re.compile(r"\s*```(\w*)[ \t]*\n(.*)\n[ \t]*```\s*", re.DOTALL)
LONGEST = 100_000  # characters of YAML that are parsed; no answer is that long


def _object_of_strings(max_chars: int, *, keys: Sequence[str]) -> Schema:
    text = {"type": "string", "minLength": 1, "maxLength": max_chars // (2 * len(keys))}
    return object_schema(dict.fromkeys(keys, text))


def _put_into_object(answer: str, *, keys: Sequence[str]) -> str:
    return json.dumps(dict.fromkeys(keys, first_sentence(answer)))


@kind(grammar=_object_of_strings, completion=_put_into_object)
def json_object(text: str, *, keys: Sequence[str]) -> Verdict:
    """Require one JSON object and nothing else, with exactly these keys, each once and with a value."""
    try:
        value = _parse_json(text)
    except (ValueError, RecursionError):
        return Verdict(False, "not JSON alone, or a key twice")
    if not isinstance(value, dict):
        return Verdict(False, "no JSON object")
    if set(value) != set(keys):
        return Verdict(False, f"keys {', '.join(value)[:100] or 'none'}")
    empty = [key for key in keys if _is_empty(value[key])]
    return Verdict(not empty, f"no value for {', '.join(empty)}" if empty else "a JSON object with these keys")


def _schema(max_chars: int, *, schema: Schema) -> Schema:
    return {key: value for key, value in schema.items() if key != "description"}


@kind(grammar=_schema)
def json_matching(text: str, *, schema: Schema) -> Verdict:
    """Require JSON and nothing else, valid against a JSON Schema (2020-12)."""
    try:
        value = _parse_json(text)
    except (ValueError, RecursionError):
        return Verdict(False, "not JSON alone")
    in_order = json.loads(canonical_json(schema))  # the first error is the same wherever the schema was stored
    error = next(Draft202012Validator(in_order).iter_errors(value), None)
    if error:
        return Verdict(False, f"{error.json_path}: {error.message[:100]}")
    return Verdict(True, "JSON as asked")


def _lines_of_yaml(max_chars: int, *, keys: Sequence[str]) -> str:
    value = f"[{LETTER}][{LETTER} ]{{8,{max(10, max_chars // len(keys) - 16)}}}[.]"
    return "\\n".join(f"{literal(key)}: {value}" for key in keys)


@kind(grammar=_lines_of_yaml)
def yaml_mapping(text: str, *, keys: Sequence[str]) -> Verdict:
    """Require one YAML mapping and nothing else, with exactly these keys, each with a value."""
    body = unfenced(text, "yaml", "yml")
    if ":" not in body or len(body) > LONGEST:
        return Verdict(False, "no YAML mapping")
    loader = LOADER(body)
    try:
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            return Verdict(False, "no YAML mapping")
        all_keys = [str(key.value) for key, _ in node.value]
        value = loader.construct_document(node)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        return Verdict(False, "not YAML alone")
    finally:
        loader.dispose()
    if sorted(all_keys) != sorted(keys) or set(value) != set(keys):
        return Verdict(False, f"keys {', '.join(all_keys)[:100] or 'none'}")
    empty = [key for key in keys if _is_empty(value[key])]
    return Verdict(not empty, f"no value for {', '.join(empty)}" if empty else "a YAML mapping with these keys")


def _lines_of_csv(max_chars: int, *, columns: Sequence[str], n: int) -> str:
    cell = f"[{LETTER}][{LETTER}{DIGIT} ]{{1,{max(8, max_chars // (n * len(columns)) - 5)}}}[{LETTER}]"
    row = ",".join([cell] * len(columns))
    return "\\n".join([",".join(map(literal, columns)), *[row] * n])


@kind(grammar=_lines_of_csv)
def csv_rows(text: str, *, columns: Sequence[str], n: int) -> Verdict:
    """Require CSV and nothing else: a head with exactly these columns and `n` rows without an empty field."""
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


def unfenced(text: str, *languages: str) -> str:
    """Return what stands inside the one code fence around a text, if it is marked with a language or nothing."""
    match = FENCED.fullmatch(text) if "```" in text else None
    return match[2] if match and match[1].casefold() in ("", *languages) and "\n```" not in match[2] else text


def _parse_json(text: str) -> Any:
    """Return the value that a text gives as JSON, with or without a fence around it.

    Raises:
        ValueError: it is not JSON alone, or an object has a key twice.
        RecursionError: it is nested too deeply.
    """
    return json.loads(unfenced(text, "json"), parse_constant=_refuse_constant, object_pairs_hook=_object)


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("an object has a key twice")
    return dict(pairs)


def _is_empty(value: Any) -> bool:
    return (value.strip() if isinstance(value, str) else value) in (None, "", [], {})
