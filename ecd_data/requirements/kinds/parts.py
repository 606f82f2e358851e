"""Parts: paragraphs, sections and whatever else an answer may be divided into."""

import re

from ecd_data.core.values import Verdict
from ecd_data.requirements.grammars import literal, prose
from ecd_data.requirements.kind import Relation, count_verdict, kind
from ecd_data.requirements.text import has_word, paragraphs, plain, sentences, words

DIVIDER = re.compile(r"[ \t]*-{3,}[ \t]*")


def _divide(text: str, *, relation: Relation, n: int) -> str | None:
    """Spread the sentences of a single paragraph evenly over `n`."""
    all_sentences = sentences(text)
    if len(all_sentences) < n or "\n" in text:
        return None
    cuts = [round(i * len(all_sentences) / n) for i in range(n)]
    return "\n\n".join(" ".join(all_sentences[a:b]) for a, b in zip(cuts, [*cuts[1:], None], strict=True))


def _prose_paragraphs(max_chars: int, *, relation: Relation, n: int) -> str:
    return "\\n\\n".join([prose(max_chars // n - 2)] * n)


@kind(repair=_divide, grammar=_prose_paragraphs)
def paragraph_count(text: str, *, relation: Relation, n: int) -> Verdict:
    """Require at least, at most or exactly `n` paragraphs."""
    return count_verdict(len(paragraphs(text)), relation, n, "paragraphs")


def _prose_paragraphs_with_opening(max_chars: int, *, n: int, place: int, word: str) -> str:
    blocks = [prose(max_chars // n - 2)] * n
    blocks[place - 1] = f"{word.capitalize()} {prose(max_chars // n - 2 - len(word), low=12)}"
    return "\\n\\n".join(blocks)


@kind(grammar=_prose_paragraphs_with_opening)
def paragraph_opening(text: str, *, n: int, place: int, word: str) -> Verdict:
    """Require exactly `n` paragraphs; the one at `place`, counted from 1, begins with the word in any letter case."""
    blocks = paragraphs(text)
    if len(blocks) != n:
        return count_verdict(len(blocks), "exactly", n, "paragraphs")
    first = next(iter(words(plain(blocks[place - 1]))), "")
    return Verdict(first.casefold() == word.casefold(), f'paragraph {place} begins with "{first[:40]}"')


def _add_section_headings(text: str, *, label: str, n: int) -> str:
    return "\n\n".join(f"{label} {number}\n{part}" for number, part in enumerate(divided(text, n), 1))


def _prose_sections(max_chars: int, *, label: str, n: int) -> str:
    part = prose(max_chars // n - 12)
    return "\\n\\n".join(f"{literal(label)} {number}\\n{part}" for number in range(1, n + 1))


@kind(repair=_add_section_headings, grammar=_prose_sections)
def section_count(text: str, *, label: str, n: int) -> Verdict:
    """Require exactly `n` sections, each of which starts a line with the label and its number ("Section 1"), in order.

    Each has some words, on that line or below it.
    """
    heading = re.compile(rf"{re.escape(label)} (\d{{1,3}})(?!\w)")
    numbers: list[int] = []
    filled: list[bool] = []
    for line in map(plain, text.splitlines()):
        if match := heading.match(line):
            numbers.append(int(match[1]))
            filled.append(False)
            line = line[match.end() :]
        if filled and has_word(line):
            filled[-1] = True
    if numbers != list(range(1, len(numbers) + 1)):
        return Verdict(False, f"sections numbered {', '.join(map(str, numbers[:10]))}")
    if not all(filled):
        return Verdict(False, f"section {filled.index(False) + 1} is empty")
    return count_verdict(len(numbers), "exactly", n, "sections")


def _add_asterisks(text: str, *, n: int) -> str:
    return "\n\n***\n\n".join(divided(text, n))


def _prose_between_asterisks(max_chars: int, *, n: int) -> str:
    return "\\n\\n[*][*][*]\\n\\n".join([prose(max_chars // n - 7)] * n)


@kind(repair=_add_asterisks, grammar=_prose_between_asterisks)
def part_count(text: str, *, n: int) -> Verdict:
    """Require exactly `n` parts with a line of three asterisks between them; one may also begin or end the text."""
    parts = split_at(text, "***")
    if not all(map(has_word, parts)):
        return Verdict(False, "an empty part")
    return count_verdict(len(parts), "exactly", n, "parts")


def _add_dividers(text: str, *, n: int) -> str:
    return "\n\n---\n\n".join(divided(text, n + 1))


def _prose_between_dividers(max_chars: int, *, n: int) -> str:
    return "\\n\\n---\\n\\n".join([prose(max_chars // (n + 1) - 8)] * (n + 1))


@kind(repair=_add_dividers, grammar=_prose_between_dividers)
def divider_count(text: str, *, n: int) -> Verdict:
    """Require exactly `n` lines that consist of three or more hyphens."""
    count = sum(DIVIDER.fullmatch(line) is not None for line in text.splitlines())
    return count_verdict(count, "exactly", n, "lines of hyphens")


@kind()
def two_answers(text: str) -> Verdict:
    """Require two answers that differ in their words, with a line of six asterisks between them."""
    answers = [[word.casefold() for word in words(part)] for part in split_at(text, "******")]
    if len(answers) != 2 or not all(answers):
        return Verdict(False, f"{sum(map(bool, answers))} answers, two asked")
    different = answers[0] != answers[1]
    return Verdict(different, "two different answers" if different else "the same answer twice")


def split_at(text: str, mark: str) -> list[str]:
    """Return the parts of a text between the lines that consist of the mark; a first or last such line starts none."""
    line = rf"^[^\S\n]*{re.escape(mark)}[^\S\n]*$"
    parts = [part.strip() for part in re.split(line, "\n".join(text.splitlines()), flags=re.MULTILINE)]
    return parts[not parts[0] : len(parts) - (not parts[-1])]


def divided(text: str, n: int) -> list[str]:
    """Return the paragraphs of a text, or its sentences spread evenly, if that makes `n` parts, else nothing."""
    parts = text.split("\n\n")
    if len(parts) == 1:
        parts = (_divide(text, relation="exactly", n=n) or "").split("\n\n")
    return parts if len(parts) == n else []
