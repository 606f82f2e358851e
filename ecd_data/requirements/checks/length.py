"""Length: words, sentences, paragraphs, characters and one word's mentions, counted against a number."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from sentencex import segment

from ecd_data.core.values import Verdict
from ecd_data.requirements.checks.words import occurrences, unquoted, words

Relation = Literal["at_least", "at_most", "exactly"]
MARKER = re.compile(r"[ \t]*(?:[-*+•]|\d{1,3}[.)]|>)[ \t]+")
HEADING = re.compile(r"[ \t]*#{1,6}[ \t]|[ \t*_]*<<[^<>]*>>[ \t*_]*\Z")
# Most lines of a long list: the segmenter would only say that it is one sentence.
SINGLE = re.compile(r"[^.!?\u0080-\U0010ffff]*[.!?]*")
NUMBER = re.compile(r"\d{1,3}[.)]")


def compare(count: int, relation: Relation, n: int, unit: str) -> Verdict:
    """A count against the number asked."""
    met = {"at_least": count >= n, "at_most": count <= n, "exactly": count == n}[relation]
    return Verdict(met, f"{count} {unit}, {relation.replace('_', ' ')} {n} asked")


def sentences(text: str) -> list[str]:
    """The sentences of a text.

    A line break ends one, so each item of a list counts as one at least; list markers, headings, titles and
    quotation marks around the whole text do not count.
    """
    return [*_sentences(text)]


@lru_cache(maxsize=32)  # one text is checked for several requirements
def _sentences(text: str) -> list[str]:
    found: list[str] = []
    for line in (unquoted(text) or text).splitlines():
        if HEADING.match(line) or not re.search(r"\w", line):
            continue
        line = (MARKER.sub("", line, count=1) if MARKER.match(line) else line).strip()
        parts = [line] if SINGLE.fullmatch(line) else [part.strip() for part in segment("en", line)]
        parts = [part for part in parts if re.search(r"\w", part)]
        # "1. Do this. 2. Do that." in one line: the numbers are no sentences.
        found += [part for part in parts if len(parts) == 1 or not NUMBER.fullmatch(part)]
    return found


def paragraphs(text: str) -> list[str]:
    """The blocks of a text that blank lines separate; a block without a word, such as a rule, is none."""
    blocks = re.split(r"\n[ \t]*\n", "\n".join(text.splitlines()))
    return [block.strip() for block in blocks if re.search(r"\w", block)]


def word_count(text: str, *, relation: Relation, n: int) -> Verdict:
    """Words against a number."""
    return compare(len(words(text)), relation, n, "words")


def sentence_count(text: str, *, relation: Relation, n: int) -> Verdict:
    """Sentences against a number."""
    return compare(len(sentences(text)), relation, n, "sentences")


def paragraph_count(text: str, *, relation: Relation, n: int) -> Verdict:
    """Paragraphs against a number."""
    return compare(len(paragraphs(text)), relation, n, "paragraphs")


def character_count(text: str, *, relation: Relation, n: int) -> Verdict:
    """Characters of the text, white space at its ends left out, against a number."""
    return compare(len(text.strip()), relation, n, "characters")


def word_frequency(text: str, *, relation: Relation, keyword: str, n: int) -> Verdict:
    """How often a word or phrase is there as a whole, against a number."""
    return compare(occurrences(text, keyword), relation, n, f'times "{keyword}"')
