"""Compare two texts word by word, and mark what only one of them has as git does: `[-old-]` and `{+new+}`."""

import re
from difflib import SequenceMatcher
from typing import NamedTuple

MAX_WORDS = 5000  # of a text that is compared; in the worst case, comparing takes time quadratic in the words


class Part(NamedTuple):
    """A piece of a text, and whether the other text lacks it. White space around what differs is a part of its own."""

    text: str
    differs: bool


def differences(old: str, new: str) -> tuple[list[Part], list[Part]]:
    """Return both texts in parts that add up to them; texts of more than `MAX_WORDS` words differ as a whole."""
    old_words, new_words = (re.findall(r"\s*\S+|\s+\Z", text) for text in (old, new))  # with the white space before
    if max(len(old_words), len(new_words)) > MAX_WORDS:
        return _parts(old, old != new), _parts(new, old != new)
    bare_old, bare_new = ([word.strip() for word in words] for words in (old_words, new_words))
    old_parts: list[Part] = []
    new_parts: list[Part] = []
    for kind, i1, i2, j1, j2 in SequenceMatcher(None, bare_old, bare_new, autojunk=False).get_opcodes():
        old_parts += _parts("".join(old_words[i1:i2]), kind != "equal")
        new_parts += _parts("".join(new_words[j1:j2]), kind != "equal")
    return old_parts, new_parts


def mark_differences(old: str, new: str) -> tuple[str, str]:
    """Return both texts, with what only `old` has in `[-...-]` and what only `new` has in `{+...+}`."""
    old_parts, new_parts = differences(old, new)
    return (
        "".join(f"[-{part.text}-]" if part.differs else part.text for part in old_parts),
        "".join(f"{{+{part.text}+}}" if part.differs else part.text for part in new_parts),
    )


def _parts(text: str, differs: bool) -> list[Part]:
    body = text.strip()
    if not differs or not body:
        return [Part(text, False)]
    before, after = text.split(body, 1)
    return [part for part in (Part(before, False), Part(body, True), Part(after, False)) if part.text]
