"""Layout: lists, titles, markers, and where things stand."""

from __future__ import annotations

import re

from ecd_data.core.values import Verdict
from ecd_data.requirements.checks.length import compare, paragraphs
from ecd_data.requirements.checks.words import plain, unquoted

BULLET = re.compile(r"[ \t]*[-*+•][ \t]+\S")
RULE = re.compile(r"[ \t]*[-*+](?:[ \t]*[-*+])*[ \t]*")
STEP = re.compile(r"(?:step[ \t]*)?(\d{1,3})(?:[.):]|[ \t]+[-–—])[ \t]+\S", re.IGNORECASE)
# The content of brackets is matched first and looked at afterwards: one pattern for both takes quadratic time.
TITLE = re.compile(r"<<([^<>\n]+)>>")
HIGHLIGHT = re.compile(r"(?<![\w*])(\*{1,3})([^*\n]+)\1(?![\w*])")
PLACEHOLDER = re.compile(r"\[([^\[\]\n]+)\](?!\()")


def bullet_count(text: str, *, n: int) -> Verdict:
    """Exactly `n` lines that are bullet points (`-`, `*`, `+` or `•`), indented or not; a rule (`* * *`) is none."""
    bullets = [line for line in text.splitlines() if BULLET.match(line) and not RULE.fullmatch(line)]
    return compare(len(bullets), "exactly", n, "bullet points")


def numbered_steps(text: str, *, n: int) -> Verdict:
    """Exactly `n` lines numbered 1, 2, 3, ... in order (`1.`, `1)` or `Step 1:`, in bold type or in a heading too)."""
    found = [match for line in text.splitlines() if (match := STEP.match(plain(line)))]
    numbers = [int(match[1]) for match in found]
    if numbers != list(range(1, len(numbers) + 1)):
        return Verdict(False, f"numbered {', '.join(map(str, numbers[:10]))}")
    return compare(len(numbers), "exactly", n, "numbered steps")


def title(text: str) -> Verdict:
    """The text begins with a title in double angular brackets: <<A title>>."""
    match = TITLE.match(plain(text))
    met = match is not None and re.search(r"\w", match[1]) is not None
    return Verdict(met, "titled" if met else "does not begin with a <<title>>")


def highlights(text: str, *, n: int) -> Verdict:
    """At least `n` sections highlighted with Markdown asterisks: *so*, **so** or ***so***."""
    found = [inside for _, inside in HIGHLIGHT.findall(text) if inside == inside.strip() and re.search(r"\w", inside)]
    return compare(len(found), "at_least", n, "highlighted sections")


def postscript(text: str, *, marker: str = "P.S.") -> Verdict:
    """The last line begins with the marker (`P.S.`) and says something, or the last of several paragraphs does."""
    letters = r"\. ?".join(map(re.escape, marker.rstrip(".").split(".")))
    begins = re.compile(letters + (r"\." if marker.endswith(".") else r"\b") + r".*\w", re.DOTALL)
    lines = [line for line in text.splitlines() if line.strip()][-1:]
    ends = lines + paragraphs(text)[1:][-1:]
    met = any(begins.match(plain(end)) for end in ends)
    return Verdict(met, "a postscript" if met else "no postscript at the end")


def placeholders(text: str, *, n: int) -> Verdict:
    """At least `n` placeholders in square brackets, such as [name]; links, [1] and boxes ([x]) are none."""
    found = [name for name in PLACEHOLDER.findall(text) if re.search(r"[^\W\d_].*[^\W\d_]", name)]
    return compare(len(found), "at_least", n, "placeholders")


def wrapped_in_quotes(text: str) -> Verdict:
    """The whole text is in double quotation marks, straight or curly."""
    met = re.search(r"\w", unquoted(text) or "") is not None
    return Verdict(met, "in quotation marks" if met else "not in quotation marks as a whole")
