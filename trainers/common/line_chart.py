"""A line chart as SVG, so that a training can show its course without a plotting library."""

from collections.abc import Mapping, Sequence

from ecd_data.artifact.svg import MARGIN, TOP, WIDTH, figure, label, line, number, text

COLOURS = ("#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#a463f2", "#97bbf5", "#9c6b4e", "#9498a0")
LEFT, RIGHT, BOTTOM = MARGIN + 24, WIDTH - MARGIN, TOP + 160
ROW = 18  # from one name below the chart to the next


def line_chart(title: str, subtitle: str, x_name: str, lines: Mapping[str, Sequence[float]]) -> str:
    """Return a chart of lines, with their names below it, each beside a stroke in its line's colour.

    Args:
        title, subtitle: Above the chart.
        x_name: What is counted along the horizontal axis.
        lines: Values from 0 to 1, at x = 1, 2, ..., by the line's name.
    """
    longest = max(map(len, lines.values()))
    body = [text(LEFT, BOTTOM + ROW, "1", "small"), text(RIGHT, BOTTOM + ROW, f"{x_name} {longest}", "small", "end")]
    for share in (0.0, 0.5, 1.0):
        y = BOTTOM - (BOTTOM - TOP) * share
        body += [line(LEFT, y, RIGHT, y), text(LEFT - 6, y + 4, number(share), "small", "end")]
    step, y = (RIGHT - LEFT) / max(1, longest - 1), BOTTOM + ROW
    for row, (name, values) in enumerate(lines.items()):
        places = ((LEFT + step * x, BOTTOM - (BOTTOM - TOP) * value) for x, value in enumerate(values))
        points = " ".join(f"{number(x)},{number(y)}" for x, y in places)
        stroke, y = f'fill="none" stroke="{COLOURS[row % len(COLOURS)]}" stroke-width="2"', y + ROW
        body += [f'<polyline points="{points}" {stroke}/>', f'<path d="M{MARGIN} {y - 4}h16" {stroke}/>']
        body.append(label(LEFT, y, name, RIGHT - LEFT))
    return figure(title, subtitle, y + ROW, body)
