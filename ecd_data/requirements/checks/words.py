"""Words: what a text must or must not say, how often, and where."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ecd_data.values import Verdict


def straight(text: str) -> str:
    """The text with straight quotation marks and apostrophes, so that typography does not decide a check."""
    return re.sub("[“”‟„«»]", '"', re.sub("[‘’‛‚]", "'", text))


def words(text: str) -> list[str]:
    """The words of a text: letters and digits, with apostrophes and hyphens inside ("don't", "well-known" are one)."""
    return re.findall(r"\w+(?:['’\-]\w+)*", text)


def occurrences(text: str, word: str) -> int:
    """How often a word or phrase stands in a text as a whole, without regard to case."""
    return len(re.findall(rf"(?<!\w){re.escape(straight(word).casefold())}(?!\w)", straight(text).casefold()))


def include_words(text: str, *, keywords: Sequence[str]) -> Verdict:
    """Every keyword is there."""
    missing = [word for word in keywords if not occurrences(text, word)]
    return Verdict(not missing, f"missing: {', '.join(missing)}" if missing else "all there")


def avoid_words(text: str, *, keywords: Sequence[str]) -> Verdict:
    """None of the keywords is there."""
    found = [word for word in keywords if occurrences(text, word)]
    return Verdict(not found, f"found: {', '.join(found)}" if found else "none there")


def word_frequency(text: str, *, keyword: str, n: int) -> Verdict:
    """The keyword is there at least `n` times."""
    count = occurrences(text, keyword)
    return Verdict(count >= n, f'"{keyword}" {count} times, at least {n} asked')


def starts_with(text: str, *, phrase: str) -> Verdict:
    """The text begins with the phrase, exactly."""
    met = re.match(rf"{re.escape(straight(phrase))}(?!\w)", straight(text).lstrip()) is not None
    return Verdict(met, f'begins "{text.lstrip()[: len(phrase)]}"')


def ends_with(text: str, *, phrase: str) -> Verdict:
    """The text ends with the phrase, exactly, and nothing follows it."""
    met = re.search(rf"(?<!\w){re.escape(straight(phrase))}\Z", straight(text).rstrip()) is not None
    return Verdict(met, f'ends "{text.rstrip()[-len(phrase) :]}"')


def mentions_phrase(text: str, *, phrase: str) -> Verdict:
    """The phrase is quoted word for word, without regard to case."""
    met = occurrences(text, phrase) > 0
    return Verdict(met, "quoted" if met else "not quoted")
