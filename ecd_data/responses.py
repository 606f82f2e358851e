"""Look after a response store: count what it holds, export and import Parquet, remove what no build needs.

python -m ecd_data.responses stats
python -m ecd_data.responses import build/ machine2.sqlite --responses all.sqlite
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ecd_data.cli.arguments import responses_path
from ecd_data.cli.console import console, run_command
from ecd_data.core.errors import StoreError
from ecd_data.core.text import two_columns

if TYPE_CHECKING:
    from ecd_data.calls.store import Store, StoredCall


def stats(args: argparse.Namespace) -> None:
    """Read all of a store, and print what it holds."""
    from ecd_data.calls.store import Store

    with Store(responses_path(args), read_only=True) as store:
        models: Counter[str] = Counter()
        roles: Counter[str] = Counter()
        tokens: Counter[str] = Counter()
        failures = 0
        for call in store.calls(store.keys()):
            response = call.decode_response()
            if response is None:
                failures += 1
                continue
            models[str(call.model)] += 1
            roles[call.decode_request().role] += 1
            tokens.update(prompt_tokens=response.prompt_tokens, completion_tokens=response.completion_tokens)
        total = models.total()
        size = _size(store.path)
    rows: dict[str, object] = {"responses": total, "failures": failures}
    rows |= {f"- {model}": number for model, number in sorted(models.items())}
    rows |= {f"- {role}": number for role, number in sorted(roles.items())}
    rows |= {name.replace("_", " "): number for name, number in tokens.items()}
    rows["size"] = f"{size / 1e6:.1f} MB" + (f", {size / total:.0f} bytes a response" if total else "")
    print(two_columns(rows))


def export(args: argparse.Namespace) -> None:
    """Write a store as Parquet; of a damaged one, all that SQLite can read."""
    from ecd_data.calls.exchange import write_parquet
    from ecd_data.calls.salvage import readable_calls
    from ecd_data.calls.store import Store

    path, counts = responses_path(args), Counter[str]()
    out = args.out.resolve()  # a symbolic link stays one
    if out.exists() and not out.is_file():
        raise StoreError(f"{args.out} is not a file. Give another --out.")
    if out.exists() and path.exists() and out.samefile(path):
        raise StoreError(f"{args.out} is the response store itself, which would be lost. Give another --out.")
    partial = out.with_name(f".{out.name}.partial")  # what is at --out stays until all is written
    try:
        try:
            with Store(path, read_only=True) as store:
                write_parquet(_counted(store.calls(store.keys()), counts), partial)
        except StoreError as error:
            if not path.exists():
                raise
            console.print(
                f"{error}\nWriting what SQLite can still read. For the rest, try SQLite's own shell: "
                f"`sqlite3 {path} .recover`."
            )
            counts.clear()
            write_parquet(_counted(readable_calls(path), counts), partial)
        os.replace(partial, out)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise StoreError(f"{args.out} cannot be written: {why}. Give another --out, or make room for it.") from error
    finally:
        partial.unlink(missing_ok=True)
    print(f"{args.out}: {counts['responses']} responses, {counts['failures']} failures")


def _counted(calls: Iterable[StoredCall], counts: Counter[str]) -> Iterator[StoredCall]:
    for call in calls:
        counts["failures" if call.failure else "responses"] += 1
        yield call


def import_(args: argparse.Namespace) -> None:
    """Add the responses of builds, Parquet files and other stores to a store."""
    from ecd_data.calls.exchange import import_into
    from ecd_data.calls.store import Store

    with Store(responses_path(args)) as store:
        for source in args.sources:
            done = import_into(store, source)
            conflicts = f", {done.conflicts} with another text: the one that was there stays" if done.conflicts else ""
            print(f"{source}: {done.new} new, {done.duplicates} were there{conflicts}")


def gc(args: argparse.Namespace) -> None:
    """Remove the responses that no build uses, or those of a model."""
    from ecd_data.calls.store import Store

    with Store(responses_path(args), read_only=True) as store:
        unused = sorted(_unused(args, store))
        number = sum(not failure for *_, failure in store.calls(unused))
        if args.dry_run:
            print(f"{store.path}: {number} of {store.count()} responses would be removed (dry run)")
            return
    with Store(responses_path(args)) as store:
        before = _size(store.path)
        store.remove(unused)
        stay = store.count()
    freed = max(before - _size(store.path), 0) / 1e6  # none while others read: they need what was there before
    print(f"{store.path}: {number} responses removed, {stay} stay, {freed:.1f} MB freed")


def _size(path: Path) -> int:
    """Return the bytes of a store and of its write-ahead log, which has the latest responses."""
    log = path.with_name(f"{path.name}-wal")
    return path.stat().st_size + (log.stat().st_size if log.exists() else 0)


def _unused(args: argparse.Namespace, store: Store) -> Iterator[str]:
    from ecd_data.calls.exchange import read_parquet

    used: set[str] = set()
    for build in args.keep or ():
        files = list((build / "responses").glob("*.parquet"))
        if not files:
            raise StoreError(f"{build}: not a build with responses. Nothing was removed.")
        used.update(row[0] for file in files for row in read_parquet(file))
    for key, model, _, _, _ in store.calls(store.keys()):
        if (args.keep and key not in used) or args.model in (model.id, str(model)):
            yield key


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m ecd_data.responses", description="Look after a response store.")
    verbs = parser.add_subparsers(dest="verb", required=True)

    def verb(name: str, what: str, run: Callable[[argparse.Namespace], None]) -> argparse.ArgumentParser:
        added = verbs.add_parser(name, help=what, description=what)
        added.add_argument(
            "--responses", type=Path, metavar="FILE", help="the store; default $ECD_HOME/responses.sqlite"
        )
        added.set_defaults(run=run)
        return added

    verb("stats", "Check a store and say what is in it.", stats)
    out = verb("export", "Write all responses as Parquet; of a damaged store, all that SQLite can read.", export)
    out.add_argument("-o", "--out", type=Path, required=True, metavar="FILE", help="Parquet file")
    take = verb("import", "Take over the responses of builds, Parquet files and other stores.", import_)
    take.add_argument("sources", type=Path, nargs="+", metavar="SRC", help="build, .parquet file, folder or store")
    clean = verb("gc", "Remove the responses that no build uses, or those of a model.", gc)
    which = clean.add_mutually_exclusive_group(required=True)
    which.add_argument("--keep", type=Path, nargs="+", metavar="BUILD", help="builds whose responses stay")
    which.add_argument("--model", metavar="ID", help="model whose responses go")
    clean.add_argument("--dry-run", action="store_true", help="say how many would go, and remove none")
    args = parser.parse_args()
    return run_command(lambda: args.run(args))


if __name__ == "__main__":
    sys.exit(main())
