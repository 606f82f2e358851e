"""Letters: what words begin with, how long and how often they are, and which signs a text is written in."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

from ecd_data.core.values import Verdict
from ecd_data.requirements.checks.length import Relation, compare
from ecd_data.requirements.checks.words import plain, straight, words

CONTRACTION = re.compile(
    r"\b(?:\w{1,20}n't|(?:i|you|we|they|he|she|it|that|there|who|what)'(?:m|re|ve|ll|d)"
    r"|(?:he|she|it|that|there|here|what|who|where|how|let)'s)\b",
    re.IGNORECASE,
)
# Pictographs, emoticons, transport signs, dingbats and flags; the selectors that follow one do not count.
EMOJI = re.compile("[\U0001f300-\U0001f3fa\U0001f400-\U0001faff\u2600-\u27bf]|[\U0001f1e6-\U0001f1ff]{2}")
LONG = 5  # letters: shorter words repeat in any text


def acrostic(text: str, *, word: str) -> Verdict:
    """The first letters of the lines, blank ones left out, spell the word."""
    found = "".join(line[:1] for line in map(plain, text.splitlines()) if line)
    return Verdict(found.casefold() == word.casefold(), f'the lines begin with "{found[:20]}"')


def alliteration(text: str, *, letter: str, n: int) -> Verdict:
    """At least `n` words that begin with the letter."""
    count = sum(word[0].casefold() == letter.casefold() for word in words(text))
    return compare(count, "at_least", n, f"words with {letter}")


def letter_count(text: str, *, relation: Relation, letter: str, n: int) -> Verdict:
    """How often a letter is there, small or capital, against a number; with an accent it is another letter."""
    count = unicodedata.normalize("NFC", text).lower().count(letter.lower())
    return compare(count, relation, n, f'times "{letter}"')


def capital_words(text: str, *, relation: Relation, n: int) -> Verdict:
    """Words of two or more letters that are all capitals, against a number."""
    count = sum(word.isupper() and sum(map(str.isalpha, word)) > 1 for word in words(text))
    return compare(count, relation, n, "words in capital letters")


def palindrome(text: str) -> Verdict:
    """At least one word of four or more letters that reads the same backwards."""
    found = [w for word in words(text) if len(w := word.casefold()) > 3 and w.isalpha() and w == w[::-1]]
    repeated = [word for word in found if len(set(word)) > 1]
    return Verdict(bool(repeated), f'"{repeated[0][:40]}"' if repeated else "no palindrome")


def longest_word(text: str, *, n: int) -> Verdict:
    """No word has more than `n` letters; the parts of a hyphenated one count each."""
    longest = max(re.findall(r"[^\W\d_]+", straight(text)), key=len, default="")
    return Verdict(0 < len(longest) <= n, f'"{longest[:40]}" has {len(longest)} letters, at most {n} allowed')


def repeated_words(text: str, *, n: int) -> Verdict:
    """No word of five or more letters comes more than `n` times, letter case aside."""
    counts = Counter(word.casefold() for word in words(text) if len(word) >= LONG)
    word, count = max(counts.items(), key=lambda item: item[1], default=("", 0))
    return Verdict(count <= n, f'"{word[:40]}" comes {count} times, at most {n} allowed')


def contractions(text: str) -> Verdict:
    """No contraction such as "don't", "it's" or "we'll"."""
    found = CONTRACTION.search(straight(text))
    return Verdict(found is None, f'"{found[0]}"' if found else "no contraction")


def ascii_only(text: str) -> Verdict:
    """No character outside ASCII: no accents, no curly quotation marks, no emoji."""
    char = next((char for char in text if not char.isascii()), None)
    return Verdict(char is None, "plain ASCII" if char is None else f"{char!r} ({unicodedata.name(char, 'unnamed')})")


def emoji_count(text: str, *, n: int) -> Verdict:
    """At least `n` emoji."""
    return compare(len(EMOJI.findall(text)), "at_least", n, "emoji")


def parentheses(text: str, *, n: int) -> Verdict:
    """At least `n` remarks in round brackets."""
    found = [inside for inside in re.findall(r"\(([^()\n]+)\)", text) if re.search(r"[^\W\d_]{2}", inside)]
    return compare(len(found), "at_least", n, "remarks in parentheses")


def mark_count(text: str, *, mark: str, name: str, n: int) -> Verdict:
    """At least `n` of a punctuation mark; `name` is what they are called ("semicolons")."""
    return compare(text.count(mark), "at_least", n, name)
