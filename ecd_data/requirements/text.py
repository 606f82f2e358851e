"""Text as the kinds of requirement read it: its words, sentences and paragraphs, free of typography and Markdown."""

import re
import unicodedata
from functools import lru_cache

from sentencex import segment

TYPOGRAPHY = {
    **dict.fromkeys("“”‟„«»", '"'),
    **dict.fromkeys("‘’‛‚ʼ", "'"),
    **dict.fromkeys("\u2010\u2011", "-"),
    **dict.fromkeys("\u00ad\u200b\u2060\ufeff", ""),  # soft hyphens and spaces without width
}
TYPOGRAPHIC = re.compile(f"[{''.join(TYPOGRAPHY)}]")
# "don't", "well-known" and "1,000.5" are one word each, and so is "U.S.", which most texts do without.
SIMPLE_WORD = re.compile(r"\w+(?:['\-]\w+|[.,:](?<=\d.)(?=\d)\w+)*")
WORD = re.compile(rf"(?<!\w)(?:[^\W\d_]\.){{2,}}|{SIMPLE_WORD.pattern}")
ABBREVIATION = re.compile(r"\.[^\W\d_]\.")
WORD_CHARACTER = re.compile(r"\w")

LIST_MARKER = re.compile(r"[ \t]*(?:[-*+•]|\d{1,3}[.)]|>)[ \t]+")
HEADING = re.compile(r"[ \t]*#{1,6}[ \t]|[ \t*_]*<<[^<>]*>>[ \t*_]*\Z")
# Most lines of a long list: the segmenter would only say that it is one sentence.
SINGLE_SENTENCE = re.compile(r"[^.!?\u0080-\U0010ffff]*[.!?]*")
LIST_NUMBER = re.compile(r"\d{1,3}[.)]")
CLOSING = " \t\r\n\"'”’»)]*_"

NUMBER_WORDS = [
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"),
]


def straight(text: str) -> str:
    """Return the text with straight quotation marks and composed accents, so that typography decides no check."""
    if text.isascii():
        return text
    # `str.translate` takes ten times as long where there is little to change.
    return TYPOGRAPHIC.sub(lambda match: TYPOGRAPHY[match[0]], unicodedata.normalize("NFC", text))


def plain(text: str) -> str:
    """Return straight text without Markdown's emphasis and the mark of a heading, quote or list at its start."""
    if not text or text.isspace():  # most lines of a text that is hardly anything but line breaks
        return ""
    return re.sub("[*_`]", "", straight(text)).lstrip("#>-+• \t\r\n").rstrip()


def unquoted(text: str) -> str | None:
    """Return what stands inside the double quotation marks around a whole text, or `None` without such marks.

    Whether a mark inside opens or closes depends on the character before it, so `"Go," she said. "Now."` does not
    count as one quotation.
    """
    body = straight(re.sub(r"«\s*", "«", text.replace(" »", "»").replace("\u00a0»", "»").strip()))
    if len(body) < 3 or body[0] != '"' or body[-1] != '"':
        return None
    depth, opens = 0, True  # whether a mark at this place would open a quotation
    for i, char in enumerate(body):
        if char == '"':
            depth += 1 if opens else -1
            if depth == 0 and i < len(body) - 1:
                return None
        else:
            opens = char.isspace() or char in "([{-–—/*_"
    return body[1:-1] if depth == 0 else None


def has_word(text: str) -> bool:
    """Return whether a text has a letter, a digit or an underscore at all."""
    return WORD_CHARACTER.search(text) is not None


@lru_cache(maxsize=32)  # one text is checked for several requirements
def words(text: str) -> tuple[str, ...]:
    """Return the words of a text: letters and digits, with apostrophes and hyphens inside."""
    text = straight(text)
    return tuple((WORD if ABBREVIATION.search(text) else SIMPLE_WORD).findall(text))


def longest_words(text: str) -> list[str]:
    """Return the different words of five or more characters, the longest first."""
    return sorted(dict.fromkeys(word for word in words(text) if len(word) > 4), key=len, reverse=True)


def occurrences(text: str, phrase: str) -> int:
    """Return how often a word or phrase stands in a text as a whole, regardless of case and line breaks.

    "Friend's" contains "friend", but "can't" does not contain "can"; Markdown's underscores are no part of a word.
    """
    return len(whole_phrases(phrase).findall(folded(text)))


@lru_cache(maxsize=1024)
def whole_phrases(*phrases: str) -> re.Pattern[str]:
    """Return the pattern that finds any of the phrases as a whole in a `folded` text."""
    patterns = []
    for phrase in phrases:
        first, *rest = map(re.escape, straight(phrase).casefold().split())
        # What stands before is looked at behind the first word: the engine finds a literal much faster.
        patterns.append(r"\s+".join([f"{first}(?<![^\\W_]{first})", *rest]))
    return re.compile(rf"(?:{'|'.join(patterns)})(?![^\W_]|'t(?![^\W_]))")


@lru_cache(maxsize=32)
def folded(text: str) -> str:
    """Return straight text without differences of letter case."""
    return straight(text).casefold()


@lru_cache(maxsize=32)  # one text is checked for several requirements
def sentences(text: str) -> tuple[str, ...]:
    """Return the sentences of a text.

    A line break ends one, so each item of a list counts as at least one; list markers, headings, titles and
    quotation marks around the whole text do not count.
    """
    result: list[str] = []
    for line in (unquoted(text) or text).splitlines():
        if HEADING.match(line) or not has_word(line):
            continue
        line = (LIST_MARKER.sub("", line, count=1) if LIST_MARKER.match(line) else line).strip()
        parts = [line] if SINGLE_SENTENCE.fullmatch(line) else [part.strip() for part in segment("en", line)]
        parts = [part for part in parts if has_word(part)]
        # "1. Do this. 2. Do that." in one line: the numbers are no sentences.
        result += [part for part in parts if len(parts) == 1 or not LIST_NUMBER.fullmatch(part)]
    return tuple(result)


def is_question(text: str) -> bool:
    """Return whether a sentence or text ends with a question mark, apart from closing quotation marks and the like."""
    return text.rstrip(CLOSING).endswith("?")


def first_sentence(text: str) -> str:
    """Return plain prose up to its first full stop."""
    return text.split(". ")[0].rstrip(".!") + "."


def paragraphs(text: str) -> list[str]:
    """Return the blocks of a text that blank lines separate, without those that have no word, such as a rule."""
    blocks = re.split(r"\n[ \t]*\n", "\n".join(text.splitlines()))
    return [block.strip() for block in blocks if has_word(block)]
