"""Repairs: changes by code that make an answer meet a requirement and leave its meaning as it is, where one exists."""

from __future__ import annotations

from collections.abc import Callable

from ecd_data.requirements.checks import check
from ecd_data.requirements.checks.words import straight, words
from ecd_data.requirements.taxonomy import load_taxonomy
from ecd_data.values import Requirement


def repair(requirement: Requirement, text: str) -> str | None:
    """The repaired answer, or `None` when there is no such change for this requirement or this text."""
    change = REPAIRS.get(load_taxonomy()[requirement.id].check)
    if change is None:
        return None
    repaired = change(text.strip(), **requirement.kwargs)
    return repaired if repaired is not None and check(requirement, repaired).met else None


def _without(text: str, characters: str, name: str) -> str:
    """Without the characters; an exclamation mark becomes a full stop, a comma goes."""
    instead = "." if "!" in characters else ""
    for character in characters:
        text = text.replace(character, instead)
    return text


def _quoted(text: str) -> str:
    """In double quotation marks; those inside become single ones."""
    return '"' + straight(text).replace('"', "'") + '"'


def _titled(text: str) -> str:
    """With its own first words as the title."""
    return f"<<{' '.join(words(text)[:5]).capitalize()}>>\n\n{text}"


REPAIRS: dict[str, Callable[..., str | None]] = {
    "lower_case": lambda text: text.lower(),
    "upper_case": lambda text: text.upper(),
    "no_characters": _without,
    "wrapped_in_quotes": _quoted,
    "ends_with": lambda text, phrase: f"{text} {phrase}",
    "starts_with": lambda text, phrase: f"{phrase}: {text}",
    "title": _titled,
    "postscript": lambda text: f"{text}\n\nP.S. I hope this helps.",
}
