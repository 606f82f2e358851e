"""Foreign text (of seeds, models and servers) made safe to show: on a terminal, in Markdown, HTML and SVG.

In a card such text stands in HTML blocks (`html_text`) and in code spans (`code_span`) only: in neither does Markdown
look for links, mentions, formulas or emphasis.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping

# Control characters but tab and newline, those that change the direction of the text around them or break lines, half
# surrogate pairs, and those that XML has no place for.
UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)
ACTIVE = re.compile(r"[\\`*_\[\]$|~]")  # what programs before or after the Markdown parser might look for


def visible(text: str) -> str:
    """Return the text with each unsafe character spelled out as `[U+202E]`; a terminal or a reader would obey it."""
    return UNSAFE.sub(lambda match: f"[U+{ord(match[0]):04X}]", text.replace("\r\n", "\n"))


def html_text(text: str) -> str:
    """Return the text for an element of an HTML block of Markdown: one line, line breaks as `<br>`, indents kept."""
    escaped = html.escape(visible(text).expandtabs(4))
    escaped = ACTIVE.sub(lambda match: f"&#{ord(match[0])};", escaped)
    escaped = re.sub(r"(?<=\n) +", lambda match: "&nbsp;" * len(match[0]), escaped)
    return escaped.replace("\n", "<br>")


def code_span(text: object) -> str:
    """Return the text, on one line, as a code span of Markdown that may stand in a cell of a table."""
    line = " ".join(visible(str(text)).split()) or " "
    fence = "`" * (1 + max((len(run) for run in re.findall(r"`+", line)), default=0))
    space = " " if "`" in (line[0], line[-1]) else ""
    return fence + space + line.replace("|", r"\|") + space + fence


def one_line(text: object, longest: int = 300) -> str:
    """Return the text on one visible line, cut off after `longest` characters."""
    line = visible(" ".join(str(text).split()))
    return line if len(line) <= longest else line[: longest - 1] + "…"


def counted(number: int, one: str, many: str = "") -> str:
    """Return a number with what is counted: `1 pair`, `2,000 pairs`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def two_columns(rows: Mapping[str, object]) -> str:
    """Return names and values as two aligned columns."""
    width = max(map(len, rows), default=0)
    return visible("\n".join(f"  {name:<{width}}  {value}" for name, value in rows.items()))
