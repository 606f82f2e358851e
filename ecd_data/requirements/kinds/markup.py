"""Markdown: headings, tables, quotes, code, highlights and placeholders; blocks are read as CommonMark has them."""

import ast
import re
import warnings
from collections.abc import Sequence
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

from ecd_data.core.values import Verdict
from ecd_data.requirements.grammars import DIGIT, LETTER, literal, prose, prose_with
from ecd_data.requirements.kind import count_verdict, kind
from ecd_data.requirements.text import has_word, longest_words, plain, sentences

LONGEST = 100_000  # characters of Markdown that are parsed; no answer is that long
PARSER = MarkdownIt("commonmark").enable("table").disable("inline")  # what stands inside a block is not parsed
QUOTED = re.compile(r"[ \t]{0,3}>[ \t]*\S")
# The content is looked at afterwards: one pattern for both takes quadratic time.
HIGHLIGHT = re.compile(r"(?<![\w*])(\*{1,3})([^*\n]+)\1(?![\w*])")
PLACEHOLDER = re.compile(r"\[([^\[\]\n]+)\](?!\()")


def _prose_below_headings(max_chars: int, *, level: int, n: int) -> str:
    part = f"{'#' * level} [A-Z][a-zA-Z ]{{2,30}}[a-z]\\n\\n{prose(max_chars // n - 40)}"
    return "\\n\\n".join([part] * n)


@kind(grammar=_prose_below_headings)
def heading_count(text: str, *, level: int, n: int) -> Verdict:
    """Require exactly `n` Markdown headings of the level (1 to 6, as many number signs), outside code blocks."""
    blocks = _blocks(text) if "#" in text else []
    count = sum(block.type == "heading_open" and block.markup == "#" * level for block in blocks)
    return count_verdict(count, "exactly", n, f"headings of level {level}")


def _table_of_letters(max_chars: int, *, columns: Sequence[str], n: int) -> str:
    head = f"[|] {' [|] '.join(map(literal, columns))} [|]\\n[|]{' --- [|]' * len(columns)}"
    cell = f"[{LETTER}][{LETTER}{DIGIT} ]{{1,{max(8, max_chars // (n * len(columns)) - 8)}}}[{LETTER}]"
    row = "\\n[|]" + f" {cell} [|]" * len(columns)
    return head + row * n


def _filled_table(answer: str, *, columns: Sequence[str], n: int) -> str:
    rows = [columns, ["---"] * len(columns), *[["this", "that", "more"][: len(columns)]] * n]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


@kind(grammar=_table_of_letters, completion=_filled_table)
def table(text: str, *, columns: Sequence[str], n: int) -> Verdict:
    """Require a Markdown table with exactly these columns, in this order, and exactly `n` rows below the head.

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


def _quote_first_sentence(text: str) -> str | None:
    first, *rest = sentences(text) or [""]
    return None if not rest or "\n" in text else f"> {first}\n\n{' '.join(rest)}"


def _quote_and_prose(max_chars: int) -> str:
    return f"> {prose(max_chars // 2)}\\n\\n{prose(max_chars // 2)}"


@kind(repair=_quote_first_sentence, grammar=_quote_and_prose)
def block_quote(text: str) -> Verdict:
    """Require a Markdown block quote: at least one line that begins with `>` and goes on."""
    met = any(QUOTED.match(line) for line in text.splitlines())
    return Verdict(met, "a block quote" if met else "no line starts with >")


def _fence(text: str, *, language: str) -> str | None:
    return None if "```" in text else f"```{language}\n{text}\n```"


@kind(repair=_fence)
def code_block(text: str, *, language: str) -> Verdict:
    """Require a fenced code block marked with the language, and that all of those parse (Python only)."""
    fences = [block for block in (_blocks(text) if "```" in text or "~~~" in text else []) if block.type == "fence"]
    blocks = [block for block in fences if block.info.strip().casefold() == language]
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


def _highlight_longest_words(text: str, *, n: int) -> str | None:
    longest = longest_words(text)
    if "*" in text or len(longest) < n:
        return None
    for word in longest[:n]:
        text = re.sub(rf"(?<![\w*]){re.escape(word)}(?![\w*])", f"*{word}*", text, count=1)
    return text


@kind(repair=_highlight_longest_words, grammar=prose_with("[*][a-z]{3,14}[*]"))
def highlights(text: str, *, n: int) -> Verdict:
    """Require at least `n` passages highlighted with Markdown asterisks: *so*, **so** or ***so***."""
    inside = [passage for _, passage in HIGHLIGHT.findall(text) if passage == passage.strip() and has_word(passage)]
    return count_verdict(len(inside), "at_least", n, "highlighted sections")


@kind(grammar=prose_with("\\[(name|date|place|time|number)\\]"))
def placeholders(text: str, *, n: int) -> Verdict:
    """Require at least `n` placeholders in square brackets, such as [name]; links, [1] and boxes ([x]) are none."""
    names = [name for name in PLACEHOLDER.findall(text) if re.search(r"[^\W\d_].*[^\W\d_]", name)]
    return count_verdict(len(names), "at_least", n, "placeholders")


def _tables(text: str) -> list[list[list[str]]]:
    """Return the tables of a text: rows of cells, the head first."""
    tables: list[list[list[str]]] = []
    opened = ""
    for block in _blocks(text):
        if block.type == "table_open":
            tables.append([])
        elif block.type == "tr_open":
            tables[-1].append([])
        elif block.type == "inline" and opened in ("th_open", "td_open"):
            tables[-1][-1].append(block.content.strip())
        opened = block.type
    return tables


@lru_cache(maxsize=8)
def _blocks(text: str) -> list[Token]:
    return PARSER.parse(text) if len(text) <= LONGEST else []
