"""Sentence by sentence: how long they are, how they begin and end, and what stands in which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ecd_data.core.values import Verdict
from ecd_data.requirements.checks.length import Relation, compare, sentences
from ecd_data.requirements.checks.words import occurrences, words

CLOSING = " \t\r\n\"'”’»)]*_"


def sentence_length(text: str, *, relation: Relation, n: int) -> Verdict:
    """Every sentence has at least, at most or exactly `n` words."""
    counts = [len(words(sentence)) for sentence in sentences(text)]
    if not counts:
        return Verdict(False, "no sentence")
    worst = min(counts) if relation == "at_least" else max(counts)
    return compare(worst, relation, n, "words in a sentence")


def sentence_starts(text: str) -> Verdict:
    """At least two sentences, and each begins with another word."""
    starts = [found[0].casefold() for sentence in sentences(text) if (found := words(sentence))]
    if len(starts) < 2:
        return Verdict(False, f"{len(starts)} sentences")
    word, count = Counter(starts).most_common(1)[0]
    return Verdict(count == 1, f'{count} sentences begin with "{word}"')


def question_count(text: str, *, n: int) -> Verdict:
    """Exactly `n` sentences that are questions."""
    count = sum(sentence.rstrip(CLOSING).endswith("?") for sentence in sentences(text))
    return compare(count, "exactly", n, "questions")


def ends_with_question(text: str) -> Verdict:
    """The text ends with a question."""
    met = text.rstrip(CLOSING).endswith("?")
    return Verdict(met, "ends with a question" if met else "does not end with a question")


def word_in_sentence(text: str, *, keyword: str, n: int) -> Verdict:
    """The keyword stands in sentence `n`, counted from 1."""
    found = sentences(text)
    if len(found) < n:
        return Verdict(False, f"{len(found)} sentences")
    met = occurrences(found[n - 1], keyword) > 0
    return Verdict(met, f'"{keyword}" is {"" if met else "not "}in sentence {n}')


def words_in_one_sentence(text: str, *, keywords: Sequence[str]) -> Verdict:
    """One sentence holds all of the keywords."""
    met = any(all(occurrences(sentence, word) for word in keywords) for sentence in sentences(text))
    return Verdict(met, f"{'a' if met else 'no'} sentence with {', '.join(keywords)}")
