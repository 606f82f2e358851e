"""TGI's grammars in LLGuidance's language: `{"type": "regex", "value": "[a-z ]{20,200}"}` -> `/[a-z ]{20,200}/`."""

import json
import re
from collections.abc import Mapping
from typing import Any

# The classes mean their ASCII characters: Unicode's would let a small model write digits of every script.
ASCII_CLASSES = {r"\d": "0-9", r"\w": "A-Za-z0-9_", r"\s": r" \t\n\r"}
# What may not stand in a rule, which is one line between slashes.
SPELLED_OUT = {"/": r"\/", "\n": r"\n", "\r": r"\r", "\\\n": r"\n", "\\\r": r"\r"}
# Free white space lets a small model fill its whole budget with it, so the separators are fixed.
SEPARATORS = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}


def lark(grammar: Mapping[str, Any]) -> str:
    """Return the right-hand side of an LLGuidance rule that matches what TGI's `grammar` (`response_format`) matches.

    Raises:
        ValueError: it is not a grammar of TGI's, or a JSON Schema without top-level `properties`.
    """
    value = grammar.get("value")
    match grammar.get("type"):
        case "regex" if isinstance(value, str):
            return f"/{_regex(value)}/"
        case "json" | "json_object":
            return _json(value)
        case "json_schema" if isinstance(value, Mapping):
            return _json(value.get("schema"))
    raise ValueError('expected {"type": "regex" or "json" or "json_schema", "value": ...}')


def _regex(pattern: str) -> str:
    """Return the pattern as it may stand between slashes: no bare slash, no line break, ASCII classes."""
    in_class = False

    def token(match: re.Match[str]) -> str:
        nonlocal in_class
        text = match.group()
        if text in ASCII_CLASSES:
            return ASCII_CLASSES[text] if in_class else f"[{ASCII_CLASSES[text]}]"
        if text in "[]":
            in_class = text == "["
        return SPELLED_OUT.get(text, text)

    return re.sub(r"\\.|[\[\]/\n\r]", token, pattern, flags=re.DOTALL)


def _json(schema: object) -> str:
    if isinstance(schema, str):  # TGI takes the schema as text, too
        schema = json.loads(schema)
    if not isinstance(schema, dict) or "properties" not in schema:
        raise ValueError("a JSON grammar must be a JSON Schema with a top-level `properties` field")
    return "%json " + json.dumps({**_closed(schema), "x-guidance": SEPARATORS})


def _closed(schema: Any) -> Any:
    """Return the schema with no properties but those it names, in every object, as TGI's grammars have it."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    return {"additionalProperties": False, **closed} if "properties" in closed else closed
