"""A line chart as SVG, so that a training can show its course without a plotting library."""

from collections.abc import Mapping, Sequence
from html import escape

COLOURS = ("#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#a463f2", "#97bbf5", "#9c6b4e", "#9498a0")
WIDTH, HEIGHT, LEFT, TOP, LINE = 640, 320, 48, 40, 18


def line_chart(title: str, x_name: str, lines: Mapping[str, Sequence[float]]) -> str:
    """Return a chart of lines, with their names below it, each in its line's colour.

    Args:
        title: Above the chart.
        x_name: What is counted along the horizontal axis.
        lines: Values from 0 to 1, at x = 1, 2, ..., by the line's name.
    """
    longest = max(map(len, lines.values()))
    bottom, right = TOP + HEIGHT, LEFT + WIDTH
    parts = [text(LEFT, TOP - 16, title, "font-size='16'")]
    for tenth in range(0, 11, 2):
        y = bottom - HEIGHT * tenth / 10
        parts.append(f"<path d='M{LEFT} {y:g}H{right}' stroke='#ccc'/>")
        parts.append(text(LEFT - 8, y + 4, f"{tenth / 10:g}", "text-anchor='end'"))
    parts.append(text(LEFT, bottom + LINE, "1"))
    parts.append(text(right, bottom + LINE, f"{x_name} {longest}", "text-anchor='end'"))
    for number, (name, values) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        points = " ".join(
            f"{LEFT + WIDTH * index / max(1, longest - 1):.1f},{bottom - HEIGHT * value:.1f}"
            for index, value in enumerate(values)
        )
        parts.append(f"<polyline points='{points}' fill='none' stroke='{colour}' stroke-width='2'/>")
        parts.append(text(LEFT, bottom + LINE * (number + 2.5), name, f"fill='{colour}' font-weight='bold'"))
    height = bottom + LINE * (len(lines) + 2.5)
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {right + 24} {height:g}' font-family='sans-serif' "
        f"font-size='12'><rect width='100%' height='100%' fill='white'/>{''.join(parts)}</svg>\n"
    )


def text(x: float, y: float, words: str, style: str = "") -> str:
    """Return a line of text at its baseline."""
    return f"<text x='{x:g}' y='{y:g}' {style}>{escape(words)}</text>"
