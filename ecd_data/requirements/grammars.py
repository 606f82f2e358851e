"""Regular expressions that the kinds build their grammars of.

They keep to what both TGI's and llama.cpp's engines take: no anchors, look-around or back-references. They are
bounded, so that an answer can end before its tokens run out. Capitals are left to repairs: small models write
gibberish when nothing else is allowed.
"""

import re
from collections.abc import Sequence

from ecd_data.requirements.kind import MakeGrammar, Schema

SHORT = 20  # characters that forced prose has at least
LINE = 100  # characters that a last line has at most
LETTER, DIGIT, MARK = "a-zA-Z", "0-9", " ;:'()\\-"


def object_schema(properties: Schema) -> Schema:
    """Return the JSON Schema of an object with exactly these properties, which are schemas by name."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def literal(text: str) -> str:
    """Return the pattern of a text; what is special inside a character class too is escaped instead."""
    return re.sub(r"[^\w\s:,]", lambda match: f"\\{match[0]}" if match[0] in "[]^\\" else f"[{match[0]}]", text)


def prose(high: int, letters: str = LETTER + DIGIT, marks: str = ",.!?", low: int = SHORT) -> str:
    """Return the pattern of `low` to `high` characters of prose: a letter first, a letter and a full stop last."""
    first = letters.replace(DIGIT, "")
    return f"[{first}][{letters}{MARK}{marks}]{{{low - 3},{max(low, high) - 3}}}[{letters}][.]"


def sentence(max_chars: int, end: str = "[.]") -> str:
    """Return the pattern of one sentence without digits or inner marks."""
    return f"[A-Z][{LETTER} ,]{{8,{min(max_chars, 160) - 6}}}[a-z]{{4}}{end}"


def around(max_chars: int, *parts: str) -> str:
    """Return the pattern of prose with other patterns inside, in their order, each a word of its own."""
    room = max(8, (max_chars - sum(map(len, parts))) // (len(parts) + 1) - 8)
    between = f"[{LETTER} ,']{{0,{room}}}[a-z]"
    return "".join([f"[A-Z]{between}", *(f" {part} [a-z]{between}" for part in parts), "[.]"])


def prose_with(pattern: str) -> MakeGrammar:
    """Return the grammar of prose with a pattern inside, `n` times or once."""

    def grammar(max_chars: int, *, n: int = 1) -> str:
        return around(max_chars, *[pattern] * n)

    return grammar


def prose_with_keywords(max_chars: int, *, keywords: Sequence[str]) -> str:
    """Return the grammar of one sentence with all keywords inside, in their order."""
    return around(max_chars, *map(literal, keywords))


def prose_and_last_line(max_chars: int, start: str) -> str:
    """Return the pattern of prose and a last line that begins with another pattern."""
    line = f"[{LETTER}{DIGIT}][{LETTER}{DIGIT}{MARK},.]{{0,{LINE - 3}}}[{LETTER}{DIGIT}][.]"
    return f"{prose(max_chars - LINE - len(start) - 2)}\\n{start} {line}"
