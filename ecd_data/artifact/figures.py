"""The figures of card and report, drawn from the numbers of a manifest alone.

figures/funnel.svg  pairs.svg  requirements.svg  lengths.svg  similarity.svg  judge.svg
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ecd_data.artifact.svg import MARGIN, TOP, WIDTH, bar, dot, figure, label, line, number, text
from ecd_data.methods import METHODS

FIGURES = "figures"
RIGHT = WIDTH - MARGIN
HEIGHT = 250
NAME_WIDTH = 92  # of the names at the left of a chart
MOST_ROWS = 8  # of a chart, to be read at a glance


def write_figures(build: Path, manifest: Mapping[str, Any]) -> None:
    """Write the figures into a build."""
    (build / FIGURES).mkdir()
    for name, svg in figures(manifest).items():
        (build / FIGURES / name).write_text(svg, encoding="utf-8")


def figures(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Return the figures as SVG text, by file name; requirements and judge have one where there are any.

    Raises:
        KeyError: the manifest was written by an older version, and has no distributions.
    """
    method, distributions = METHODS[manifest["recipe"]["builder"]], manifest["distributions"]
    drawn = {
        "funnel.svg": _funnel(manifest["funnel"]["by_round"], method.stages),
        "pairs.svg": _pairs(distributions["by_class_and_round"], method.evolves),
    }
    if distributions["requirements"]["by_operation"]:
        drawn["requirements.svg"] = _requirements(distributions["requirements"])
    drawn["lengths.svg"] = _lengths(distributions["characters"])
    drawn["similarity.svg"] = _similarity(distributions["similarity"])
    if manifest["judge"]:
        drawn["judge.svg"] = _judge(manifest["judge"]["calibration"], manifest["recipe"]["judge_accuracy"])
    return drawn


def _funnel(by_round: Mapping[str, Mapping[str, int]], stages: Sequence[str]) -> str:
    reached = {stage: sum(row[stage] for row in by_round.values()) for stage in stages}
    first = max(reached["attempted"], 1)
    left, right = MARGIN + NAME_WIDTH, RIGHT - 92
    body = []
    for i, (stage, n) in enumerate(reached.items()):
        y = TOP + 8 + 34 * i
        body += [
            text(MARGIN, y + 14, stage),
            bar(left, y, right - left, 20, "track"),
            bar(left, y, (right - left) * n / first, 20, "blue"),
            text(RIGHT, y + 14, f"{n:,} \u00b7 {n / first:.0%}", anchor="end"),
        ]
    return figure("From rounds to pairs", "how far the rounds came", HEIGHT, body)


def _pairs(classes: Mapping[str, Mapping[str, int]], evolves: bool) -> str:
    rounds = sorted({round for counts in classes.values() for round in counts}, key=int)
    shown, later = rounds[:MOST_ROWS], rounds[MOST_ROWS:]
    names, rest = _largest({name: sum(counts.values()) for name, counts in classes.items()})
    rows = {name: [classes[name].get(round, 0) for round in rounds] for name in names}
    if rest:
        rows[f"{len(rest)} others"] = [sum(classes[name].get(round, 0) for name in rest) for round in rounds]
    rows = {name: _folded(counts, len(shown)) for name, counts in rows.items()}
    heads = [*shown, f"{later[0]}+"] if later else shown
    left, step = MARGIN + NAME_WIDTH, (RIGHT - MARGIN - NAME_WIDTH - 44) / max(len(heads), 1)
    most = max((max(counts) for counts in rows.values()), default=1)
    tall = min(40.0, (HEIGHT - TOP - 40) / max(len(rows), 1))
    body = [text(left + step * (i + 0.5), TOP + 10, name, "soft", "middle") for i, name in enumerate(heads)]
    body.append(text(RIGHT, TOP + 10, "all", "soft", "end"))
    for row, (name, counts) in enumerate(rows.items()):
        y = TOP + 18 + tall * row
        body.append(label(MARGIN, y + tall / 2 + 4, name, NAME_WIDTH))
        for column, n in enumerate(counts):
            x = left + step * column
            body.append(bar(x, y, step - 2, tall - 2, "track"))
            if n:  # up to a shade on which text can be read, in light and dark
                body.append(bar(x, y, step - 2, tall - 2, "blue", 0.08 + 0.37 * n / most))
            body.append(text(x + step / 2 - 1, y + tall / 2 + 3, f"{n:,}", "" if n else "soft", "middle"))
        body.append(text(RIGHT, y + tall / 2 + 3, f"{sum(counts):,}", anchor="end"))
    if evolves:
        return figure("Pairs by class and round", "class of the requirement added last", HEIGHT, body)
    return figure("Pairs by contrast and round", "what the two answers were made to differ in", HEIGHT, body)


