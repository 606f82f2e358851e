"""Parts: an answer that comes in several, each marked off from the next."""

from __future__ import annotations

import re

from ecd_data.core.values import Verdict
from ecd_data.requirements.checks.length import compare, paragraphs
from ecd_data.requirements.checks.words import plain, words


def section_count(text: str, *, label: str, n: int) -> Verdict:
    """Exactly `n` sections, each begun by a line that starts with the label and its number ("Section 1"), in order.

    Each says something, on that line or below it.
    """
    heading = re.compile(rf"{re.escape(label)} (\d{{1,3}})(?!\w)")
    numbers: list[int] = []
    said: list[bool] = []
    for line in map(plain, text.splitlines()):
        match = heading.match(line)
        if match:
            numbers.append(int(match[1]))
            said.append(False)
            line = line[match.end() :]
        if said and re.search(r"\w", line):
            said[-1] = True
    if numbers != list(range(1, len(numbers) + 1)):
        return Verdict(False, f"sections numbered {', '.join(map(str, numbers[:10]))}")
    if not all(said):
        return Verdict(False, f"section {said.index(False) + 1} is empty")
    return compare(len(numbers), "exactly", n, "sections")


def part_count(text: str, *, n: int) -> Verdict:
    """Exactly `n` parts with a line of three asterisks (`***`) between them; the text may begin or end with one."""
    parts = _split(text, "***")
    if not all(re.search(r"\w", part) for part in parts):
        return Verdict(False, "an empty part")
    return compare(len(parts), "exactly", n, "parts")


def two_answers(text: str) -> Verdict:
    """Two answers with a line of six asterisks (`******`) between them, which differ in their words."""
    answers = [[word.casefold() for word in words(part)] for part in _split(text, "******")]
    if len(answers) != 2 or not all(answers):
        return Verdict(False, f"{sum(map(bool, answers))} answers, two asked")
    different = answers[0] != answers[1]
    return Verdict(different, "two different answers" if different else "the same answer twice")


def _split(text: str, mark: str) -> list[str]:
    """The parts of a text between the lines that hold the mark alone; before a first or behind a last one is none."""
    parts: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.strip() == mark:
            parts.append([])
        else:
            parts[-1].append(line)
    joined = ["\n".join(lines).strip() for lines in parts]
    return joined[not joined[0] : len(joined) - (not joined[-1])]


def paragraph_opening(text: str, *, n: int, place: int, word: str) -> Verdict:
    """Exactly `n` paragraphs, and the one at `place`, counted from 1, begins with the word, letter case aside."""
    found = paragraphs(text)
    if len(found) != n:
        return compare(len(found), "exactly", n, "paragraphs")
    first = next(iter(words(plain(found[place - 1]))), "")
    return Verdict(first.casefold() == word.casefold(), f'paragraph {place} begins with "{first[:40]}"')


def request_first(text: str, *, request: str) -> Verdict:
    """The text begins with the request word for word, and an answer follows.

    Letter case, line breaks and the quotation marks or the emphasis around the request do not count.
    """
    said, wanted = (" ".join(plain(part).casefold().split()).lstrip('"') for part in (text, request))
    rest = said[len(wanted) :]
    if not said.startswith(wanted) or re.match(r"\w", rest):
        return Verdict(False, f'begins "{said[:40]}"')
    met = re.search(r"\w", rest) is not None
    return Verdict(met, "the request, then an answer" if met else "the request alone")
