"""The figures of the card and the report, drawn from the numbers of a manifest alone.

figures/funnel.svg  pairs.svg  requirements.svg  lengths.svg  similarity.svg  judge.svg
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ecd_data.artifact.svg import MARGIN, TOP, WIDTH, bar, dot, figure, label, line, number, text
from ecd_data.methods import METHODS

FOLDER = "figures"
RIGHT = WIDTH - MARGIN
NAMES = 92  # width of the names at the left of a chart
MOST_ROWS = 8  # of a chart, so that it stays one to take in at a glance
HEIGHT = 250  # of a chart that does not grow with its rows


def write_figures(build: Path, manifest: Mapping[str, Any]) -> None:
    """Writes the figures into a build."""
    (build / FOLDER).mkdir()
    for name, svg in figures(manifest).items():
        (build / FOLDER / name).write_text(svg, encoding="utf-8")


def figures(manifest: Mapping[str, Any]) -> dict[str, str]:
    """The figures by their file names; those of requirements and judge are there when there were any.

    Raises:
        KeyError: the manifest was written by an older version, without the distributions.
    """
    made = {"funnel.svg": _funnel(manifest), "pairs.svg": _pairs(manifest)}
    if manifest["distributions"]["requirements"]["by_operation"]:
        made["requirements.svg"] = _requirements(manifest)
    made |= {"lengths.svg": _lengths(manifest), "similarity.svg": _similarity(manifest)}
    if manifest["judge"]:
        made["judge.svg"] = _judge(manifest)
    return made


def _funnel(manifest: Mapping[str, Any]) -> str:
    rounds = manifest["funnel"]["by_round"].values()
    reached = {stage: sum(row[stage] for row in rounds) for stage in METHODS[manifest["recipe"]["builder"]].stages}
    first = max(reached["attempted"], 1)
    left, right = MARGIN + NAMES, RIGHT - 92
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


def _pairs(manifest: Mapping[str, Any]) -> str:
    classes = manifest["distributions"]["by_class_and_round"]
    by_round: defaultdict[str, int] = defaultdict(int)
    for counts in classes.values():
        for name, n in counts.items():
            by_round[name] += n
    numbers = sorted(by_round, key=int)
    rounds, later = numbers[:MOST_ROWS], numbers[MOST_ROWS:]
    names, rest = _most({name: sum(counts.values()) for name, counts in classes.items()})
    table = {name: [classes[name].get(number, 0) for number in numbers] for name in names}
    if rest:
        table[f"{len(rest)} others"] = [sum(classes[name].get(number, 0) for name in rest) for number in numbers]
    shown = {name: _folded(counts, len(rounds)) for name, counts in table.items()}
    heads = [*rounds, f"{later[0]}+"] if later else rounds
    left, step = MARGIN + NAMES, (RIGHT - MARGIN - NAMES - 44) / max(len(heads), 1)
    most = max((max(counts) for counts in shown.values()), default=1)
    tall = min(40.0, (HEIGHT - TOP - 40) / max(len(shown), 1))
    body = [text(left + step * (i + 0.5), TOP + 10, name, "soft", "middle") for i, name in enumerate(heads)]
    body.append(text(RIGHT, TOP + 10, "all", "soft", "end"))
    for row, (name, counts) in enumerate(shown.items()):
        y = TOP + 18 + tall * row
        body.append(label(MARGIN, y + tall / 2 + 4, name, NAMES))
        for column, n in enumerate(counts):
            x = left + step * column
            body.append(bar(x, y, step - 2, tall - 2, "track"))
            if n:  # up to a shade on which text can be read, in light and dark
                body.append(bar(x, y, step - 2, tall - 2, "blue", 0.08 + 0.37 * n / most))
            body.append(text(x + step / 2 - 1, y + tall / 2 + 3, f"{n:,}", "" if n else "soft", "middle"))
        body.append(text(RIGHT, y + tall / 2 + 3, f"{sum(counts):,}", anchor="end"))
    if METHODS[manifest["recipe"]["builder"]].evolves:
        return figure("Pairs by class and round", "class of the requirement added last", HEIGHT, body)
    return figure("Pairs by contrast and round", "what the two answers were made to differ in", HEIGHT, body)


def _requirements(manifest: Mapping[str, Any]) -> str:
    found = manifest["distributions"]["requirements"]
    classes: defaultdict[str, list[int]] = defaultdict(list)
    for operation, n in found["by_operation"].items():
        classes[operation.split("/")[0]].append(n)
    names, rest = _most({name: sum(counts) for name, counts in classes.items()})
    rows = {name: classes[name] for name in names}
    if rest:
        rows[f"{len(rest)} others"] = [n for name in rest for n in classes[name]]
    most = max((sum(counts) for counts in rows.values()), default=1)
    left, right = MARGIN + NAMES, RIGHT - 92
    tall = min(34.0, (HEIGHT - TOP - 12) / max(len(rows), 1))
    body = []
    for i, (name, counts) in enumerate(rows.items()):
        y = TOP + 8 + tall * i
        body.append(label(MARGIN, y + tall * 0.3 + 4, name, NAMES))
        x = float(left)
        for k, n in enumerate(sorted(counts, reverse=True)):
            width = (right - left) * n / most
            body.append(bar(x, y, max(width - min(1.0, width / 4), 0.2), tall * 0.6, "blue", (1.0, 0.7)[k % 2]))
            x += width
        body.append(text(RIGHT, y + tall * 0.3 + 4, f"{sum(counts):,} \u00b7 {len(counts)}", anchor="end"))
    total = sum(found["by_operation"].values())
    by_code = found["by_check"].get("code", 0) / max(total, 1)
    subtitle = f"{total:,} in force, {by_code:.0%} checked by code; each piece a kind"
    return figure("Requirements in the pairs", subtitle, HEIGHT, body)


def _lengths(manifest: Mapping[str, Any]) -> str:
    found = manifest["distributions"]["characters"]
    middle, half = TOP + 68, 48.0
    most = max(*found["chosen"], *found["rejected"], 1)
    step = (RIGHT - MARGIN) / max(len(found["from"]), 8)
    body = []
    for i, (chosen, rejected) in enumerate(zip(found["chosen"], found["rejected"], strict=True)):
        x = MARGIN + step * i
        up, down = half * chosen / most, half * rejected / most
        body += [bar(x, middle - up, step - 2, up, "blue"), bar(x, middle + 18, step - 2, down, "orange")]
        if most in (chosen, rejected):
            y = middle - up - 4 if chosen == most else middle + 18 + down + 12
            body.append(text(x + step / 2 - 1, y, f"{most:,}", "small", "middle"))
    every = _every(len(found["from"]), step, max(len(f"{n:,}") for n in found["from"]))
    for i in range(0, len(found["from"]), every):
        body.append(text(MARGIN + step * i, middle + 13, f"{found['from'][i]:,}", "small"))
    body += [
        bar(MARGIN, HEIGHT - 20, 10, 10, "blue"),
        text(MARGIN + 16, HEIGHT - 11, f"chosen, median {found['median']['chosen']:,}"),
        bar(WIDTH / 2, HEIGHT - 20, 10, 10, "orange"),
        text(WIDTH / 2 + 16, HEIGHT - 11, f"rejected, median {found['median']['rejected']:,}"),
    ]
    return figure("Length of the answers", "answers by characters; bins widen with the length", HEIGHT, body)


def _similarity(manifest: Mapping[str, Any]) -> str:
    found = manifest["distributions"]["similarity"]
    counts = found["pairs"]
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
    subtitle = f"pairs; 1 is the same text; median {number(found['median'])}"
    return figure("Similarity of chosen and rejected", subtitle, HEIGHT, body)


def _judge(manifest: Mapping[str, Any]) -> str:
    tried = manifest["judge"]["calibration"]
    asked = manifest["recipe"]["judge_accuracy"]
    rows = [*tried["by_class"].items(), ("all", tried["overall"])]
    left, right = MARGIN + NAMES, RIGHT - 48.0
    tall = min(28.0, (HEIGHT - TOP - 44) / len(rows))
    bottom = TOP + 6 + tall * len(rows)

    def at(share: float) -> float:
        return left + (right - left) * share

    body = [line(at(0.5), TOP, at(0.5), bottom), line(at(asked), TOP, at(asked), bottom, "mark")]
    for i, (name, row) in enumerate(rows):
        y = TOP + 6 + tall * (i + 0.5)
        accuracy = row["balanced_accuracy"]
        body.append(label(MARGIN, y + 4, name, NAMES))
        if row["items"]:
            body += [line(at(0), y, at(accuracy), y), dot(at(accuracy), y, "orange" if name == "all" else "blue")]
            body.append(text(RIGHT, y + 4, f"{accuracy:.2f}", anchor="end"))
        else:
            body.append(text(RIGHT, y + 4, "not tried", "soft", "end"))
    body.append(text(at(0.5), bottom + 15, "0.5 is guessing", "small", "middle"))
    body.append(text(at(asked), bottom + 30, f"{number(asked)} was asked", "small", "middle"))
    subtitle = f"balanced accuracy on {tried['overall']['items']} questions with a known answer"
    return figure("How reliable the judge is", subtitle, HEIGHT, body)


def _most(totals: Mapping[str, int]) -> tuple[list[str], list[str]]:
    """The names to show, in their order, and those that are put together when there are too many."""
    if len(totals) <= MOST_ROWS:
        return list(totals), []
    largest = set(sorted(totals, key=lambda name: (-totals[name], name))[: MOST_ROWS - 1])
    return [name for name in totals if name in largest], [name for name in totals if name not in largest]


def _folded(counts: Sequence[int], columns: int) -> list[int]:
    rest = counts[columns:]
    return [*counts[:columns], sum(rest)] if rest else list(counts)


def _every(ticks: int, step: float, letters: int) -> int:
    """Which ticks are named so that their names stay apart."""
    return next((n for n in (1, 2, 4, 8) if n * step > letters * 6.2 + 6), max(ticks, 1))
