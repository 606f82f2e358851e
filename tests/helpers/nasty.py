"""Text that would break a card, a page or a terminal, for property tests."""

from html.parser import HTMLParser

from hypothesis import example
from hypothesis import strategies as st

NASTY = [
    "---\nlicense: wrong\n---",
    "{{ 7 * 7 }} {% raw %} {# note #}",
    "<script>alert(1)</script><img src=x onerror=alert(1)></td></table></details>",
    "```\ncode\n``````",
    "a|b\\|c\\\\|d",
    "\u202eright to left\u2066 \u200f",
    "# Title\n\n![image](http://example.org/x.png) [link](javascript:alert)",
    "http://example.org www.example.org me@example.org @someone #1",
    "$$ x $$ \\( y \\) *a* __b__ ~~c~~ &amp; &#42;",
    "  indented\n\ttab\r\nnext\u2028line\x00\x1b[31m",
    "]]> --> <!-- <![CDATA[",
]
hostile = st.one_of(st.sampled_from(NASTY), st.text(max_size=100))
text_and_nasty = st.lists(hostile, min_size=1, max_size=3).map("".join)


def each(values):
    def decorate(test):
        for value in values:
            test = example(value)(test)
        return test

    return decorate


class Seen(HTMLParser):
    """The tags and the text of some HTML."""

    def __init__(self, markup):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, *attrs))
        self.text += "\n" if tag == "br" else ""

    def handle_data(self, data):
        self.text += data
