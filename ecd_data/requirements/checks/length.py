"""Length: words, sentences, paragraphs and characters, counted against a number."""

from __future__ import annotations

import re
from typing import Literal

from sentencex import segment

from ecd_data.requirements.checks.words import words
from ecd_data.values import Verdict

Relation = Literal["at_least", "at_most", "exactly"]
MARKER = re.compile(r"\s*(?:[-*+•]|\d{1,3}[.)]|#{1,6}|>)\s+")


def compare(count: int, relation: Relation, n: int, unit: str) -> Verdict:
    """A count against the number asked."""
    met = {"at_least": count >= n, "at_most": count <= n, "exactly": count == n}[relation]
    return Verdict(met, f"{count} {unit}, {relation.replace('_', ' ')} {n} asked")


def sentences(text: str) -> list[str]:
    """The sentences of a text. A line break ends one, so that each item of a list counts; list markers do not."""
    found: list[str] = []
    for line in text.splitlines():
        body = MARKER.sub("", line, count=1) if MARKER.match(line) else line
        if re.search(r"\w", body):
            found += [sentence.strip() for sentence in segment("en", body) if re.search(r"\w", sentence)]
    return found


def paragraphs(text: str) -> list[str]:
    """The blocks of a text that blank lines separate."""
    return [block for block in re.split(r"\n[ \t]*\n", text.strip()) if block.strip()]


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
