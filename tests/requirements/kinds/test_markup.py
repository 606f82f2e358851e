import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecd_data.requirements.kinds import repair
from ecd_data.requirements.kinds.markup import block_quote, code_block, heading_count, highlights, placeholders, table
from tests.helpers.requirements import required

YES, NO = True, False
TABLE = "| Item | Use |\n|---|---|\n| cup | tea |\n| pan | eggs |"


@pytest.mark.parametrize(
    ("kind", "kwargs", "text", "met"),
    [
        (heading_count, {"level": 2, "n": 2}, "## A\ntext\n\n## B ##\n", YES),
        (heading_count, {"level": 2, "n": 2}, "## A\n```\n## B\n```", NO),
        (heading_count, {"level": 2, "n": 1}, "# A\n\n## B\n\n### C", YES),
        (heading_count, {"level": 2, "n": 1}, "##A", NO),
        (heading_count, {"level": 2, "n": 1}, "A\n---", NO),
        (table, {"columns": ["Item", "Use"], "n": 2}, TABLE, YES),
        (table, {"columns": ["Item", "Use"], "n": 2}, f"Here it is:\n\n{TABLE}\n\nGood luck!", YES),
        (table, {"columns": ["Item", "Use"], "n": 2}, TABLE.replace("Item", "**item**"), YES),
        (table, {"columns": ["Item", "Use"], "n": 2}, f"```\n{TABLE}\n```", NO),
        (table, {"columns": ["Item", "Use"], "n": 3}, TABLE, NO),
        (table, {"columns": ["Use", "Item"], "n": 2}, TABLE, NO),
        (table, {"columns": ["Item", "Use"], "n": 2}, TABLE.replace("tea", " "), NO),
        (table, {"columns": ["Item", "Use"], "n": 2}, "Item | Use", NO),
        (block_quote, {}, "So:\n> Be kind.", YES),
        (block_quote, {}, "3 > 2\n>", NO),
        (code_block, {"language": "python"}, "So:\n```python\nx = [1]\n```", YES),
        (code_block, {"language": "python"}, "```python\nx = [1\n```", NO),
        (code_block, {"language": "python"}, "```\nx = 1\n```", NO),
        (code_block, {"language": "python"}, "```python\n# nothing\n```", NO),
        (highlights, {"n": 2}, "A *red* and a **blue bag**.", YES),
        (highlights, {"n": 1}, "2 * 3 * 4, ** and * item", NO),
        (highlights, {"n": 1}, "* one\n* two", NO),
        (highlights, {"n": 1}, "A ***very bold*** word", YES),
        (highlights, {"n": 2}, "- *one*: yes\n* **two**: no", YES),
        (highlights, {"n": 1}, "**bold with *nested* emphasis**", YES),
        (highlights, {"n": 1}, "3*4*5 and *open", NO),
        (placeholders, {"n": 2}, "Dear [name], on [the date].", YES),
        (placeholders, {"n": 1}, "See [this](http://x.y) and [ ].", NO),
        (placeholders, {"n": 1}, "Cited [1], done [x], and [2024].", NO),
    ],
)
def test_a_text_meets_it_or_does_not(kind, kwargs, text, met):
    verdict = kind(text, **kwargs)
    assert verdict.met is met, verdict.reason


@pytest.mark.parametrize(
    ("id_", "kwargs", "text", "repaired"),
    [
        ("format/block_quote", {}, "Go. Run!", "> Go.\n\nRun!"),
        ("format/code_block", {}, "x = 1", "```python\nx = 1\n```"),
        ("format/code_block", {}, "Here is the code", None),
        ("format/highlighted_sections", {"n": 2}, "Drink water slowly.", "*Drink* water *slowly*."),
        ("format/highlighted_sections", {"n": 2}, "Drink *water*.", None),
    ],
)
def test_an_answer_is_repaired_or_left_alone(id_, kwargs, text, repaired):
    assert repair(required(id_, **kwargs), text) == repaired


WORDS = st.text("abcdefghijklmnopqrstuvwz", min_size=3, max_size=9)


@given(st.lists(WORDS, min_size=2, max_size=6, unique=True), st.integers(1, 5), st.data())
def test_tables_of_drawn_shapes(columns, n, data):
    cells = [[data.draw(WORDS) for _ in columns] for _ in range(n)]
    drawn = "\n".join("|" + "|".join(row) + "|" for row in [columns, ["-"] * len(columns), *cells])
    assert table(drawn, columns=columns, n=n).met
    assert not table(drawn, columns=columns, n=n + 1).met
    assert not table(drawn, columns=[*columns, "more"], n=n).met
