"""Grammars: a regular expression or a JSON Schema that forces an answer to meet a requirement, where one can.

The expressions keep to what both TGI's and llama.cpp's engines take: no anchors, look-around or back-references. They
are bounded, so that an answer can end before its tokens run out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ecd_data.requirements.taxonomy import load_taxonomy
from ecd_data.values import Grammar, Requirement

SHORT = 20  # characters that a forced answer has at least
LETTER, DIGIT, MARK = "a-zA-Z", "0-9", " ;:'()\\-"
END = "[.?!]"


def grammar(requirement: Requirement, max_chars: int) -> Grammar | None:
    """The grammar that forces a requirement on an answer of at most `max_chars` characters, or `None`."""
    make = GRAMMARS.get(load_taxonomy()[requirement.id].check)
    return None if make is None else make(max_chars, **requirement.kwargs)


def _prose(max_chars: int, letters: str, others: str = ",.!?") -> Grammar:
    return Grammar("regex", f"[{letters}{MARK}{others}]{{{SHORT},{max_chars}}}[.]")


def _without(max_chars: int, characters: str, name: str) -> Grammar:
    others = "".join(mark for mark in ",.!?" if mark not in characters)
    return _prose(max_chars, LETTER + DIGIT, others)


def _bullets(max_chars: int, n: int) -> Grammar:
    item = f"- [{LETTER}{DIGIT}{MARK},]{{5,{min(80, max_chars // n)}}}[.]"
    return Grammar("regex", "\\n".join([item] * n))


def _steps(max_chars: int, n: int) -> Grammar:
    item = f"[{LETTER}{DIGIT}{MARK},]{{5,{min(80, max_chars // n)}}}[.]"
    return Grammar("regex", "\\n".join(f"{number}[.] {item}" for number in range(1, n + 1)))


def _object(max_chars: int, keys: Sequence[str]) -> Grammar:
    texts = {key: {"type": "string", "minLength": 1, "maxLength": max_chars // (2 * len(keys))} for key in keys}
    return Grammar(
        "json", {"type": "object", "properties": texts, "required": list(keys), "additionalProperties": False}
    )


GRAMMARS: dict[str, Callable[..., Grammar]] = {
    "lower_case": lambda max_chars: _prose(max_chars, "a-z" + DIGIT),
    "no_characters": _without,
    "no_digits": lambda max_chars: _prose(max_chars, LETTER),
    "bullet_count": _bullets,
    "numbered_steps": _steps,
    "json_object": _object,
    "wrapped_in_quotes": lambda max_chars: Grammar(
        "regex", f'"[{LETTER}{DIGIT}{MARK},.!?]{{{SHORT},{max_chars}}}{END}"'
    ),
}
