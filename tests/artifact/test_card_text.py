import re

from hypothesis import given
from hypothesis import strategies as st

from ecd_data.artifact.card import fenced, markdown


@given(st.text(max_size=200))
def test_a_fence_holds_whatever_is_in_it(text):
    first, *body, last = fenced(text).split("\n")
    assert first.removesuffix("text") == last
    assert "\n".join(body) == text
    assert all(len(run) < len(last) for run in re.findall(r"`+", text))


def test_inline_text_cannot_act_as_markdown_html_or_a_table_cell():
    assert markdown("a|b *c* <img src=x> [l](u)\n---\n# h") == (r"a\|b \*c\* &lt;img src=x&gt; \[l\]\(u\) --- \# h")
