"""Lines: how many there are, and what is written at their start."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ecd_data.core.values import Verdict
from ecd_data.requirements.checks.length import compare
from ecd_data.requirements.checks.words import plain

PERCENT = re.compile(r"\d{1,3}")


def line_count(text: str, *, n: int) -> Verdict:
    """Exactly `n` lines, blank ones left out."""
    return compare(sum(bool(line.strip()) for line in text.splitlines()), "exactly", n, "lines")


def line_starting(text: str, *, label: str) -> Verdict:
    """A line begins with the label and says something behind it ("Example: ...")."""
    met = any(says(plain(line), label) for line in text.splitlines())
    return Verdict(met, f'a line starts with "{label}"' if met else f'no line starts with "{label}" and goes on')


def last_line_starting(text: str, *, label: str) -> Verdict:
    """The last line begins with the label and says something behind it ("Answer: ...")."""
    met = says(last_line(text), label)
    return Verdict(met, f'the last line {"starts" if met else "does not start"} with "{label}"')


def labelled_lines(text: str, *, labels: Sequence[str]) -> Verdict:
    """For each label exactly one line begins with it and says something behind it; they come in the order given."""
    found = [label for line in map(plain, text.splitlines()) for label in labels if says(line, label)]
    met = found == list(labels)
    return Verdict(met, f"lines labelled {', '.join(found[:10]) or 'none'}")


def question_and_answer(text: str, *, n: int) -> Verdict:
    """Exactly `n` lines that begin with "Q:", each followed by one that begins with "A:"."""
    found = "".join(line[0] for line in map(plain, text.splitlines()) if says(line, "Q:") or says(line, "A:"))
    return Verdict(found == "QA" * n, f"the labels are {found[:20] or 'none'}, QA {n} times asked")


def last_line_items(text: str, *, label: str, n: int) -> Verdict:
    """The last line begins with the label and lists exactly `n` things behind it, separated by commas."""
    last = last_line(text)
    if not last.startswith(label):
        return Verdict(False, f'the last line does not start with "{label}"')
    items = [item for item in last[len(label) :].split(",") if re.search(r"\w", item)]
    return compare(len(items), "exactly", n, "things listed")


def percent_line(text: str, *, label: str) -> Verdict:
    """The last line is the label and a whole percentage from 0% to 100%, and nothing more."""
    last = last_line(text)
    share = last.removeprefix(label).strip().rstrip(".")
    met = last.startswith(label) and share.endswith("%") and PERCENT.fullmatch(share[:-1]) and int(share[:-1]) <= 100
    return Verdict(bool(met), f'the last line is "{last[:60]}"')


def says(line: str, label: str) -> bool:
    """Whether a line, already plain, begins with a label and says something behind it."""
    return line.startswith(label) and re.search(r"\w", line[len(label) :]) is not None


def last_line(text: str) -> str:
    """The last line that is not blank, without Markdown's marks."""
    return plain(next((line for line in reversed(text.splitlines()) if line.strip()), ""))
