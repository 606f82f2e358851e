"""Grammars: a regular expression or a JSON Schema that forces an answer to meet a requirement, where one can.

The expressions keep to what both TGI's and llama.cpp's engines take: no anchors, look-around or back-references. They
are bounded, so that an answer can end before its tokens run out. Capitals are left to `repair`: small models write
gibberish when nothing else is allowed.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ecd_data.core.request import Grammar
from ecd_data.core.values import Requirement
from ecd_data.requirements.taxonomy import load_taxonomy

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
    """A text as a regular expression; what is special inside a character class too is escaped instead."""
    return re.sub(r"[^\w\s:,]", lambda m: f"\\{m[0]}" if m[0] in "[]^\\" else f"[{m[0]}]", text)


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


def _words(max_chars: int, relation: str, n: int) -> Grammar | None:
    low, high = {"at_least": (n, n + 40), "at_most": (min(5, n), n), "exactly": (n, n)}[relation]
    if high * 7 > max_chars and relation == "at_least":
        return None  # the answer would be cut off
    return _regex(f"[{LETTER}]{{2,12}}", f"(,? [{LETTER}]{{1,12}}){{{low - 1},{high - 1}}}", "[.]")


def _sentences(max_chars: int, relation: str, n: int) -> Grammar | None:
    low, high = {"at_least": (n, n + 2), "at_most": (1, n), "exactly": (n, n)}[relation]
    if max_chars < high * 40:
        return None
    one = _sentence(max_chars // high)
    return _regex(one, f"( {one}){{{low - 1},{high - 1}}}" if high > 1 else "")


def _sentence(max_chars: int, end: str = "[.]") -> str:
    return f"[A-Z][{LETTER} ,]{{8,{min(max_chars, 160) - 6}}}[a-z]{{4}}{end}"


def _short_sentences(max_chars: int, relation: str, n: int) -> Grammar:
    low, high = (n, n + 10) if relation == "at_least" else (3, n)
    one = f"[A-Z][a-z]{{1,11}}(,? [a-z]{{1,12}}){{{low - 2},{high - 2}}} [a-z]{{4,12}}[.]"
    return _regex(one, f"( {one}){{1,{max(1, min(4, max_chars // (high * 8)))}}}")


def _around(max_chars: int, *parts: str) -> Grammar:
    """Prose with the parts inside, in their order, each a word of its own."""
    room = max(8, (max_chars - sum(map(len, parts))) // (len(parts) + 1) - 8)
    between = f"[{LETTER} ,']{{0,{room}}}[a-z]"
    return _regex(f"[A-Z]{between}", *(f" {part} [a-z]{between}" for part in parts), "[.]")


def _said(max_chars: int, keywords: Sequence[str]) -> Grammar:
    return _around(max_chars, *map(_literal, keywords))


def _spelled(max_chars: int, relation: str, letter: str, n: int) -> Grammar:
    if relation == "at_least":
        return _around(max_chars, *[f"[a-z]{{0,4}}{letter}[a-z]{{0,4}}"] * n)
    return _regex(_prose(max_chars, "".join(char for char in string.ascii_letters if char.lower() != letter)))


def _opened(max_chars: int, n: int, place: int, word: str) -> Grammar:
    found = [_prose(max_chars // n - 2)] * n
    found[place - 1] = f"{word.capitalize()} {_prose(max_chars // n - 2 - len(word), low=12)}"
    return _regex("\\n\\n".join(found))


def _placed(max_chars: int, keyword: str, n: int) -> Grammar:
    share = max_chars // (n + 1)
    before = [_sentence(share) + " "] * (n - 1)
    return _regex(*before, _around(share, _literal(keyword)).value, f"( {_sentence(share)}){{0,1}}")  # type: ignore[arg-type]


def _table(max_chars: int, columns: Sequence[str], n: int) -> Grammar:
    head = f"[|] {' [|] '.join(map(_literal, columns))} [|]\\n[|]{' --- [|]' * len(columns)}"
    cell = f"[{LETTER}][{LETTER}{DIGIT} ]{{1,{max(8, max_chars // (n * len(columns)) - 8)}}}[{LETTER}]"
    row = "\\n[|]" + f" {cell} [|]" * len(columns)
    return _regex(head, row * n)


def _csv(max_chars: int, columns: Sequence[str], n: int) -> Grammar:
    cell = f"[{LETTER}][{LETTER}{DIGIT} ]{{1,{max(8, max_chars // (n * len(columns)) - 5)}}}[{LETTER}]"
    return _regex(",".join(map(_literal, columns)), ("\\n" + ",".join([cell] * len(columns))) * n)


def _yaml(max_chars: int, keys: Sequence[str]) -> Grammar:
    value = f"[{LETTER}][{LETTER} ]{{8,{max(10, max_chars // len(keys) - 16)}}}[.]"
    return _regex("\\n".join(f"{_literal(key)}: {value}" for key in keys))


def _labelled(max_chars: int, labels: Sequence[str]) -> Grammar:
    line = _prose(max_chars // len(labels) - 12, marks=",", low=12)
    return _regex("\\n".join(f"{_literal(label)} {line}" for label in labels))


def _headed(max_chars: int, level: int, n: int) -> Grammar:
    part = f"{'#' * level} [A-Z][a-zA-Z ]{{2,30}}[a-z]\\n\\n{_prose(max_chars // n - 40)}"
    return _regex("\\n\\n".join([part] * n))


def _items(max_chars: int, label: str, n: int) -> Grammar:
    item = f"[{LETTER}][a-z ]{{2,24}}[a-z]"
    return _regex(_prose(max_chars - 28 * n - len(label)), "\\n", _literal(label), " ", ", ".join([item] * n))


def _schema(max_chars: int, schema: Mapping[str, Any]) -> Grammar:
    return Grammar("json", {key: value for key, value in schema.items() if key != "description"})


GRAMMARS: dict[str, Callable[..., Grammar | None]] = {
    "word_count": _words,
    "sentence_count": _sentences,
    "character_count": lambda max_chars, relation, n: (
        _regex(_prose(min(n, max_chars))) if relation == "at_most" else None
    ),
    "sentence_length": _short_sentences,
    "include_words": _said,
    "ordered_words": _said,
    "words_in_one_sentence": _said,
    "mentions_phrase": lambda max_chars, phrase: _around(max_chars, _literal(phrase)),
    "word_frequency": lambda max_chars, relation, keyword, n: (
        _around(max_chars, *[_literal(keyword)] * n) if relation == "at_least" else None
    ),
    "letter_count": _spelled,
    "capital_words": lambda max_chars, relation, n: (
        _around(max_chars, *["[A-Z]{2,10}"] * n) if relation == "at_least" else None
    ),
    "one_of": lambda max_chars, options: _regex(
        _prose(max_chars - max(map(len, options)) - 1), f" ({'|'.join(map(_literal, options))})"
    ),
    "word_in_sentence": _placed,
    "palindrome": lambda max_chars: _around(max_chars, "(level|civic|radar|noon|kayak|refer|rotor|solos)"),
    "number_count": lambda max_chars, n: _around(max_chars, *["[1-9][0-9]{0,2}"] * n),
    "percentage": lambda max_chars: _around(max_chars, "[1-9][0-9]?%"),
    "iso_date": lambda max_chars: _around(max_chars, "20[0-2][0-9]-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])"),
    "metric_units": lambda max_chars: _around(max_chars, "[1-9][0-9]{0,2} (km|cm|kg|ml|g|m)"),
    "parentheses": lambda max_chars, n: _around(max_chars, *["[(][a-z]{2}[a-z ]{1,40}[)]"] * n),
    "highlights": lambda max_chars, n: _around(max_chars, *["[*][a-z]{3,14}[*]"] * n),
    "placeholders": lambda max_chars, n: _around(max_chars, *["\\[(name|date|place|time|number)\\]"] * n),
    "mark_count": lambda max_chars, mark, name, n: _around(max_chars, *[f"[a-z]{{2,12}}{_literal(mark)}"] * n),
    "contractions": lambda max_chars: _regex(_prose(max_chars).replace("'", "")),
    "ascii_only": lambda max_chars: _regex(_prose(max_chars)),
    "longest_word": lambda max_chars, n: _regex(
        "[A-Z][a-z]{0,8}", f"(,? [a-z]{{1,{n}}}){{4,{max_chars // (n + 2)}}}", "[.]"
    ),
    "ends_with_question": lambda max_chars: _regex(_prose(max_chars * 2 // 3), " ", _sentence(max_chars // 3, "[?]")),
    "question_count": lambda max_chars, n: _regex(
        *[_sentence(max_chars // (n + 1), "[?]") + " "] * n, _sentence(max_chars // (n + 1))
    ),
    "line_count": lambda max_chars, n: _regex("\\n".join([_prose(max_chars // n, low=12)] * n)),
    "acrostic": lambda max_chars, word: _regex(
        "\\n".join(f"{letter.upper()}[a-z ,]{{8,{max(12, max_chars // len(word) - 3)}}}[a-z]" for letter in word)
    ),
    "checklist": lambda max_chars, n: _list(max_chars, ["- \\[ \\] "] * n),
    "divider_count": lambda max_chars, n: _regex("\\n\\n---\\n\\n".join([_prose(max_chars // (n + 1) - 8)] * (n + 1))),
    "part_count": lambda max_chars, n: _regex("\\n\\n[*][*][*]\\n\\n".join([_prose(max_chars // n - 7)] * n)),
    "section_count": lambda max_chars, label, n: _regex(
        "\\n\\n".join(f"{_literal(label)} {i}\\n{_prose(max_chars // n - 12)}" for i in range(1, n + 1))
    ),
    "paragraph_opening": _opened,
    "request_first": lambda max_chars, request: _regex(
        _literal(request), "\\n\\n", _prose(max_chars - len(request) - 2)
    ),
    "block_quote": lambda max_chars: _regex("> ", _prose(max_chars // 2), "\\n\\n", _prose(max_chars // 2)),
    "wrapped_in_tag": lambda max_chars, tag: _regex(f"<{tag}>", _prose(max_chars - 2 * len(tag) - 5), f"</{tag}>"),
    "heading_count": _headed,
    "table": _table,
    "csv_rows": _csv,
    "yaml_mapping": _yaml,
    "json_matching": _schema,
    "labelled_lines": _labelled,
    "question_and_answer": lambda max_chars, n: _regex(
        "\\n".join([f"Q: {_sentence(max_chars // (2 * n), '[?]')}\\nA: {_sentence(max_chars // (2 * n))}"] * n)
    ),
    "last_line_items": _items,
    "percent_line": lambda max_chars, label: _regex(
        _prose(max_chars - len(label) - 6), "\\n", _literal(label), " [1-9][05]%"
    ),
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
