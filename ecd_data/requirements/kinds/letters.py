"""Letters: what words and lines begin with, and how long, how frequent and how capital words are."""

import re
import string
import unicodedata
from collections import Counter

from ecd_data.core.values import Verdict
from ecd_data.requirements.grammars import around, prose, prose_with
from ecd_data.requirements.kind import Relation, count_verdict, kind
from ecd_data.requirements.text import longest_words, plain, straight, words

LONG = 5  # letters: shorter words repeat in any text


def _lines_spelling(max_chars: int, *, word: str) -> str:
    room = max(12, max_chars // len(word) - 3)
    return "\\n".join(f"{letter.upper()}[a-z ,]{{8,{room}}}[a-z]" for letter in word)


@kind(grammar=_lines_spelling)
def acrostic(text: str, *, word: str) -> Verdict:
    """Require that the first letters of the lines, without blank ones, spell the word."""
    initials = "".join(line[:1] for line in map(plain, text.splitlines()) if line)
    return Verdict(initials.casefold() == word.casefold(), f'the lines begin with "{initials[:20]}"')


@kind()
def alliteration(text: str, *, letter: str, n: int) -> Verdict:
    """Require at least `n` words that begin with the letter."""
    count = sum(word[0].casefold() == letter.casefold() for word in words(text))
    return count_verdict(count, "at_least", n, f"words with {letter}")


def _prose_with_letter_or_without(max_chars: int, *, relation: Relation, letter: str, n: int) -> str:
    if relation == "at_least":
        return around(max_chars, *[f"[a-z]{{0,4}}{letter}[a-z]{{0,4}}"] * n)
    return prose(max_chars, "".join(char for char in string.ascii_letters if char.lower() != letter))


@kind(grammar=_prose_with_letter_or_without)
def letter_count(text: str, *, relation: Relation, letter: str, n: int) -> Verdict:
    """Require a letter, small or capital, at least, at most or exactly `n` times; with an accent it is another one."""
    count = unicodedata.normalize("NFC", text).lower().count(letter.lower())
    return count_verdict(count, relation, n, f'times "{letter}"')


def _capitalize_longest_words(text: str, *, relation: Relation, n: int) -> str | None:
    longest = longest_words(text)
    if len(longest) < n:
        return None
    for word in longest[:n]:
        text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", word.upper(), text, count=1)
    return text


def _prose_with_capital_words(max_chars: int, *, relation: Relation, n: int) -> str | None:
    return around(max_chars, *["[A-Z]{2,10}"] * n) if relation == "at_least" else None


@kind(repair=_capitalize_longest_words, grammar=_prose_with_capital_words)
def capital_words(text: str, *, relation: Relation, n: int) -> Verdict:
    """Require at least, at most or exactly `n` words of two or more letters that are all capitals."""
    count = sum(word.isupper() and sum(map(str.isalpha, word)) > 1 for word in words(text))
    return count_verdict(count, relation, n, "words in capital letters")


@kind(grammar=prose_with("(level|civic|radar|noon|kayak|refer|rotor|solos)"))
def palindrome(text: str) -> Verdict:
    """Require a word of four or more letters that reads the same backwards."""
    mirrored = [w for word in words(text) if len(w := word.casefold()) > 3 and w.isalpha() and w == w[::-1]]
    palindromes = [word for word in mirrored if len(set(word)) > 1]
    return Verdict(bool(palindromes), f'"{palindromes[0][:40]}"' if palindromes else "no palindrome")


def _short_words(max_chars: int, *, n: int) -> str:
    return f"[A-Z][a-z]{{0,8}}(,? [a-z]{{1,{n}}}){{4,{max_chars // (n + 2)}}}[.]"


@kind(grammar=_short_words, needs_counting=True)
def longest_word(text: str, *, n: int) -> Verdict:
    """Require that no word has more than `n` letters; the parts of a hyphenated one count each."""
    longest = max(re.findall(r"[^\W\d_]+", straight(text)), key=len, default="")
    return Verdict(0 < len(longest) <= n, f'"{longest[:40]}" has {len(longest)} letters, at most {n} allowed')


@kind(needs_counting=True)
def repeated_words(text: str, *, n: int) -> Verdict:
    """Require that no word of five or more letters comes more than `n` times, in whatever letter case."""
    counts = Counter(word.casefold() for word in words(text) if len(word) >= LONG)
    word, count = max(counts.items(), key=lambda item: item[1], default=("", 0))
    return Verdict(count <= n, f'"{word[:40]}" comes {count} times, at most {n} allowed')
