"""Markup: headings, tables, task lists, dividers, fenced code and tags; Markdown blocks as CommonMark reads them."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Sequence
from functools import cache, lru_cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

from ecd_data.core.values import Verdict
from ecd_data.requirements.checks.length import compare
from ecd_data.requirements.checks.words import plain

TASK = re.compile(r"[ \t]*[-*+][ \t]+\[[ xX]\][ \t]+\S")
DIVIDER = re.compile(r"[ \t]*-{3,}[ \t]*")
LONGEST = 100_000  # characters of Markdown that are parsed; no answer is that long
QUOTED = re.compile(r"[ \t]{0,3}>[ \t]*\S")


def heading_count(text: str, *, level: int, n: int) -> Verdict:
    """Exactly `n` Markdown headings of the level (1 to 6, as many number signs), outside code blocks."""
    found = _blocks(text) if "#" in text else []
    count = sum(block.type == "heading_open" and block.markup == "#" * level for block in found)
    return compare(count, "exactly", n, f"headings of level {level}")


def table(text: str, *, columns: Sequence[str], n: int) -> Verdict:
    """A Markdown table with exactly these columns, in this order, and exactly `n` rows below the head.

    Letter case and emphasis in the head do not count; no cell may be empty.
    """
    tables = _tables(text) if "|" in text else []
    if not tables:
        return Verdict(False, "no Markdown table")
    wanted = [column.casefold() for column in columns]
    for head, *rows in tables:
        if [plain(cell).casefold() for cell in head] == wanted and len(rows) == n and all(map(all, rows)):
            return Verdict(True, f"a table with these columns and {n} rows")
    head, *rows = tables[0]
    return Verdict(False, f"a table with the columns {', '.join(head)} and {len(rows)} rows")


def checklist(text: str, *, n: int) -> Verdict:
    """Exactly `n` lines that are items of a task list: `- [ ] so` or `- [x] so`."""
    return compare(sum(TASK.match(line) is not None for line in text.splitlines()), "exactly", n, "task list items")


def divider_count(text: str, *, n: int) -> Verdict:
    """Exactly `n` lines that hold three or more hyphens and nothing else."""
    count = sum(DIVIDER.fullmatch(line) is not None for line in text.splitlines())
    return compare(count, "exactly", n, "lines of hyphens")


def block_quote(text: str) -> Verdict:
    """A Markdown block quote: at least one line that begins with `>` and says something."""
    met = any(QUOTED.match(line) for line in text.splitlines())
    return Verdict(met, "a block quote" if met else "no line starts with >")


def wrapped_in_tag(text: str, *, tag: str) -> Verdict:
    """The whole text stands between `<tag>` and `</tag>`, which come once each."""
    body, opening, closing = text.strip(), f"<{tag}>", f"</{tag}>"
    if not body.startswith(opening) or not body.endswith(closing):
        return Verdict(False, f"does not stand between {opening} and {closing}")
    if body.count(opening) > 1 or body.count(closing) > 1:
        return Verdict(False, f"{opening} or {closing} more than once")
    met = re.search(r"\w", body.removeprefix(opening).removesuffix(closing)) is not None
    return Verdict(met, f"between {opening} and {closing}" if met else "nothing between the tags")


def code_block(text: str, *, language: str) -> Verdict:
    """A fenced code block marked with the language, and all of those parse (Python only)."""
    found = _blocks(text) if "```" in text or "~~~" in text else []
    blocks = [block for block in found if block.type == "fence" and block.info.strip().casefold() == language]
    if not blocks:
        return Verdict(False, f"no code block marked {language}")
    for block in blocks:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about escapes and the like in the model's code
                if not ast.parse(block.content).body:
                    return Verdict(False, "an empty code block")
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            return Verdict(False, f"a code block does not parse: {error}")
    return Verdict(True, f"a code block in {language}")


def _tables(text: str) -> list[list[list[str]]]:
    """The tables of a text: rows of cells, the head first."""
    tables: list[list[list[str]]] = []
    cell = False
    for block in _blocks(text):
        if block.type == "table_open":
            tables.append([])
        elif block.type == "tr_open":
            tables[-1].append([])
        elif block.type in ("th_open", "td_open"):
            cell = True
        elif cell and block.type == "inline":
            tables[-1][-1].append(block.content.strip())
            cell = False
    return tables


@lru_cache(maxsize=8)
def _blocks(text: str) -> list[Token]:
    return _parser().parse(text) if len(text) <= LONGEST else []


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark").enable("table").disable("inline")  # what stands inside a block is not parsed
