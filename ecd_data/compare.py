"""Compares two builds, published or not: rows by class, lengths, verdicts and coverage.

python -m ecd_data.compare org/ecd@v1.0 org/ecd@v1.1
python -m ecd_data.compare org/ecd build
"""

import argparse
import sys

from ecd_data.cli.console import print_table, quiet_libraries, run_command
from ecd_data.core.text import visible


def compare(source_a: str, source_b: str) -> None:
    """Print what differs between two builds, each named as `build_at` takes it.

    Raises:
        EcdError: one of them is not a build.
    """
    from ecd_data.artifact.funnel import make_funnel
    from ecd_data.artifact.manifest import read_manifest
    from ecd_data.artifact.schema import ECD
    from ecd_data.proof import comparison_tables as tables
    from ecd_data.proof.comparison import KINDS, changed_rows, count_rows, pair_statistics
    from ecd_data.release.download import build_at

    a, b = build_at(source_a), build_at(source_b)
    manifest_a, manifest_b = read_manifest(a), read_manifest(b)
    provenance = tables.provenance_table(manifest_a, manifest_b)
    print_table(("made from", "A", "B"), [("", source_a, source_b), *provenance])
    changes = list(changed_rows(a, b))
    rows = tables.row_table(changes, count_rows(a), count_rows(b))
    print_table(("rows", "A", "B", *KINDS), rows, numbers=True)
    for line in tables.change_lines(changes):
        print(visible(line))
    heading, *pairs = tables.pair_table(pair_statistics(a), pair_statistics(b))
    print_table(list(map(str, heading)), pairs, numbers=True)
    funnel_a = make_funnel(a, manifest_a["recipe"].get("builder", ECD))
    funnel_b = make_funnel(b, manifest_b["recipe"].get("builder", ECD))
    print_table(("coverage", "A", "B", "shift"), tables.coverage_table(funnel_a, funnel_b), numbers=True)
    for line in tables.operation_lines(funnel_a, funnel_b):
        print(visible(line))


def main() -> int:
    """Run the command."""
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