def _requirements(counted: Mapping[str, Mapping[str, int]]) -> str:
    classes: defaultdict[str, list[int]] = defaultdict(list)
    for operation, n in counted["by_operation"].items():
        classes[operation.split("/")[0]].append(n)
    names, rest = _largest({name: sum(counts) for name, counts in classes.items()})
    rows = {name: classes[name] for name in names}
    if rest:
        rows[f"{len(rest)} others"] = [n for name in rest for n in classes[name]]
    most = max((sum(counts) for counts in rows.values()), default=1)
    left, right = MARGIN + NAME_WIDTH, RIGHT - 92
    tall = min(34.0, (HEIGHT - TOP - 12) / max(len(rows), 1))
    body = []
    for i, (name, counts) in enumerate(rows.items()):
        y = TOP + 8 + tall * i
        body.append(label(MARGIN, y + tall * 0.3 + 4, name, NAME_WIDTH))
        x = float(left)
        for k, n in enumerate(sorted(counts, reverse=True)):
            width = (right - left) * n / most
            body.append(bar(x, y, max(width - min(1.0, width / 4), 0.2), tall * 0.6, "blue", (1.0, 0.7)[k % 2]))
            x += width
        body.append(text(RIGHT, y + tall * 0.3 + 4, f"{sum(counts):,} \u00b7 {len(counts)}", anchor="end"))
    total = sum(counted["by_operation"].values())
    by_code = counted["by_check"].get("code", 0) / max(total, 1)
    subtitle = f"{total:,} in force, {by_code:.0%} checked by code; each piece a kind"
    return figure("Requirements in the pairs", subtitle, HEIGHT, body)


def _lengths(characters: Mapping[str, Any]) -> str:
    starts, median = characters["from"], characters["median"]
    middle, half = TOP + 68, 48.0
    most = max(*characters["chosen"], *characters["rejected"], 1)
    step = (RIGHT - MARGIN) / max(len(starts), 8)
    body = []
    for i, (chosen, rejected) in enumerate(zip(characters["chosen"], characters["rejected"], strict=True)):
        x = MARGIN + step * i
        up, down = half * chosen / most, half * rejected / most
        body += [bar(x, middle - up, step - 2, up, "blue"), bar(x, middle + 18, step - 2, down, "orange")]
        if most in (chosen, rejected):
            y = middle - up - 4 if chosen == most else middle + 18 + down + 12
            body.append(text(x + step / 2 - 1, y, f"{most:,}", "small", "middle"))
    every = _tick_interval(len(starts), step, max(len(f"{n:,}") for n in starts))
    for i in range(0, len(starts), every):
        body.append(text(MARGIN + step * i, middle + 13, f"{starts[i]:,}", "small"))
    body += [
        bar(MARGIN, HEIGHT - 20, 10, 10, "blue"),
        text(MARGIN + 16, HEIGHT - 11, f"chosen, median {median['chosen']:,}"),
        bar(WIDTH / 2, HEIGHT - 20, 10, 10, "orange"),
        text(WIDTH / 2 + 16, HEIGHT - 11, f"rejected, median {median['rejected']:,}"),
    ]
    return figure("Length of the answers", "answers by characters; bins widen with the length", HEIGHT, body)


