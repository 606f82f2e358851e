"""Grammars: a regular expression or a JSON Schema that forces an answer to meet a requirement, where one can.

The expressions keep to what both TGI's and llama.cpp's engines take: no anchors, look-around or back-references. They
are bounded, so that an answer can end before its tokens run out. Capitals are left to `repair`: small models write
gibberish when nothing else is allowed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from ecd_data.requirements.taxonomy import load_taxonomy
from ecd_data.values import Grammar, Requirement

SHORT = 20  # characters that a forced text has at least
LINE = 100  # characters that a last line has at most
LETTER, DIGIT, MARK = "a-zA-Z", "0-9", " ;:'()\\-"


def grammar(requirement: Requirement, max_chars: int) -> Grammar | None:
    """The grammar that forces a requirement on an answer of at most `max_chars` characters, or `None`.

    In a list `max_chars` bounds each item, and in a JSON answer the values share it. Bounds under about 150 leave
    some kinds no room; they then allow a little more.
    """
    make = GRAMMARS.get(load_taxonomy()[requirement.id].check)
    return None if make is None else make(max_chars, **requirement.kwargs)


def _prose(high: int, letters: str = LETTER + DIGIT, marks: str = ",.!?", low: int = SHORT) -> str:
    """A regular expression for `low` to `high` characters of prose: a letter first, a letter and a full stop last."""
    first = letters.replace(DIGIT, "")
    return f"[{first}][{letters}{MARK}{marks}]{{{low - 3},{max(low, high) - 3}}}[{letters}][.]"


def _literal(text: str) -> str:
    return re.sub(r"[^\w\s:,]", lambda match: f"[{match[0]}]", text)


def _regex(*parts: str) -> Grammar:
    return Grammar("regex", "".join(parts))


def _without(max_chars: int, characters: str, name: str) -> Grammar:
    return _regex(_prose(max_chars, marks="".join(mark for mark in ",.!?" if mark not in characters)))


def _list(max_chars: int, markers: Sequence[str]) -> Grammar:
    # An item ends at its first full stop. A tight bound would cut it in mid-sentence instead.
    item = _prose(max_chars, marks=",", low=8)
    return _regex("\\n".join(marker + item for marker in markers))


def _last_line(max_chars: int, label: str) -> Grammar:
    line = f"[{LETTER}{DIGIT}][{LETTER}{DIGIT}{MARK},.]{{0,{LINE - 3}}}[{LETTER}{DIGIT}][.]"
    return _regex(_prose(max_chars - LINE - len(label) - 2), "\\n", label, " ", line)


def _object(max_chars: int, keys: Sequence[str]) -> Grammar:
    texts = {key: {"type": "string", "minLength": 1, "maxLength": max_chars // (2 * len(keys))} for key in keys}
    return Grammar(
        "json", {"type": "object", "properties": texts, "required": list(keys), "additionalProperties": False}
    )


GRAMMARS: dict[str, Callable[..., Grammar]] = {
    "lower_case": lambda max_chars: _regex(_prose(max_chars, "a-z" + DIGIT)),
    "no_characters": _without,
    "no_digits": lambda max_chars: _regex(_prose(max_chars, LETTER)),
    "bullet_count": lambda max_chars, n: _list(max_chars, ["- "] * n),
    "numbered_steps": lambda max_chars, n: _list(max_chars, [f"{number}[.] " for number in range(1, n + 1)]),
    "paragraph_count": lambda max_chars, relation, n: _regex("\\n\\n".join([_prose(max_chars // n - 2)] * n)),
    "json_object": _object,
    "wrapped_in_quotes": lambda max_chars: _regex('"', _prose(max_chars - 2), '"'),
    "title": lambda max_chars: _regex("<<[A-Z][a-zA-Z ]{1,39}[a-z]>>\\n\\n", _prose(max_chars - 47)),
    "starts_with": lambda max_chars, phrase: _regex(_literal(phrase), "[,:] ", _prose(max_chars - len(phrase) - 2)),
    "ends_with": lambda max_chars, phrase: _regex(_prose(max_chars - len(phrase) - 1), " ", _literal(phrase)),
    "postscript": lambda max_chars: _last_line(max_chars, "\\nP[.]S[.]"),
    "line_starting": lambda max_chars, label: _last_line(max_chars, _literal(label)),
    "last_line_starting": lambda max_chars, label: _last_line(max_chars, _literal(label)),
}
