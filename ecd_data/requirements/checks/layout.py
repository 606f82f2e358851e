"""Layout: lists, titles, markers, JSON, and where things stand."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from ecd_data.requirements.checks.length import compare
from ecd_data.requirements.checks.words import straight
from ecd_data.values import Verdict

# The content of brackets is matched first and looked at afterwards: one pattern for both takes quadratic time.
TITLE = re.compile(r"<<([^<>\n]+)>>")
PLACEHOLDER = re.compile(r"\[([^\[\]\n]+)\](?!\()")


def bullet_count(text: str, *, n: int) -> Verdict:
    """Exactly `n` lines that are bullet points (`-`, `*`, `+` or `•`), at any indentation."""
    return compare(len(re.findall(r"^[ \t]*[-*+•][ \t]+\S", text, re.MULTILINE)), "exactly", n, "bullet points")


def numbered_steps(text: str, *, n: int) -> Verdict:
    """Exactly `n` lines numbered 1, 2, 3, ... in order (`1.` or `1)`)."""
    numbers = [int(number) for number in re.findall(r"^[ \t]*(\d{1,3})[.)][ \t]+\S", text, re.MULTILINE)]
    if numbers != list(range(1, len(numbers) + 1)):
        return Verdict(False, f"numbered {', '.join(map(str, numbers[:10]))}")
    return compare(len(numbers), "exactly", n, "numbered steps")


def json_object(text: str, *, keys: Sequence[str]) -> Verdict:
    """The whole text is one JSON object with exactly these keys; a Markdown code fence around it is allowed."""
    fenced = re.fullmatch(r"\s*```(?:json)?[ \t]*\n(.*)\n[ \t]*```\s*", text, re.DOTALL)
    try:
        value = json.loads(fenced[1] if fenced else text)
    except (ValueError, RecursionError):
        return Verdict(False, "not JSON alone")
    if not isinstance(value, dict):
        return Verdict(False, "no JSON object")
    if set(value) != set(keys):
        return Verdict(False, f"keys {', '.join(map(str, value)) or 'none'}")
    return Verdict(True, "a JSON object with these keys")


def title(text: str) -> Verdict:
    """The first line holds a title in double angular brackets: <<A title>>."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    met = any(re.search(r"\w", name) for name in TITLE.findall(first))
    return Verdict(met, "titled" if met else "no <<title>> in the first line")


def highlights(text: str, *, n: int) -> Verdict:
    """At least `n` sections highlighted with Markdown asterisks: *so* or **so**."""
    found = re.findall(r"(?<![\w*])\*{1,2}(?=[^\s*])[^*\n]*[^\s*]?\*{1,2}(?![\w*])", text)
    return compare(len(found), "at_least", n, "highlighted sections")


def postscript(text: str) -> Verdict:
    """The last paragraph or line begins with `P.S.` and says something."""
    last = next((line for line in reversed(text.splitlines()) if line.strip()), "")
    met = re.match(r"\W{0,3}P\.\s?S\.:?\W{0,3}\s+\w", last) is not None
    return Verdict(met, "a postscript" if met else "the last line is no postscript")


def placeholders(text: str, *, n: int) -> Verdict:
    """At least `n` placeholders in square brackets, such as [name]; Markdown links do not count."""
    found = [name for name in PLACEHOLDER.findall(text) if re.search(r"\w", name)]
    return compare(len(found), "at_least", n, "placeholders")


def wrapped_in_quotes(text: str) -> Verdict:
    """The whole text is in double quotation marks, straight or curly."""
    body = straight(text.strip())
    met = len(body) > 2 and body[0] == '"' and body[-1] == '"'
    return Verdict(met, "in quotation marks" if met else "not in quotation marks")


def line_starting(text: str, *, label: str) -> Verdict:
    """A line begins with the label and says something behind it ("Example: ...")."""
    met = re.search(rf"^\W{{0,4}}{re.escape(label)}\W{{0,3}}[ \t]*\w", text, re.MULTILINE) is not None
    return Verdict(met, f'a line starts with "{label}"' if met else f'no line starts with "{label}"')


def last_line_starting(text: str, *, label: str) -> Verdict:
    """The last line begins with the label and says something behind it ("Answer: ...")."""
    last = next((line for line in reversed(text.splitlines()) if line.strip()), "")
    return line_starting(last, label=label)
