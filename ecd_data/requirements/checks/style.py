"""Style that code can see: letter case, characters to avoid, the language."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Any

from ecd_data.core.values import Verdict
from ecd_data.requirements.checks.length import sentences

LANGUAGES = {"English": "en", "French": "fr", "German": "de", "Spanish": "es", "Italian": "it", "Portuguese": "pt"}
# Those that a text may be taken for; rare ones close to these would only blur short answers.
TOLD_APART = [
    *("en", "fr", "de", "es", "it", "pt", "nl", "sv", "da", "pl", "cs", "ro", "hu"),
    *("fi", "tr", "el", "ru", "uk", "ar", "he", "hi", "zh", "ja", "ko", "vi", "id"),
]
# Evaluations ask for these too, by their codes.
FURTHER = ["bg", "bn", "fa", "gu", "kn", "ml", "mr", "ne", "pa", "sw", "ta", "te", "th", "ur"]
CONFIDENT = 0.8
SAMPLE = 5000  # characters that are looked at to tell the language


def lower_case(text: str) -> Verdict:
    """No capital letter, and at least one letter."""
    capitals = sum(map(str.istitle, text))  # of one letter it is true for capitals too
    if capitals:
        return Verdict(False, f"{capitals} capital letters")
    return Verdict(any(char.islower() for char in text), "no capital letters")


def upper_case(text: str) -> Verdict:
    """No small letter that has a capital, and at least one capital."""
    if text != text.upper():
        small = sum(char != char.upper() for char in text)
        return Verdict(False, f"{small} small letters")
    return Verdict(any(char.isupper() for char in text), "no small letters")


def no_characters(text: str, *, characters: str, name: str) -> Verdict:
    """None of the characters is there; `name` is what they are called ("commas")."""
    count = sum(text.count(char) for char in characters)
    return Verdict(count == 0, f"{count} {name}")


def no_digits(text: str) -> Verdict:
    """No digit of any script, no ½ and no ² either."""
    count = len(re.findall(r"\d", unicodedata.normalize("NFKC", text)))
    return Verdict(count == 0, f"{count} digits")


def language(text: str, *, language: str) -> Verdict:
    """The text is in the language, as py3langid tells it with confidence, and no sentence is clearly in another.

    `language` is one of `LANGUAGES`, or the code (ISO 639-1) of one that is told apart.

    Raises:
        ValueError: it is none of these.
    """
    sample, wanted = text[:SAMPLE], LANGUAGES.get(language, language)
    further = language not in LANGUAGES
    if further and language not in (*TOLD_APART, *FURTHER):
        raise ValueError(f"the language {language!r} is none of {', '.join([*LANGUAGES, *TOLD_APART, *FURTHER])}")
    told, share = _tell(sample, further)
    if told != wanted or share < CONFIDENT:
        return Verdict(False, f"looks like {told} ({share:.0%}), {language} asked")
    for sentence in sentences(sample):
        part, share = _tell(sentence, further)
        if part != told and share >= CONFIDENT:
            return Verdict(False, f'"{sentence[:40]}" looks like {part}')
    return Verdict(True, f"looks like {told}")


def _tell(text: str, further: bool) -> tuple[str, float]:
    """The language's code and how sure it is, 0 to 1; none for a text without letters."""
    if not re.search(r"[^\W\d_]", text):
        return "no language", 0.0
    told, share = _identifier(further).classify(text)
    return told, float(share)


@cache
def _identifier(further: bool) -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(TOLD_APART + FURTHER if further else TOLD_APART)
    return identifier
