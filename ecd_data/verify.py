"""Verifies a release, published or not yet: files, rows, numbers, card, `load_dataset`, and by a replay every byte.

python -m ecd_data.verify org/ecd --revision v1.2
python -m ecd_data.verify build --replay
"""

import argparse
import sys
import tempfile
from pathlib import Path

from ecd_data.cli.arguments import add_build_arguments
from ecd_data.cli.console import console, print_table, quiet_libraries, run_command
from ecd_data.core.text import visible

SHOWN = 10  # problems of a check that are listed before the rest is counted


def verify(args: argparse.Namespace) -> int:
    """Make and print all checks; return the exit code, which is 1 if one failed.

    Raises:
        EcdError: there is no such build or dataset.
    """
    from rich.text import Text

    from ecd_data.proof import verification
    from ecd_data.release.download import build_at

    build = build_at(args.build_or_repo, args.revision)
    source, revision = str(build), None
    if not Path(
        args.build_or_repo
    ).is_dir():  # all checks are of the commit that was downloaded, which names its folder
        source, revision = args.build_or_repo.partition("@")[0], build.name
    with tempfile.TemporaryDirectory(prefix="ecd-verify-") as work:
        again = Path(work, "again")
        checks = list(
            verification.verify(
                build,
                source,
                revision,
                (lambda published: _replay(published, again)) if args.replay else None,
                lambda name: console.print(f"checking: {name} ...", style="dim"),
            )
        )
    rows = [
        (check.name, check.looked_at, Text("FAILED", "bold red") if check.problems else Text("ok", "green"))
        for check in checks
    ]
    print_table(("check", "what was looked at", "result"), rows)
    for check in checks:
        for problem in check.problems[:SHOWN]:
            print(visible(f"{check.name}: {problem}"))
        if len(check.problems) > SHOWN:
            print(f"{check.name}: ... and {len(check.problems) - SHOWN} more")
    failed = sum(bool(check.problems) for check in checks)
    name = f"{source} at {revision}" if revision else source
    if failed:
        print(f"{name}: {failed} of {len(checks)} checks failed")
    else:
        rest = "" if args.replay else "; --replay also makes it again from its responses"
        print(f"{name}: verified{rest}")
    return int(failed > 0)


def _replay(build: Path, again: Path) -> Path:
    """Replay a build at `again`."""
    from ecd_data.artifact.manifest import read_manifest
    from ecd_data.builders import find_builder
    from ecd_data.progress.monitor import ProgressMonitor
    from ecd_data.proof.replay import replay

    return replay(build, again, find_builder(read_manifest(build)["recipe"]["builder"]), ProgressMonitor(console))


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m ecd_data.verify",
        description="Prove a build directory or a published dataset: file and row hashes, schema, every code check "
        "again, the manifest's numbers, the card, and load_dataset for every config and split.",
        epilog="Exits with 1 when anything is not as it should be, and names the row.",
    )
    add_build_arguments(parser)
    parser.add_argument(
        "--replay",
        action="store_true",
        help="also make it again from its recipe, seeds and responses, with no endpoint, and compare all bytes",
    )
    args = parser.parse_args()

    def command() -> int:
        quiet_libraries()
        return verify(args)

    return run_command(command)


if __name__ == "__main__":
    sys.exit(main())
