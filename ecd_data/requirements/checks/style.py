"""Style that code can see: letter case, characters to avoid, the language."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from ecd_data.values import Verdict

LANGUAGES = {"English": "en", "French": "fr", "German": "de", "Spanish": "es", "Italian": "it", "Portuguese": "pt"}
SAMPLE = 5000  # characters that are looked at to tell the language


def lower_case(text: str) -> Verdict:
    """No capital letter, and at least one letter."""
    capitals = [char for char in text if char.isupper()]
    if capitals:
        return Verdict(False, f"{len(capitals)} capital letters")
    return Verdict(any(char.islower() for char in text), "no capital letters")


def upper_case(text: str) -> Verdict:
    """No small letter, and at least one letter."""
    small = [char for char in text if char.islower()]
    if small:
        return Verdict(False, f"{len(small)} small letters")
    return Verdict(any(char.isupper() for char in text), "no small letters")


def no_characters(text: str, *, characters: str, name: str) -> Verdict:
    """None of the characters is there; `name` is what they are called ("commas")."""
    count = sum(text.count(char) for char in characters)
    return Verdict(count == 0, f"{count} {name}")


def no_digits(text: str) -> Verdict:
    """No digit of any script."""
    count = len(re.findall(r"\d", text))
    return Verdict(count == 0, f"{count} digits")


def language(text: str, *, language: str) -> Verdict:
    """The text is in the language, as py3langid tells it among the taxonomy's."""
    if not re.search(r"[^\W\d_]", text):
        return Verdict(False, "no letters")
    told = _identifier().classify(text[:SAMPLE])[0]
    return Verdict(told == LANGUAGES[language], f"looks like {told}, {language} asked")


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=False)
    identifier.set_languages(sorted(LANGUAGES.values()))
    return identifier
