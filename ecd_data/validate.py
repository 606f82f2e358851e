"""Validates a build directory or a published dataset: schema, ids, splits, file hashes, and every code check again.

python -m ecd_data.validate build
python -m ecd_data.validate org/ecd --revision main
"""

import argparse
import sys

from ecd_data.cli.arguments import add_build_arguments
from ecd_data.cli.console import quiet_libraries, run_command
from ecd_data.core.text import two_columns


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m ecd_data.validate",
        description="Check a build directory or a published dataset. Exits with 1 and names the bad rows.",
    )
    add_build_arguments(parser)
    args = parser.parse_args()

    def command() -> None:
        quiet_libraries()
        from ecd_data.artifact.validation import validate_build
        from ecd_data.release.download import build_at

        report = validate_build(build_at(args.build_or_repo, args.revision))
        for config, splits in report.rows.items():
            print(f"{config}\n{two_columns(splits)}")
        print(f"valid; {report.rechecked} requirements were checked again by code on both sides")

    return run_command(command)


if __name__ == "__main__":
    sys.exit(main())
