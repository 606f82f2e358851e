"""Words: what a text must or must not say, how often, and where."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from ecd_data.core.values import Verdict

TYPOGRAPHY = {
    **dict.fromkeys("“”‟„«»", '"'),
    **dict.fromkeys("‘’‛‚ʼ", "'"),
    **dict.fromkeys("\u2010\u2011", "-"),
    **dict.fromkeys("\u00ad\u200b\u2060\ufeff", ""),  # soft hyphens and spaces without width
}
TYPOGRAPHIC = re.compile(f"[{''.join(TYPOGRAPHY)}]")
# "don't", "well-known" and "1,000.5" are one word each, and so is "U.S.", which most texts do without.
SIMPLE = re.compile(r"\w+(?:['\-]\w+|[.,:](?<=\d.)(?=\d)\w+)*")
WORD = re.compile(rf"(?<!\w)(?:[^\W\d_]\.){{2,}}|{SIMPLE.pattern}")
ABBREVIATED = re.compile(r"\.[^\W\d_]\.")


def straight(text: str) -> str:
    """The text with straight quotation marks and composed accents, so that typography does not decide a check."""
    if text.isascii():
        return text
    # `str.translate` takes ten times as long where there is little to change.
    return TYPOGRAPHIC.sub(lambda match: TYPOGRAPHY[match[0]], unicodedata.normalize("NFC", text))


def plain(text: str) -> str:
    """Straight text without Markdown's emphasis, and without the marks of a heading, quote or list at its start."""
    if not text or text.isspace():  # most lines of a text that is hardly anything but line breaks
        return ""
    return re.sub("[*_`]", "", straight(text)).lstrip("#>-+• \t\r\n").rstrip()


def unquoted(text: str) -> str | None:
    """What stands inside the double quotation marks around a whole text, or `None` when there are none around it.

    Marks inside are told by what stands before them, so that `"Go," she said. "Now."` is not taken for one quotation.
    """
    body = straight(re.sub(r"«\s*", "«", text.replace(" »", "»").replace("\u00a0»", "»").strip()))
    if len(body) < 3 or body[0] != '"' or body[-1] != '"':
        return None
    depth, opening = 0, True  # whether a mark at this place would open a quotation
    for i, char in enumerate(body):
        if char == '"':
            depth += 1 if opening else -1
            if depth == 0 and i < len(body) - 1:
                return None
        else:
            opening = char.isspace() or char in "([{-–—/*_"
    return body[1:-1] if depth == 0 else None


def words(text: str) -> list[str]:
    """The words of a text: letters and digits, with apostrophes and hyphens inside."""
    return [*_words(text)]


@lru_cache(maxsize=32)  # one text is checked for several requirements
def _words(text: str) -> list[str]:
    text = straight(text)
    return (WORD if ABBREVIATED.search(text) else SIMPLE).findall(text)


def occurrences(text: str, word: str) -> int:
    """How often a word or phrase stands in a text as a whole, without regard to case or line breaks.

    "Friend's" holds "friend", but "can't" does not hold "can"; Markdown's underscores are no part of a word.
    """
    return len(_whole(word).findall(_folded(text)))


@lru_cache(maxsize=1024)
def _whole(*words: str) -> re.Pattern[str]:
    phrases = []
    for word in words:
        first, *rest = map(re.escape, straight(word).casefold().split())
        # What stands before is looked at behind the first word: the engine finds a literal much faster.
        phrases.append(r"\s+".join([f"{first}(?<![^\\W_]{first})", *rest]))
    return re.compile(rf"(?:{'|'.join(phrases)})(?![^\W_]|'t(?![^\W_]))")


@lru_cache(maxsize=32)
def _folded(text: str) -> str:
    return straight(text).casefold()


def include_words(text: str, *, keywords: Sequence[str]) -> Verdict:
    """Every keyword is there."""
    missing = [word for word in keywords if not occurrences(text, word)]
    return Verdict(not missing, f"missing: {', '.join(missing)}" if missing else "all there")


def avoid_words(text: str, *, keywords: Sequence[str]) -> Verdict:
    """None of the keywords is there."""
    found = sorted(set(_whole(*keywords).findall(_folded(text))))
    return Verdict(not found, f"found: {', '.join(found)}" if found else "none there")


def starts_with(text: str, *, phrase: str) -> Verdict:
    """The text begins with the phrase, letter case included; Markdown's emphasis does not count."""
    begin, wanted = plain(text), straight(phrase)
    met = begin.startswith(wanted) and re.match(r"\w", begin[len(wanted) :]) is None
    return Verdict(met, f'begins "{text.lstrip()[: len(phrase)]}"')


def ends_with(text: str, *, phrase: str) -> Verdict:
    """The text ends with the phrase, letter case included, and nothing but Markdown's emphasis follows it."""
    end = straight(text).rstrip(" \t\r\n*_`")
    met = end.endswith(straight(phrase)) and not end.removesuffix(straight(phrase))[-1:].isalnum()
    return Verdict(met, f'ends "{text.rstrip()[-len(phrase) :]}"')


def mentions_phrase(text: str, *, phrase: str) -> Verdict:
    """The phrase is quoted word for word, without regard to case."""
    met = occurrences(text, phrase) > 0
    return Verdict(met, "quoted" if met else "not quoted")


def one_of(text: str, *, options: Sequence[str]) -> Verdict:
    """Exactly one of the options, which are sentences, is there: word for word, letter case included."""
    said = " ".join(re.sub("[*_`]", "", straight(text)).split())
    found = [option for option in options if straight(option) in said]
    return Verdict(len(found) == 1, f"{' and '.join(found) or 'none of the options'} found, one asked")


def ordered_words(text: str, *, keywords: Sequence[str]) -> Verdict:
    """All keywords are there, and the first mention of each comes after that of the one before."""
    place = -1
    for word in keywords:
        match = _whole(word).search(_folded(text))
        if match is None:
            return Verdict(False, f"missing: {word}")
        if match.start() < place:
            return Verdict(False, f'"{word}" comes too early')
        place = match.start()
    return Verdict(True, "all there, in order")
