"""What differs between two builds, published or not: rows by class, lengths, verdicts and coverage.

python -m ecd_data.compare org/ecd@v1.0 org/ecd@v1.1
python -m ecd_data.compare org/ecd build
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, get_args

from ecd_data.cli.console import print_table, quiet_libraries, run_command
from ecd_data.core.text import visible
from ecd_data.core.values import Route

if TYPE_CHECKING:
    from ecd_data.proof.comparison import RowChange, Shape

SHOWN = 5  # rows that are named of each kind of change
KINDS = ("added", "removed", "changed")
ROUTES = get_args(Route)
Cells = Sequence[object]
Rows = Counter[tuple[str, str]]  # by config and class


def compare(a: str, b: str) -> None:
    """Prints what differs between the builds that a user names.

    Raises:
        EcdError: one of them is no build.
    """
    from ecd_data.artifact.funnel import make_funnel
    from ecd_data.artifact.manifest import read_manifest
    from ecd_data.artifact.schema import ECD
    from ecd_data.proof.comparison import changed_rows, count_rows, shapes
    from ecd_data.release.download import build_at

    here, there = build_at(a), build_at(b)
    made = [read_manifest(build) for build in (here, there)]
    print_table(("made of", "A", "B"), [("", a, b), *made_of(*made)])
    changes, before, after = list(changed_rows(here, there)), shapes(here), shapes(there)
    print_table(("rows", "A", "B", *KINDS), row_counts(changes, count_rows(here), count_rows(there)), numbers=True)
    for line in named(changes) if changes else ["no row differs"]:
        print(visible(line))
    heading, *rows = pair_shifts(before, after)
    print_table([str(name) for name in heading], rows, numbers=True)
    names = [manifest["recipe"].get("builder", ECD) for manifest in made]
    funnels = make_funnel(here, names[0]), make_funnel(there, names[1])
    print_table(("coverage", "A", "B", "shift"), coverage(*funnels), numbers=True)
    for line in operations(*funnels):
        print(visible(line))


def made_of(a: dict[str, Any], b: dict[str, Any]) -> Iterator[Cells]:
    """What the builds were made of, where that differs."""
    from ecd_data.proof.comparison import differing_values

    parts = ("recipe", "seeds", "hashes", "model", "judge", "versions")
    before, after = ({name: manifest.get(name) for name in parts} for manifest in (a, b))
    for path, ours, theirs in differing_values(before, after):
        cells = (value[:12] if path.startswith("hashes.") and value else value for value in (ours, theirs))
        yield path, *("-" if cell is None else cell for cell in cells)


def row_counts(changes: Sequence[RowChange], a: Rows, b: Rows) -> Iterator[Cells]:
    """Rows of each config and class: how many there are, and how many came, went or changed."""
    from ecd_data.proof.comparison import ALL, tally

    counts = tally(changes)
    configs = list(dict.fromkeys(config for config, _ in (*a, *b)))
    for config, name in sorted({*a, *b}, key=lambda key: (configs.index(key[0]), key[1] != ALL, key[1])):
        if name == ALL or config == "preference":
            shown = config if name == ALL else f"- {name}"
            kinds = (counts[config, name][kind] for kind in KINDS)
            yield shown, *(f"{number:,}" for number in (a[config, name], b[config, name], *kinds))


def named(changes: Sequence[RowChange]) -> Iterator[str]:
    """The first pairs of each kind of change, and what changed in them."""
    pairs = [change for change in changes if change.config == "preference"]
    columns = Counter(column for change in pairs for column in change.columns)
    if columns:
        yield "changed in pairs: " + ", ".join(f"{name} {number:,}" for name, number in columns.most_common())
    for kind in KINDS:
        of_kind = [change for change in pairs if change.kind == kind]
        for change in of_kind[:SHOWN]:
            what = f" ({', '.join(change.columns)})" if change.columns else ""
            yield f"{kind:<8}{change.split} {change.id}{what}"
        if len(of_kind) > SHOWN:
            yield f"        ... and {len(of_kind) - SHOWN:,} more {kind}"


def pair_shifts(a: dict[str, Shape], b: dict[str, Shape]) -> Iterator[Cells]:
    """A heading with the classes; below it, what their pairs are like on both sides."""
    from ecd_data.proof.comparison import ALL, Shape

    classes = [ALL, *sorted({*a, *b} - {ALL})]
    yield "pairs, A to B", *classes
    found = {route for shapes in (a, b) for route in shapes.get(ALL, Shape()).routes}
    routes = sorted(found, key=lambda route: (ROUTES.index(route) if route in ROUTES else len(ROUTES), route))
    sides = [[measures(shapes.get(name, Shape()), routes) for name in classes] for shapes in (a, b)]
    for what in sides[0][0]:
        cells = [(before[what], after[what]) for before, after in zip(*sides, strict=True)]
        yield what, *(before if before == after else f"{before} → {after}" for before, after in cells)


def measures(shape: Shape, routes: Sequence[str]) -> dict[str, str]:
    """What pairs are like, by name."""
    from ecd_data.proof.comparison import SIDES

    return {
        "pairs": f"{shape.pairs:,}",
        **{f"{side}, median characters": f"{shape.median_length(side):,.0f}" for side in SIDES},
        "requirements": f"{shape.per_pair('requirements'):.2f}",
        "- judged": f"{shape.per_pair('judged'):.2f}",
        "- missed by the rejected": f"{shape.per_pair('missed'):.2f}",
        "similarity": f"{shape.mean_similarity:.3f}",
        **{f"chosen by {route}": f"{shape.share(route):.1%}" for route in routes},
    }


def coverage(a: dict[str, Any], b: dict[str, Any]) -> Iterator[Cells]:
    """Of two funnels, operations drawn and with a pair, and the share of its rounds that each class made pairs of."""
    for what in ("drawn", "with_pair"):
        numbers = [funnel["operations"][what] for funnel in (a, b)]
        yield f"operations {what.replace('_', ' ')}", *numbers, f"{numbers[1] - numbers[0]:+,}"
    classes = [funnel["by_class"] for funnel in (a, b)]
    for name in sorted({*classes[0], *classes[1]} - {"none"}):
        reached = [by_class.get(name, {"pairs": 0, "attempted": 0}) for by_class in classes]
        shares = [n["pairs"] / n["attempted"] if n["attempted"] else 0.0 for n in reached]
        yield f"rounds of {name} with a pair", *(f"{s:.1%}" for s in shares), f"{shares[1] - shares[0]:+.1%}"


def operations(a: dict[str, Any], b: dict[str, Any]) -> Iterator[str]:
    """Of two funnels, the operations that have pairs on one side only."""
    before, after = ({name for name, n in funnel["by_operation"].items() if n["pairs"]} for funnel in (a, b))
    for name, ours, theirs in [("A", before, after), ("B", after, before)]:
        if alone := sorted(ours - theirs):
            yield f"with pairs in {name} only: {', '.join(alone)}"


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m ecd_data.compare",
        description="Compare two builds or revisions: rows added, removed and changed, by class, and the shift in "
        "lengths, verdicts and coverage.",
        epilog="Each is a directory, a dataset id, or a dataset id at a branch, tag or commit: org/name@v1.2.",
    )
    parser.add_argument("a", metavar="A", help="the older one")
    parser.add_argument("b", metavar="B", help="the newer one")
    args = parser.parse_args()

    def command() -> None:
        quiet_libraries()
        compare(args.a, args.b)

    return run_command(command)


if __name__ == "__main__":
    sys.exit(main())
