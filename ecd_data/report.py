"""Write a build as one self-contained HTML page: its funnel, its figures, and a reader for every round.

python -m ecd_data.report build -o report.html
python -m ecd_data.report org/ecd --revision v1.0
"""

import argparse
import sys
from pathlib import Path

from ecd_data.cli.arguments import add_build_arguments
from ecd_data.cli.console import quiet_libraries, run_command


def main() -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m ecd_data.report",
        description="Write a build directory or a published dataset as one HTML page, to be read in any browser.",
        epilog="The page needs no network and links to nothing outside it.",
    )
    add_build_arguments(parser)
    parser.add_argument(
        "-o", "--out", type=Path, default=Path("report.html"), metavar="FILE", help="default %(default)s"
    )
    args = parser.parse_args()

    def command() -> None:
        quiet_libraries()
        from ecd_data.release.download import build_at
        from ecd_data.reporting.contents import read_contents
        from ecd_data.reporting.page import render_page

        build = build_at(args.build_or_repo, args.revision)
        name = build.resolve().name if Path(args.build_or_repo).is_dir() else args.build_or_repo
        contents = read_contents(build, name)
        args.out.write_text(render_page(contents), encoding="utf-8")
        shown, rounds = contents.summary["shown"], contents.summary["counts"]["rounds"]
        print(f"{args.out}: {shown} of {rounds} rounds, {args.out.stat().st_size / 1e6:.1f} MB")

    return run_command(command)


if __name__ == "__main__":
    sys.exit(main())
