"""Make text of seeds, models and servers safe to show on a terminal and in Markdown, HTML and SVG.

A card holds such text only in HTML blocks (`html_text`) and in code spans (`code_span`), where Markdown does not look
for links, mentions, formulas or emphasis.
"""

import html
import re
from collections.abc import Mapping

# Control characters except tab and newline, characters that change the direction of the text around them or break
# lines, half surrogate pairs, and characters that XML does not allow.
UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)
ACTIVE = re.compile(r"[\\`*_\[\]$|~]")  # programs before or after the Markdown parser may act on these


def visible(text: str) -> str:
    """Return the text with each character that a terminal or a browser would act on spelled out, as in `[U+202E]`."""
    return UNSAFE.sub(lambda match: f"[U+{ord(match[0]):04X}]", text.replace("\r\n", "\n"))


def html_text(text: str) -> str:
    """Return the text for an HTML block in Markdown: on one line, with line breaks as `<br>` and indents kept."""
    escaped = html.escape(visible(text).expandtabs(4))
    escaped = ACTIVE.sub(lambda match: f"&#{ord(match[0])};", escaped)
    escaped = re.sub(r"(?<=\n) +", lambda match: "&nbsp;" * len(match[0]), escaped)
    return escaped.replace("\n", "<br>")


def code_span(text: object) -> str:
    """Return the text on one line, as a Markdown code span that may be a cell of a table."""
    line = " ".join(visible(str(text)).split()) or " "
    fence = "`" * (1 + max((len(run) for run in re.findall(r"`+", line)), default=0))
    space = " " if "`" in (line[0], line[-1]) else ""
    return fence + space + line.replace("|", r"\|") + space + fence


def one_line(text: object, max_length: int = 300) -> str:
    """Return the text on one visible line of at most `max_length` characters."""
    line = visible(" ".join(str(text).split()))
    return line if len(line) <= max_length else line[: max_length - 1] + "…"


def counted(number: int, singular: str, plural: str = "") -> str:
    """Return a number with the name of what is counted: `1 pair`, `2,000 pairs`."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def two_columns(rows: Mapping[str, object]) -> str:
    """Return names and values as lines in two aligned columns."""
    width = max(map(len, rows), default=0)
    return visible("\n".join(f"  {name:<{width}}  {value}" for name, value in rows.items()))
