"""Two answers side by side, with the words that differ marked: `[-only there-]` and `{+only here+}`, as in git."""

from __future__ import annotations

import re
from difflib import SequenceMatcher


def mark_differences(old: str, new: str) -> tuple[str, str]:
    """Both texts, the words of `old` that `new` lacks in `[-...-]` and the words that are new in `{+...+}`."""
    a, b = (re.findall(r"\s*\S+|\s+\Z", text) for text in (old, new))  # words with the white space before them
    words_a, words_b = ([word.strip() for word in side] for side in (a, b))
    marked_old, marked_new = [], []
    for kind, a1, a2, b1, b2 in SequenceMatcher(None, words_a, words_b, autojunk=False).get_opcodes():
        marked_old.append(_mark("".join(a[a1:a2]), "[-", "-]") if kind != "equal" else "".join(a[a1:a2]))
        marked_new.append(_mark("".join(b[b1:b2]), "{+", "+}") if kind != "equal" else "".join(b[b1:b2]))
    return "".join(marked_old), "".join(marked_new)


def _mark(text: str, left: str, right: str) -> str:
    """The marks go around the words, not around white space at either end."""
    body = text.strip()
    return text.replace(body, f"{left}{body}{right}", 1) if body else text
