"""Repairs: changes by code that make an answer meet a requirement and leave its meaning as it is, where one exists."""

from __future__ import annotations

import re
from collections.abc import Callable

from ecd_data.requirements.checks import check
from ecd_data.requirements.checks.length import sentences
from ecd_data.requirements.checks.words import words
from ecd_data.requirements.taxonomy import NUMBERS, load_taxonomy
from ecd_data.values import Requirement

SENTENCE_END = tuple(".!?…\"”’')")


def repair(requirement: Requirement, text: str) -> str | None:
    """The repaired answer, or `None` when there is no such change for this requirement or this text."""
    change = REPAIRS.get(load_taxonomy()[requirement.id].check)
    if change is None or not re.search(r"\w", text):
        return None
    repaired = change(text.strip(), **requirement.kwargs)
    return repaired if repaired is not None and check(requirement, repaired).met else None


def _without(text: str, characters: str, name: str) -> str:
    """Without the characters: exclamation marks become one full stop where no other mark ends the sentence."""
    marks = f"[{re.escape(characters)}]"
    if name == "exclamation marks":
        text = re.sub(r"¡|(?<=[.?…])[!！]+|[!！]+(?=[.?…])", "", text)
        return re.sub(r"[!！]+", ".", text)
    return re.sub(marks, "", re.sub(rf"(?<=\w){marks}(?=[^\W\d])", " ", text))  # "red,green" are two words


def _spelt(text: str) -> str:
    """Numbers up to twenty in words, with a capital where a sentence starts; decimals, dates and the like stay."""

    def word(match: re.Match[str]) -> str:
        number = NUMBERS[int(match[0])] if int(match[0]) < len(NUMBERS) else match[0]
        return number.capitalize() if re.search(r"(?:\A|[.!?]\s|\n)\Z", text[: match.start()][-2:]) else number

    return re.sub(r"(?<![\w.,:/$£€+\-])\d{1,2}(?![\w/%°]|[.,:)\-]\d|[.)]\s|-)", word, text)


def _quoted(text: str) -> str:
    """In double quotation marks; those inside become single ones."""
    return '"' + re.sub('["“”‟„«»]', "'", text) + '"'


def _titled(text: str) -> str:
    """With its own first words as the title, up to one that a title can end with."""
    first = words(text)[:5]
    while len(first) > 1 and len(first[-1]) < 4:
        first.pop()
    return f"<<{' '.join(first).capitalize()}>>\n\n{text}"


def _closed(text: str, phrase: str) -> str:
    """With the closing sentence behind the last one, or as a paragraph of its own behind several lines."""
    if "\n" in text:
        return f"{text}\n\n{phrase}"
    return f"{text}{'' if text.endswith(SENTENCE_END) else '.'} {phrase}"


def _bulleted(text: str, n: int) -> str | None:
    """One bullet point for each sentence, when there are just as many."""
    found = sentences(text)
    return "\n".join(f"- {sentence}" for sentence in found) if len(found) == n and "\n" not in text else None


def _divided(text: str, relation: str, n: int) -> str | None:
    """The sentences of one paragraph, spread evenly over `n`."""
    found = sentences(text)
    if len(found) < n or "\n" in text:
        return None
    cuts = [round(i * len(found) / n) for i in range(n)]
    return "\n\n".join(" ".join(found[a:b]) for a, b in zip(cuts, [*cuts[1:], None], strict=True))


def _highlighted(text: str, n: int) -> str | None:
    """With its `n` longest words in asterisks."""
    longest = sorted(dict.fromkeys(word for word in words(text) if len(word) > 4), key=len, reverse=True)
    if "*" in text or len(longest) < n:
        return None
    for word in longest[:n]:
        text = re.sub(rf"(?<![\w*]){re.escape(word)}(?![\w*])", f"*{word}*", text, count=1)
    return text


REPAIRS: dict[str, Callable[..., str | None]] = {
    "lower_case": lambda text: text.lower(),
    "upper_case": lambda text: text.upper(),
    "no_characters": _without,
    "no_digits": _spelt,
    "wrapped_in_quotes": _quoted,
    "ends_with": _closed,
    "starts_with": lambda text, phrase: f"{phrase}: {text}",
    "title": _titled,
    "postscript": lambda text: f"{text}\n\nP.S. I hope this helps.",
    "bullet_count": _bulleted,
    "paragraph_count": _divided,
    "highlights": _highlighted,
}
