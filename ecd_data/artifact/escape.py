"""Text of seeds and models where a card or a figure shows it: as it is, and without effect on what stands around it.

In a card such text stands in HTML blocks (`html_text`) and in code spans (`code_span`) only: in neither does Markdown
look for links, mentions, formulas or emphasis.
"""

from __future__ import annotations

import html
import re

# Control characters, those that turn the direction of the text around them, and those that XML has no place for.
UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)
ACTIVE = re.compile(r"[\\`*_\[\]$|~]")  # what programs before or after the Markdown parser might look for


def visible(text: str) -> str:
    """The text with characters that nobody sees, but that change how the rest is read, as `[U+202E]`."""
    return UNSEEN.sub(lambda found: f"[U+{ord(found[0]):04X}]", text.replace("\r\n", "\n"))


def html_text(text: str) -> str:
    """The text inside an element of an HTML block of Markdown: on one line, line breaks as `<br>`, indents kept."""
    escaped = html.escape(visible(text).expandtabs(4))
    escaped = ACTIVE.sub(lambda found: f"&#{ord(found[0])};", escaped)
    escaped = re.sub(r"(?<=\n) +", lambda found: "&nbsp;" * len(found[0]), escaped)
    return escaped.replace("\n", "<br>")


def code_span(text: object) -> str:
    """The text, on one line, as a code span of Markdown that may stand in a cell of a table."""
    line = " ".join(visible(str(text)).split()) or " "
    fence = "`" * (1 + max((len(run) for run in re.findall(r"`+", line)), default=0))
    space = " " if "`" in (line[0], line[-1]) else ""
    return fence + space + line.replace("|", r"\|") + space + fence