def _similarity(similarity: Mapping[str, Any]) -> str:
    counts = similarity["pairs"]
    lowest = next((i for i, n in enumerate(counts) if n), 0) / len(counts)
    start = min(0.5, int(lowest * 10) / 10)
    first = round(start * len(counts))
    bottom, tall = HEIGHT - 30.0, HEIGHT - 30.0 - TOP - 24
    most = max(*counts, 1)
    step = (RIGHT - MARGIN) / (len(counts) - first)
    body = []
    for i, n in enumerate(counts[first:]):
        x, up = MARGIN + step * i, tall * n / most
        body.append(bar(x, bottom - up, step - min(2.0, step / 4), up, "blue"))
        if n == most:
            body.append(text(x + step / 2, bottom - up - 5, f"{n:,}", "small", "end" if x > WIDTH / 2 else "start"))
    body.append(line(MARGIN, bottom + 1, RIGHT, bottom + 1))
    for share, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end")):
        x = MARGIN + (RIGHT - MARGIN) * share
        body.append(text(x, bottom + 16, number(start + (1 - start) * share), "small", anchor))
    subtitle = f"pairs; 1 is the same text; median {number(similarity['median'])}"
    return figure("Similarity of chosen and rejected", subtitle, HEIGHT, body)


def _judge(calibration: Mapping[str, Any], required: float) -> str:
    rows = [*calibration["by_class"].items(), ("all", calibration["overall"])]
    left, right = MARGIN + NAME_WIDTH, RIGHT - 48.0
    tall = min(28.0, (HEIGHT - TOP - 44) / len(rows))
    bottom = TOP + 6 + tall * len(rows)

    def at(share: float) -> float:
        return left + (right - left) * share

    body = [line(at(0.5), TOP, at(0.5), bottom), line(at(required), TOP, at(required), bottom, "mark")]
    for i, (name, row) in enumerate(rows):
        y = TOP + 6 + tall * (i + 0.5)
        accuracy = row["balanced_accuracy"]
        body.append(label(MARGIN, y + 4, name, NAME_WIDTH))
        if row["items"]:
            body += [line(at(0), y, at(accuracy), y), dot(at(accuracy), y, "orange" if name == "all" else "blue")]
            body.append(text(RIGHT, y + 4, f"{accuracy:.2f}", anchor="end"))
        else:
            body.append(text(RIGHT, y + 4, "not tried", "soft", "end"))
    body.append(text(at(0.5), bottom + 15, "0.5 is guessing", "small", "middle"))
    body.append(text(at(required), bottom + 30, f"{number(required)} was asked", "small", "middle"))
    subtitle = f"balanced accuracy on {calibration['overall']['items']} questions with a known answer"
    return figure("How reliable the judge is", subtitle, HEIGHT, body)


def _largest(totals: Mapping[str, int]) -> tuple[list[str], list[str]]:
    """Return the names to show, in their order, and those that share one row where there are too many."""
    if len(totals) <= MOST_ROWS:
        return list(totals), []
    largest = set(sorted(totals, key=lambda name: (-totals[name], name))[: MOST_ROWS - 1])
    return [name for name in totals if name in largest], [name for name in totals if name not in largest]


def _folded(counts: Sequence[int], columns: int) -> list[int]:
    """Return the first counts, and the sum of any others as one more."""
    rest = counts[columns:]
    return [*counts[:columns], sum(rest)] if rest else list(counts)


def _tick_interval(ticks: int, step: float, letters: int) -> int:
    """Return that each tick, or each second, fourth or eighth, has a label, so that labels do not overlap."""
    return next((n for n in (1, 2, 4, 8) if n * step > letters * 6.2 + 6), max(ticks, 1))
