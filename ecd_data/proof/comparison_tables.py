"""What `ecd compare` shows: tables and lines about two builds, A and B.

A table is a sequence of rows, a row a sequence of cells.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from ecd_data.core.values import Route
from ecd_data.proof.comparison import (
    ALL,
    KINDS,
    SIDES,
    PairStatistics,
    RowChange,
    count_changes,
    differing_values,
)

SHOWN = 5  # changes of each kind that are listed
PROVENANCE = ("recipe", "seeds", "hashes", "model", "judge", "versions")  # parts of a manifest
ROUTES = get_args(Route)

Cells = Sequence[object]
RowCounts = Counter[tuple[str, str]]  # by config and class


def provenance_table(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Cells]:
    """Yield what two builds were made from, by their manifests, where that differs: path, A, B."""
    parts_a, parts_b = ({name: manifest.get(name) for name in PROVENANCE} for manifest in (a, b))
    for path, *values in differing_values(parts_a, parts_b):
        cells = (value[:12] if path.startswith("hashes.") and value else value for value in values)
        yield path, *("-" if cell is None else cell for cell in cells)


def row_table(changes: Sequence[RowChange], a: RowCounts, b: RowCounts) -> Iterator[Cells]:
    """Yield the rows of each config, and of each class of pairs: name, in A, in B, added, removed, changed."""
    counts = count_changes(changes)
    configs = list(dict.fromkeys(config for config, _ in (*a, *b)))
    for config, of_class in sorted({*a, *b}, key=lambda key: (configs.index(key[0]), key[1] != ALL, key[1])):
        if of_class == ALL or config == "preference":
            name = config if of_class == ALL else f"- {of_class}"
            kinds = (counts[config, of_class][kind] for kind in KINDS)
            yield name, *(f"{number:,}" for number in (a[config, of_class], b[config, of_class], *kinds))


def change_lines(changes: Sequence[RowChange]) -> Iterator[str]:
    """Yield which columns of pairs changed, and the first pairs of each kind of change."""
    if not changes:
        yield "no row differs"
    pairs = [change for change in changes if change.config == "preference"]
    columns = Counter(column for change in pairs for column in change.columns)
    if columns:
        yield "changed in pairs: " + ", ".join(f"{name} {number:,}" for name, number in columns.most_common())
    for kind in KINDS:
        of_kind = [change for change in pairs if change.kind == kind]
        for change in of_kind[:SHOWN]:
            changed = f" ({', '.join(change.columns)})" if change.columns else ""
            yield f"{kind:<8}{change.split} {change.id}{changed}"
        if len(of_kind) > SHOWN:
            yield f"        ... and {len(of_kind) - SHOWN:,} more {kind}"


def pair_table(a: Mapping[str, PairStatistics], b: Mapping[str, PairStatistics]) -> Iterator[Cells]:
    """Yield a heading with the classes, and below it the statistics of their pairs: name, A to B for each class."""
    classes = [ALL, *sorted({*a, *b} - {ALL})]
    yield "pairs, A to B", *classes
    names = {route for statistics in (a, b) for route in statistics.get(ALL, PairStatistics()).routes}
    routes = sorted(names, key=lambda route: (ROUTES.index(route) if route in ROUTES else len(ROUTES), route))
    columns_a, columns_b = (
        [_measures(statistics.get(name, PairStatistics()), routes) for name in classes] for statistics in (a, b)
    )
    for measure in columns_a[0]:
        cells = ((in_a[measure], in_b[measure]) for in_a, in_b in zip(columns_a, columns_b, strict=True))
        yield measure, *(before if before == after else f"{before} → {after}" for before, after in cells)


def _measures(statistics: PairStatistics, routes: Sequence[str]) -> dict[str, str]:
    return {
        "pairs": f"{statistics.pairs:,}",
        **{f"{side}, median characters": f"{statistics.median_length(side):,.0f}" for side in SIDES},
        "requirements": f"{statistics.mean_requirements('in force'):.2f}",
        "- judged": f"{statistics.mean_requirements('judged'):.2f}",
        "- missed by the rejected": f"{statistics.mean_requirements('missed'):.2f}",
        "similarity": f"{statistics.mean_similarity:.3f}",
        **{f"chosen by {route}": f"{statistics.share(route):.1%}" for route in routes},
    }


def coverage_table(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Cells]:
    """Yield operations and rounds with a pair, by the funnels of two builds: name, A, B, shift."""
    for count in ("drawn", "with_pair"):
        in_a, in_b = (funnel["operations"][count] for funnel in (a, b))
        yield f"operations {count.replace('_', ' ')}", in_a, in_b, f"{in_b - in_a:+,}"
    for name in sorted({*a["by_class"], *b["by_class"]} - {"none"}):
        reached = [funnel["by_class"].get(name, {"pairs": 0, "attempted": 0}) for funnel in (a, b)]
        share_a, share_b = (n["pairs"] / n["attempted"] if n["attempted"] else 0.0 for n in reached)
        yield f"rounds of {name} with a pair", f"{share_a:.1%}", f"{share_b:.1%}", f"{share_b - share_a:+.1%}"


def operation_lines(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[str]:
    """Yield, of two funnels, the operations that have pairs in one of them alone."""
    in_a, in_b = ({name for name, n in funnel["by_operation"].items() if n["pairs"]} for funnel in (a, b))
    for side, only in (("A", in_a - in_b), ("B", in_b - in_a)):
        if only:
            yield f"with pairs in {side} only: {', '.join(sorted(only))}"
