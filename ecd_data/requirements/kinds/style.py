"""Style that code can see: letter case, contractions, the language."""

import re
from functools import cache, partial
from typing import Any

from ecd_data.core.values import Verdict
from ecd_data.requirements.grammars import DIGIT, prose
from ecd_data.requirements.kind import kind
from ecd_data.requirements.text import sentences, straight

CONTRACTION = re.compile(
    r"\b(?:\w{1,20}n't|(?:i|you|we|they|he|she|it|that|there|who|what)'(?:m|re|ve|ll|d)"
    r"|(?:he|she|it|that|there|here|what|who|where|how|let)'s)\b",
    re.IGNORECASE,
)
# "It's been" and "it's called" are two things; an answer that says so is left alone.
EXPANDABLE = re.compile(r"\b\w+[’']\w+\b(?!\s+(?:been|got|had|become|\w+ed|\w+en)\b)")
ENDINGS = {"m": "am", "re": "are", "ve": "have", "ll": "will"}
# "'s" is "is" after these words, and may be "has" or possessive after others.
BEFORE_IS = ("that", "there", "here", "what", "where", "how", "it", "he", "she", "who")
IRREGULAR = {f"{word}'s": f"{word} is" for word in BEFORE_IS}
IRREGULAR |= {"can't": "cannot", "won't": "will not", "shan't": "shall not", "ain't": "ain't", "let's": "let us"}
LANGUAGES = {"English": "en", "French": "fr", "German": "de", "Spanish": "es", "Italian": "it", "Portuguese": "pt"}
# Those that a text may be taken for; rare ones close to these would only blur short answers.
COMMON = [
    *("en", "fr", "de", "es", "it", "pt", "nl", "sv", "da", "pl", "cs", "ro", "hu"),
    *("fi", "tr", "el", "ru", "uk", "ar", "he", "hi", "zh", "ja", "ko", "vi", "id"),
]
RARE = ["bg", "bn", "fa", "gu", "kn", "ml", "mr", "ne", "pa", "sw", "ta", "te", "th", "ur"]  # of evaluations
CONFIDENT = 0.8
SAMPLE = 5000  # characters by which the language is identified


@kind(repair=str.lower, grammar=partial(prose, letters="a-z" + DIGIT))
def lower_case(text: str) -> Verdict:
    """Require at least one letter, and no capital."""
    capitals = sum(map(str.istitle, text))  # of one letter it is true for capitals too
    if capitals:
        return Verdict(False, f"{capitals} capital letters")
    return Verdict(any(char.islower() for char in text), "no capital letters")


@kind(repair=str.upper)
def upper_case(text: str) -> Verdict:
    """Require at least one capital, and no small letter that has a capital."""
    if text != text.upper():
        small = sum(char != char.upper() for char in text)
        return Verdict(False, f"{small} small letters")
    return Verdict(any(char.isupper() for char in text), "no small letters")


def _write_out(text: str) -> str:
    """Write contractions out; "'d" and the like, which stand for two things, stay."""

    def written_out(match: re.Match[str]) -> str:
        word = match[0].replace("’", "'")
        whole = IRREGULAR.get(word.casefold())
        if whole is None:
            start, _, end = word.rpartition("n't" if word.casefold().endswith("n't") else "'")
            whole = f"{start} not" if not end else f"{start} {ENDINGS[end.casefold()]}" if end in ENDINGS else word
        return whole[0].upper() + whole[1:] if word[0].isupper() else whole

    return EXPANDABLE.sub(written_out, text)


def _prose_without_apostrophes(max_chars: int) -> str:
    return prose(max_chars).replace("'", "")


@kind(repair=_write_out, grammar=_prose_without_apostrophes)
def contractions(text: str) -> Verdict:
    """Forbid contractions such as "don't", "it's" and "we'll"."""
    contraction = CONTRACTION.search(straight(text))
    return Verdict(contraction is None, f'"{contraction[0]}"' if contraction else "no contraction")


@kind()
def language(text: str, *, language: str) -> Verdict:
    """Require a language: py3langid identifies it with confidence, and no sentence is clearly in another.

    Args:
        language: a name of `LANGUAGES`, or the code (ISO 639-1) of one of `COMMON` or `RARE`.

    Raises:
        ValueError: it is another.
    """
    sample, wanted = text[:SAMPLE], LANGUAGES.get(language, language)
    by_code = language not in LANGUAGES
    if by_code and language not in (*COMMON, *RARE):
        raise ValueError(f"the language {language!r} is not one of {', '.join([*LANGUAGES, *COMMON, *RARE])}")
    identified, share = _identify(sample, by_code)
    if identified != wanted or share < CONFIDENT:
        return Verdict(False, f"looks like {identified} ({share:.0%}), {language} asked")
    for sentence in sentences(sample):
        part, share = _identify(sentence, by_code)
        if part != identified and share >= CONFIDENT:
            return Verdict(False, f'"{sentence[:40]}" looks like {part}')
    return Verdict(True, f"looks like {identified}")


def _identify(text: str, rare: bool) -> tuple[str, float]:
    """Return the code of the language and its probability, 0 to 1; of a text without letters, neither."""
    if not re.search(r"[^\W\d_]", text):
        return "no language", 0.0
    code, share = _identifier(rare).classify(text)
    return code, float(share)


@cache
def _identifier(rare: bool) -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(COMMON + RARE if rare else COMMON)
    return identifier
