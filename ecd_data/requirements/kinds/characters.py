"""Characters that an answer must have or must do without: punctuation, digits, emoji, and all beyond ASCII."""

import re
import unicodedata
from functools import partial

from ecd_data.core.values import Verdict
from ecd_data.requirements.grammars import LETTER, around, literal, prose, prose_with
from ecd_data.requirements.kind import count_verdict, kind
from ecd_data.requirements.text import NUMBER_WORDS, straight

# Pictographs, emoticons, transport signs, dingbats and flags; the selectors that follow one do not count.
EMOJI = re.compile("[\U0001f300-\U0001f3fa\U0001f400-\U0001faff\u2600-\u27bf]|[\U0001f1e6-\U0001f1ff]{2}")
TO_ASCII = str.maketrans({"–": "-", "—": "-", "…": "...", "−": "-", "\u00a0": " ", "•": "*"})


def _drop_characters(text: str, *, characters: str, name: str) -> str:
    """Drop the characters; exclamation marks become one full stop where no other mark ends the sentence."""
    if name == "exclamation marks":
        text = re.sub(r"¡|(?<=[.?…])[!！]+|[!！]+(?=[.?…])", "", text)
        return re.sub(r"[!！]+", ".", text)
    marks = f"[{re.escape(characters)}]"
    return re.sub(marks, "", re.sub(rf"(?<=\w){marks}(?=[^\W\d])", " ", text))  # "red,green" are two words


def _prose_without_marks(max_chars: int, *, characters: str, name: str) -> str:
    return prose(max_chars, marks="".join(mark for mark in ",.!?" if mark not in characters))


@kind(repair=_drop_characters, grammar=_prose_without_marks)
def no_characters(text: str, *, characters: str, name: str) -> Verdict:
    """Forbid all of the characters; `name` is what they are called ("commas")."""
    count = sum(text.count(char) for char in characters)
    return Verdict(count == 0, f"{count} {name}")


def _spell_numbers(text: str) -> str:
    """Spell numbers up to twenty, with a capital where a sentence starts; decimals, dates and the like stay."""

    def spelled(match: re.Match[str]) -> str:
        number = NUMBER_WORDS[int(match[0])] if int(match[0]) < len(NUMBER_WORDS) else match[0]
        return number.capitalize() if re.search(r"(?:\A|[.!?]\s|\n)\Z", text[: match.start()][-2:]) else number

    return re.sub(r"(?<![\w.,:/$£€+\-])\d{1,2}(?![\w/%°]|[.,:)\-]\d|[.)]\s|-)", spelled, text)


@kind(repair=_spell_numbers, grammar=partial(prose, letters=LETTER))
def no_digits(text: str) -> Verdict:
    """Forbid digits of every script, and ½ and ² too."""
    count = len(re.findall(r"\d", unicodedata.normalize("NFKC", text)))
    return Verdict(count == 0, f"{count} digits")


def _drop_accents(text: str) -> str:
    """Drop accents; quotation marks and hyphens become straight, an ellipsis becomes three dots."""
    decomposed = unicodedata.normalize("NFKD", straight(text.translate(TO_ASCII)))
    return "".join(char for char in decomposed if not unicodedata.combining(char))


@kind(repair=_drop_accents, grammar=prose)
def ascii_only(text: str) -> Verdict:
    """Forbid every character outside ASCII: accents, curly quotation marks, emoji."""
    char = next((char for char in text if not char.isascii()), None)
    return Verdict(char is None, "plain ASCII" if char is None else f"{char!r} ({unicodedata.name(char, 'unnamed')})")


def _add_emoji(text: str, *, n: int) -> str:
    return f"{text} {'🙂' * n}"


@kind(repair=_add_emoji)
def emoji_count(text: str, *, n: int) -> Verdict:
    """Require at least `n` emoji."""
    return count_verdict(len(EMOJI.findall(text)), "at_least", n, "emoji")


def _join_sentences(text: str, *, mark: str, name: str, n: int) -> str | None:
    """Turn the first `n` full stops before a sentence that starts with a small word into semicolons."""
    if mark != ";":
        return None
    small = r"[.] (?=(?:The|This|That|It|They|He|She|You|We|A|An|In|But|So)\b)(\w)"
    return re.sub(small, lambda match: f"; {match[1].lower()}", text, count=n)


def _prose_with_marks(max_chars: int, *, mark: str, name: str, n: int) -> str:
    return around(max_chars, *[f"[a-z]{{2,12}}{literal(mark)}"] * n)


@kind(repair=_join_sentences, grammar=_prose_with_marks)
def mark_count(text: str, *, mark: str, name: str, n: int) -> Verdict:
    """Require at least `n` of a punctuation mark; `name` is what they are called ("semicolons")."""
    return count_verdict(text.count(mark), "at_least", n, name)


def _add_remarks(answer: str, *, n: int) -> str:
    return " ".join([answer, *["That is all (for now)."] * n])


@kind(grammar=prose_with("[(][a-z]{2}[a-z ]{1,40}[)]"), completion=_add_remarks)
def parentheses(text: str, *, n: int) -> Verdict:
    """Require at least `n` remarks in round brackets."""
    remarks = [inside for inside in re.findall(r"\(([^()\n]+)\)", text) if re.search(r"[^\W\d_]{2}", inside)]
    return count_verdict(len(remarks), "at_least", n, "remarks in parentheses")
