"""Repairs: changes by code that make an answer meet a requirement and leave its meaning as it is, where one exists."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from ecd_data.core.values import Requirement
from ecd_data.requirements.checks import check
from ecd_data.requirements.checks.length import sentences
from ecd_data.requirements.checks.words import straight, words
from ecd_data.requirements.taxonomy import NUMBERS, load_taxonomy

DASHES = str.maketrans({"–": "-", "—": "-", "…": "...", "−": "-", "\u00a0": " ", "•": "*"})
ENDINGS = {"m": "am", "re": "are", "ve": "have", "ll": "will"}
WHOLE = {  # what does not follow the rule; "'s" is "is" after these words, and may be "has" or possessive elsewhere
    **{"can't": "cannot", "won't": "will not", "shan't": "shall not", "ain't": "ain't", "let's": "let us"},
    **{
        f"{word}'s": f"{word} is"
        for word in ("that", "there", "here", "what", "where", "how", "it", "he", "she", "who")
    },
}
SENTENCE_END = tuple(".!?…\"”’')")


def repair(requirement: Requirement, text: str) -> str | None:
    """The repaired answer, or `None` when there is no such change for this requirement or this text."""
    change = REPAIRS.get(load_taxonomy()[requirement.id].check)
    if change is None or not re.search(r"\w", text):
        return None
    repaired = change(text.strip(), **requirement.kwargs)
    return repaired if repaired is not None and check(requirement, repaired).met else None


def _without(text: str, characters: str, name: str) -> str:
    """Without the characters: exclamation marks become one full stop where no other mark ends the sentence."""
    marks = f"[{re.escape(characters)}]"
    if name == "exclamation marks":
        text = re.sub(r"¡|(?<=[.?…])[!！]+|[!！]+(?=[.?…])", "", text)
        return re.sub(r"[!！]+", ".", text)
    return re.sub(marks, "", re.sub(rf"(?<=\w){marks}(?=[^\W\d])", " ", text))  # "red,green" are two words


def _spelt(text: str) -> str:
    """Numbers up to twenty in words, with a capital where a sentence starts; decimals, dates and the like stay."""

    def word(match: re.Match[str]) -> str:
        number = NUMBERS[int(match[0])] if int(match[0]) < len(NUMBERS) else match[0]
        return number.capitalize() if re.search(r"(?:\A|[.!?]\s|\n)\Z", text[: match.start()][-2:]) else number

    return re.sub(r"(?<![\w.,:/$£€+\-])\d{1,2}(?![\w/%°]|[.,:)\-]\d|[.)]\s|-)", word, text)


def _quoted(text: str) -> str:
    """In double quotation marks; those inside become single ones."""
    return '"' + re.sub('["“”‟„«»]', "'", text) + '"'


def _titled(text: str) -> str:
    """With its own first words as the title, up to one that a title can end with."""
    first = words(text)[:5]
    while len(first) > 1 and len(first[-1]) < 4:
        first.pop()
    return f"<<{' '.join(first).capitalize()}>>\n\n{text}"


def _closed(text: str, phrase: str) -> str:
    """With the closing sentence behind the last one, or as a paragraph of its own behind several lines."""
    if "\n" in text:
        return f"{text}\n\n{phrase}"
    return f"{text}{'' if text.endswith(SENTENCE_END) else '.'} {phrase}"


def _divided(text: str, relation: str, n: int) -> str | None:
    """The sentences of one paragraph, spread evenly over `n`."""
    found = sentences(text)
    if len(found) < n or "\n" in text:
        return None
    cuts = [round(i * len(found) / n) for i in range(n)]
    return "\n\n".join(" ".join(found[a:b]) for a, b in zip(cuts, [*cuts[1:], None], strict=True))


def _highlighted(text: str, n: int) -> str | None:
    """With its `n` longest words in asterisks."""
    longest = sorted(dict.fromkeys(word for word in words(text) if len(word) > 4), key=len, reverse=True)
    if "*" in text or len(longest) < n:
        return None
    for word in longest[:n]:
        text = re.sub(rf"(?<![\w*]){re.escape(word)}(?![\w*])", f"*{word}*", text, count=1)
    return text


def _listed(text: str, n: int, marker: str) -> str | None:
    """A line for each sentence, when there are just as many; `#` in the marker is the number of the line."""
    found = sentences(text)
    if len(found) != n or "\n" in text:
        return None
    return "\n".join(marker.replace("#", str(number)) + sentence for number, sentence in enumerate(found, 1))


def _written_out(text: str) -> str:
    """With contractions written out; "'d" and the like, which stand for two things, stay."""

    def expand(match: re.Match[str]) -> str:
        word = match[0].replace("’", "'")
        whole = WHOLE.get(word.casefold())
        if whole is None:
            start, _, end = word.rpartition("n't" if word.casefold().endswith("n't") else "'")
            whole = f"{start} not" if not end else f"{start} {ENDINGS[end.casefold()]}" if end in ENDINGS else word
        return whole[0].upper() + whole[1:] if word[0].isupper() else whole

    # "It's been" and "it's called" are two things; an answer that says so is left alone.
    return re.sub(r"\b\w+[’']\w+\b(?!\s+(?:been|got|had|become|\w+ed|\w+en)\b)", expand, text)


def _plain(text: str) -> str:
    """Without accents, and with straight quotation marks, hyphens and three dots for an ellipsis."""
    text = unicodedata.normalize("NFKD", straight(text.translate(DASHES)))
    return "".join(char for char in text if not unicodedata.combining(char))


def _joined(text: str, mark: str, name: str, n: int) -> str | None:
    """With the first `n` full stops before a sentence that starts with a small word turned into the mark."""
    if mark != ";":
        return None
    return re.sub(r"[.] (?=(?:The|This|That|It|They|He|She|You|We|A|An|In|But|So)\b)(\w)", _lowered, text, count=n)


def _lowered(match: re.Match[str]) -> str:
    return f"; {match[1].lower()}"


def _quoting(text: str) -> str | None:
    """With its first sentence as a block quote."""
    found = sentences(text)
    return None if len(found) < 2 or "\n" in text else f"> {found[0]}\n\n{' '.join(found[1:])}"


def _parted(text: str, n: int) -> list[str]:
    """Its paragraphs, or its sentences spread evenly, when that makes `n` parts; else none."""
    parts = text.split("\n\n")
    if len(parts) == 1:
        parts = (_divided(text, "exactly", n) or "").split("\n\n")
    return parts if len(parts) == n else []


def _capitalised(text: str, relation: str, n: int) -> str | None:
    """With its `n` longest words in capitals."""
    longest = sorted(dict.fromkeys(word for word in words(text) if len(word) > 4), key=len, reverse=True)
    if len(longest) < n:
        return None
    for word in longest[:n]:
        text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", word.upper(), text, count=1)
    return text


def _in_digits(text: str, n: int) -> str:
    """With number words from two to twenty in digits."""
    numbers = "|".join(NUMBERS[2:])
    return re.sub(
        rf"(?<![\w-])(?:{numbers})(?![\w-])", lambda match: str(NUMBERS.index(match[0].lower())), text, flags=re.I
    )


REPAIRS: dict[str, Callable[..., str | None]] = {
    "lower_case": lambda text: text.lower(),
    "upper_case": lambda text: text.upper(),
    "no_characters": _without,
    "no_digits": _spelt,
    "wrapped_in_quotes": _quoted,
    "ends_with": _closed,
    "starts_with": lambda text, phrase: f"{phrase}: {text}",
    "title": _titled,
    "postscript": lambda text: f"{text}\n\nP.S. I hope this helps.",
    "bullet_count": lambda text, n: _listed(text, n, "- "),
    "checklist": lambda text, n: _listed(text, n, "- [ ] "),
    "numbered_steps": lambda text, n: _listed(text, n, "#. "),
    "line_count": lambda text, n: _listed(text, n, ""),
    "divider_count": lambda text, n: "\n\n---\n\n".join(_parted(text, n + 1)),
    "part_count": lambda text, n: "\n\n***\n\n".join(_parted(text, n)),
    "section_count": lambda text, label, n: "\n\n".join(
        f"{label} {number}\n{part}" for number, part in enumerate(_parted(text, n), 1)
    ),
    "request_first": lambda text, request: f"{request}\n\n{text}",
    "capital_words": _capitalised,
    "block_quote": _quoting,
    "contractions": _written_out,
    "ascii_only": _plain,
    "mark_count": _joined,
    "number_count": _in_digits,
    "wrapped_in_tag": lambda text, tag: f"<{tag}>{text}</{tag}>",
    "ends_with_question": lambda text: _closed(text, "Is there anything else you would like to know?"),
    "emoji_count": lambda text, n: f"{text} {'🙂' * n}",
    "code_block": lambda text, language: None if "```" in text else f"```{language}\n{text}\n```",
    "paragraph_count": _divided,
    "highlights": _highlighted,
}
