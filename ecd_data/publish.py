"""Publishes a build as one commit on the Hub; from seeds, it is generated first.

python -m ecd_data.publish org/ecd --seeds seeds.jsonl --endpoint http://localhost:8080
python -m ecd_data.publish org/ecd --build build
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ecd_data.cli.arguments import add_generation_arguments
from ecd_data.cli.console import console, quiet_libraries, run_command
from ecd_data.generate import generate

if TYPE_CHECKING:
    from ecd_data.release.release import Release


def publish(args: argparse.Namespace, release: Release, build: Path) -> None:
    """Validate a build and publish it, or with `--dry-run` print what would change.

    Raises:
        EcdError: the build is not valid, or the Hub refuses it.
    """
    from ecd_data.artifact.validation import validate_build
    from ecd_data.release.naming import staged_with_repo_id

    report = validate_build(build)
    pairs = sum(report.rows["preference"].values())
    console.print(f"valid: {pairs} pairs, {report.rechecked} requirements checked again by code on both sides")
    message = args.commit_message or f"Add {pairs} preference pairs"
    with staged_with_repo_id(build, args.repo_id) as folder:
        if args.dry_run:
            show(args, release, folder)
            return
        published = release.publish(folder, message)
    if not published.new:
        print(f"nothing to publish: {published.url} holds this content already")
        return
    print(f"published: {published.url}")
    revision = f"refs/pr/{published.url.rpartition('/')[2]}" if args.create_pr else args.tag or args.revision
    print(f'Next: load_dataset("{args.repo_id}"' + (f', revision="{revision}")' if revision != "main" else ")"))


def show(args: argparse.Namespace, release: Release, build: Path) -> None:
    """Print what a release would change.

    Raises:
        PublishError: the release would be refused.
    """
    change = release.change(build)
    if change.parent is None:
        print(f"{args.repo_id}: would be created at {args.revision}")
    if change:
        print(change)
    release.check(change)
    print("nothing was published (dry run)" if change else "nothing to publish: the Hub holds this content")


def tag_name(text: str) -> str:
    """Return the name of a tag, for argparse."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", text):
        raise argparse.ArgumentTypeError(f"not a valid tag name: {text!r}; use one such as v1.2")
    return text


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m ecd_data.publish",
        description="Publish verified preference pairs as one commit on the Hub.",
        epilog="The Hub's token comes from HF_TOKEN or `hf auth login`. The same content again makes no commit, and "
        "after a failure, run the same command again to continue.",
    )
    parser.add_argument("repo_id", metavar="REPO_ID", help="dataset repository, org/name")
    parser.add_argument("--build", type=Path, metavar="DIR", help="publish this build directory as it is")
    parser.add_argument("--out", type=Path, metavar="DIR", help="keep the build made from --seeds here")
    parser.add_argument(
        "--dry-run", action="store_true", help="show files, rows, fields and card that would change; change nothing"
    )
    parser.add_argument("--revision", default="main", metavar="BRANCH", help="branch to publish to (default main)")
    parser.add_argument("--commit-message", metavar="TEXT")
    terms = parser.add_argument_group("how it is published")
    terms.add_argument("--private", action="store_true", help="make the repository private, if it is not")
    terms.add_argument("--gated", choices=("auto", "manual"), help="make readers ask for access first")
    terms.add_argument("--create-pr", action="store_true", help="open a pull request and leave the branch as it is")
    terms.add_argument(
        "--tag", type=tag_name, metavar="NAME", help="name the release: load_dataset(..., revision=NAME)"
    )
    terms.add_argument("--collection", metavar="SLUG", help="add the dataset to this collection, org/title-id")
    terms.add_argument(
        "--allow-schema-change",
        action="store_true",
        help="publish although fields that were published are gone or of another type",
    )
    add_generation_arguments(parser)
    args = parser.parse_args()
    if bool(args.build) == bool(args.seeds):
        parser.error("give either --build DIR, or --seeds SRC to build first")
    if args.build and args.out:
        parser.error("--out is for a build made from --seeds; --build DIR is published where it is")
    if args.create_pr and args.tag:
        parser.error("--tag names a release; give it once the pull request is merged")
    if args.create_pr and args.revision != "main":
        parser.error("--create-pr is for the main branch; leave out --revision")

    def command() -> None:
        quiet_libraries()
        from ecd_data.release.release import Release, Terms

        names = ("private", "gated", "create_pr", "tag", "collection", "allow_schema_change")
        release = Release(args.repo_id, args.revision, Terms(**{name: getattr(args, name) for name in names}))
        release.check_access()
        if args.build:
            publish(args, release, args.build)
            return
        with tempfile.TemporaryDirectory(prefix="ecd-build-") as folder:
            build = args.out or Path(folder, "build")
            from ecd_data.progress.summary import summarize

            print(summarize(generate(args, build)))
            publish(args, release, build)

    return run_command(command)


if __name__ == "__main__":
    sys.exit(main())
