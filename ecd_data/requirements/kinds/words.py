"""Words and phrases that an answer must or must not use, how often, and in which order."""

import re
from collections.abc import Sequence

from ecd_data.core.values import Verdict
from ecd_data.requirements.grammars import around, literal, prose, prose_with_keywords
from ecd_data.requirements.kind import Relation, count_verdict, filled, kind
from ecd_data.requirements.text import folded, occurrences, straight, whole_phrases


def _add_two_words(answer: str, *, keywords: Sequence[str]) -> str:
    return f"{answer} Two more words: {' and '.join(keywords)}."


@kind(grammar=prose_with_keywords, completion=_add_two_words)
def include_words(text: str, *, keywords: Sequence[str]) -> Verdict:
    """Require every keyword."""
    missing = [word for word in keywords if not occurrences(text, word)]
    return Verdict(not missing, f"missing: {', '.join(missing)}" if missing else "all there")


def _sum_up(answer: str, *, keywords: Sequence[str]) -> str:
    return f"{answer} To sum up: {', '.join(keywords)}."


@kind(grammar=prose_with_keywords, completion=_sum_up)
def ordered_words(text: str, *, keywords: Sequence[str]) -> Verdict:
    """Require all keywords, the first mention of each after that of the one before."""
    place = -1
    for word in keywords:
        match = whole_phrases(word).search(folded(text))
        if match is None:
            return Verdict(False, f"missing: {word}")
        if match.start() < place:
            return Verdict(False, f'"{word}" comes too early')
        place = match.start()
    return Verdict(True, "all there, in order")


@kind()
def avoid_words(text: str, *, keywords: Sequence[str]) -> Verdict:
    """Forbid every keyword."""
    used = sorted(set(whole_phrases(*keywords).findall(folded(text))))
    return Verdict(not used, f"found: {', '.join(used)}" if used else "none there")


def _prose_with_keyword(max_chars: int, *, relation: Relation, keyword: str, n: int) -> str | None:
    return around(max_chars, *[literal(keyword)] * n) if relation == "at_least" else None


@kind(grammar=_prose_with_keyword)
def word_frequency(text: str, *, relation: Relation, keyword: str, n: int) -> Verdict:
    """Require a word or phrase at least, at most or exactly `n` times."""
    return count_verdict(occurrences(text, keyword), relation, n, f'times "{keyword}"')


def _prose_with_phrase(max_chars: int, *, phrase: str) -> str:
    return around(max_chars, literal(phrase))


@kind(grammar=_prose_with_phrase, completion=filled("{text} It all happens {phrase}."))
def mentions_phrase(text: str, *, phrase: str) -> Verdict:
    """Require a phrase word for word, regardless of case."""
    met = occurrences(text, phrase) > 0
    return Verdict(met, "quoted" if met else "not quoted")


def _prose_and_option(max_chars: int, *, options: Sequence[str]) -> str:
    return f"{prose(max_chars - max(map(len, options)) - 1)} ({'|'.join(map(literal, options))})"


@kind(grammar=_prose_and_option)
def one_of(text: str, *, options: Sequence[str]) -> Verdict:
    """Require exactly one of the options, which are sentences, word for word and in the same letter case."""
    body = " ".join(re.sub("[*_`]", "", straight(text)).split())
    chosen = [option for option in options if straight(option) in body]
    return Verdict(len(chosen) == 1, f"{' and '.join(chosen) or 'none of the options'} found, one asked")
