"""The pieces of figures: SVG that needs nothing else, in light and dark, with the same bytes on every machine."""

import html
from collections.abc import Iterable

from ecd_data.core.text import visible

WIDTH = 370  # two fit side by side into a page of the Hub, one onto a phone
MARGIN = 16
TOP = 64  # where the drawing begins, below title and subtitle
LETTER = 6.6  # a letter's mean width at 12 px
STYLE = """
text { font: 12px sans-serif; fill: #1f2328 }
.title { font-weight: 600; font-size: 14px }
.soft, .small { fill: #59636e }
.small { font-size: 11px }
.paper { fill: #ffffff; stroke: #d1d9e0 }
.line { stroke: #d1d9e0 }
.mark { stroke: #1f2328; stroke-dasharray: 3 3 }
.track { fill: #eff2f5 }
.blue { fill: #0072b2 }
.orange { fill: #d55e00 }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc }
.soft, .small { fill: #9198a1 }
.paper { fill: #0d1117; stroke: #3d444d }
.line { stroke: #3d444d }
.mark { stroke: #f0f6fc }
.track { fill: #212830 }
.blue { fill: #56b4e9 }
.orange { fill: #e69f00 }
}
"""


def figure(title: str, subtitle: str, height: float, body: Iterable[str]) -> str:
    """Return a whole figure; it has a background, since a page may be dark on a system that is set to light."""
    tall = number(height)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {tall}" width="{WIDTH}" height="{tall}"'
    paper = f'<rect class="paper" x="0.5" y="0.5" width="{WIDTH - 1}" height="{number(height - 1)}" rx="6"/>'
    about = f"<title>{_plain(title)}</title>\n<desc>{_plain(subtitle)}</desc>"
    words = [text(MARGIN, 28, title, "title"), text(MARGIN, 47, subtitle, "soft")]
    return "\n".join([f'{head} role="img">', about, f"<style>{STYLE}</style>", paper, *words, *body, "</svg>"]) + "\n"


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    """Return a line of text at its baseline."""
    return f'<text x="{number(x)}" y="{number(y)}"{_class(kind)} text-anchor="{anchor}">{_plain(words)}</text>'


def label(x: float, y: float, words: str, width: float) -> str:
    """Return foreign words as one line of text, whatever they are, cut to about a width in pixels."""
    words = " ".join(visible(words).split())
    most = int(width / LETTER)
    return text(x, y, words if len(words) <= most else words[: most - 1] + "\u2026")


def bar(x: float, y: float, width: float, height: float, kind: str, opacity: float = 1.0) -> str:
    """Return a filled rectangle."""
    shade = f' opacity="{number(opacity)}"' if opacity < 1 else ""
    size = f'width="{number(width)}" height="{number(height)}"'
    return f'<rect{_class(kind)} x="{number(x)}" y="{number(y)}" {size} rx="1"{shade}/>'


def dot(x: float, y: float, kind: str) -> str:
    """Return a point of a chart."""
    return f'<circle{_class(kind)} cx="{number(x)}" cy="{number(y)}" r="5"/>'


def line(x1: float, y1: float, x2: float, y2: float, kind: str = "line") -> str:
    """Return a thin line."""
    return f'<line{_class(kind)} x1="{number(x1)}" y1="{number(y1)}" x2="{number(x2)}" y2="{number(y2)}"/>'


def number(value: float) -> str:
    """Return a coordinate with at most two decimals."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def _plain(words: str) -> str:
    return html.escape(visible(words))
