"""Two answers side by side, with the words that differ marked: `[-only there-]` and `{+only here+}`, as in git."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import NamedTuple

MOST_WORDS = 5000  # of a text; comparing takes the square of it at worst


class Part(NamedTuple):
    """A piece of a text, and whether the other text lacks it; white space around what differs is a part of its own."""

    text: str
    differs: bool


def differences(old: str, new: str) -> tuple[list[Part], list[Part]]:
    """Both texts in parts that give them back when joined; those of more than `MOST_WORDS` words differ as a whole."""
    a, b = (re.findall(r"\s*\S+|\s+\Z", text) for text in (old, new))  # words with the white space before them
    if max(len(a), len(b)) > MOST_WORDS:
        return _parts(old, old != new), _parts(new, old != new)
    words_a, words_b = ([word.strip() for word in side] for side in (a, b))
    parts_old: list[Part] = []
    parts_new: list[Part] = []
    for kind, a1, a2, b1, b2 in SequenceMatcher(None, words_a, words_b, autojunk=False).get_opcodes():
        parts_old += _parts("".join(a[a1:a2]), kind != "equal")
        parts_new += _parts("".join(b[b1:b2]), kind != "equal")
    return parts_old, parts_new


def mark_differences(old: str, new: str) -> tuple[str, str]:
    """Both texts, the words of `old` that `new` lacks in `[-...-]` and the words that are new in `{+...+}`."""
    parts_old, parts_new = differences(old, new)
    return (
        "".join(f"[-{part.text}-]" if part.differs else part.text for part in parts_old),
        "".join(f"{{+{part.text}+}}" if part.differs else part.text for part in parts_new),
    )


def _parts(text: str, differs: bool) -> list[Part]:
    body = text.strip()
    if not differs or not body:
        return [Part(text, False)]
    before, after = text.split(body, 1)
    return [part for part in (Part(before, False), Part(body, True), Part(after, False)) if part.text]
