"""One commit on the Hub: a build directory as it is, or seeds that are built first.

python -m ecd_data.publish org/ecd --seeds seeds.jsonl --endpoint http://localhost:8080
python -m ecd_data.publish org/ecd --build build
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from ecd_data.command import console, quiet_libraries, run_command
from ecd_data.flags import add_generation_arguments
from ecd_data.generate import generate
from ecd_data.watch.summary import summary


def publish(args: argparse.Namespace, build: Path) -> None:
    """Validates a build and publishes it, or with `--dry-run` says what would change.

    Raises:
        EcdError: it is not valid, or the Hub refuses.
    """
    from ecd_data.artifact.release import Release
    from ecd_data.artifact.validation import validate_build

    report = validate_build(build)
    pairs = sum(report.rows["preference"].values())
    console.print(f"valid: {pairs} pairs, {report.rechecked} requirements checked again by code on both sides")
    release = Release(args.repo_id, args.revision)
    if args.dry_run:
        change = release.change(build)
        if change.parent is None:
            print(f"{args.repo_id}: would be created at {args.revision}")
        for what, paths in [("add", change.added), ("change", change.changed), ("delete", change.deleted)]:
            for path in paths:
                print(f"{what:<7}{path}")
        print("nothing was published (dry run)" if change else "nothing to publish: the Hub holds this content")
        return
    url = release.publish(build, args.commit_message or f"Add {pairs} verified preference pairs", args.private)
    print(f"published: {url}" if url else f"nothing to publish: {args.repo_id} holds this content already")
    if url:
        print(f'Next: load_dataset("{args.repo_id}")')


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m ecd_data.publish",
        description="Publish verified preference pairs as one commit on the Hub.",
        epilog="The Hub's token comes from HF_TOKEN or `hf auth login`. The same content again makes no commit.",
    )
    parser.add_argument("repo_id", metavar="REPO_ID", help="dataset repository, org/name")
    parser.add_argument("--build", type=Path, metavar="DIR", help="publish this build directory as it is")
    parser.add_argument("--out", type=Path, metavar="DIR", help="keep the build made from --seeds here")
    parser.add_argument("--private", action="store_true", help="make the repository private if it is created")
    parser.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")
    parser.add_argument("--revision", default="main", metavar="BRANCH", help="branch to publish to (default main)")
    parser.add_argument("--commit-message", metavar="TEXT")
    add_generation_arguments(parser)
    args = parser.parse_args()
    if bool(args.build) == bool(args.seeds):
        parser.error("give either --build DIR, or --seeds SRC to build first")

    def command() -> None:
        quiet_libraries()
        from ecd_data.artifact.release import Release

        Release(args.repo_id, args.revision).check_access()
        if args.build:
            publish(args, args.build)
            return
        with tempfile.TemporaryDirectory(prefix="ecd-build-") as folder:
            build = args.out or Path(folder, "build")
            print(summary(generate(args, build)))
            publish(args, build)

    return run_command(command)


if __name__ == "__main__":
    sys.exit(main())
