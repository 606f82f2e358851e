"""Seeds to a build directory of verified preference pairs.

python -m ecd_data.generate --seeds seeds.jsonl --endpoint http://localhost:8080 --out build
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecd_data.command import Progress, console, quiet_libraries, run_command, table
from ecd_data.errors import SeedError
from ecd_data.flags import add_generation_arguments, answered_by, endpoints, judged_by, positive, responses
from ecd_data.values import Chain

if TYPE_CHECKING:
    from builders.spool import Spool
    from ecd_data.calls.store import Store
    from ecd_data.corpus.contamination import Contamination
    from ecd_data.corpus.seeds import Corpus
    from ecd_data.generation import Generation
    from ecd_data.recipe import Recipe
    from ecd_data.requirements.calibration import Calibration


def generate(args: argparse.Namespace, out: Path) -> dict[str, Any]:
    """Runs the generation that the flags describe into the build directory `out`; returns the manifest.

    Raises:
        EcdError: see the layers below.
    """
    from builders.spool import Spool
    from ecd_data.artifact.build import check_out
    from ecd_data.calls.scheduler import Stats
    from ecd_data.calls.store import Store

    check_flags(args)
    check_out(out)
    recipe, corpus, contamination = read_inputs(args)
    out.parent.mkdir(parents=True, exist_ok=True)
    scratch = tempfile.TemporaryDirectory(prefix=".ecd-", dir=out.parent)  # on the disk that must have the room anyway
    with scratch as work, Store(responses(args), read_only=args.replay) as store:
        generation = make_generation(args, store, recipe, corpus, contamination)
        with Progress("chains", len(corpus.seeds)) as bar:
            pairs = 0

            def on_chain(made: Chain) -> None:
                nonlocal pairs
                pairs += len(made.pairs)
                bar.advance()

            def on_call(stats: Stats) -> None:
                retries = f", {stats.retries} retries" if stats.retries else ""
                bar.note(f"{pairs} pairs, {stats.calls} calls, {stats.stored} answers from the store{retries}")

            generation = replace(generation, on_chain=on_chain, on_call=on_call)
            spool = Spool(Path(work, "spool"), recipe)
            spool.fill(generation)
        return write_build(spool, generation, out)


def check_flags(args: argparse.Namespace) -> None:
    """Lets flags pass that name seeds and who answers.

    Raises:
        SeedError, EndpointError: they do not.
    """
    if not args.seeds:
        raise SeedError("no seeds. Give --seeds FILE, or --seeds bundled for the ones that come with the package.")
    endpoints(args)


def read_inputs(args: argparse.Namespace) -> tuple[Recipe, Corpus, Contamination | None]:
    """The recipe, the seeds and the prompts to keep out, as the flags name them.

    Raises:
        RecipeError, SeedError: one of them cannot be read.
    """
    from ecd_data.corpus.contamination import read_contamination
    from ecd_data.corpus.seeds import Columns, read_corpus
    from ecd_data.recipe import load_recipe

    recipe = load_recipe(args.recipe, rounds=args.rounds, pairs=args.pairs)
    columns = Columns(args.instruction_column, args.input_column, args.response_column)
    corpus = read_corpus(args.seeds, columns, args.limit)
    if corpus.duplicates:
        console.print(f"{corpus.duplicates} of the seeds repeat an earlier one exactly and are left out")
    sources = args.decontaminate
    return recipe, corpus, read_contamination(sources, recipe.decontaminate_ngram) if sources else None


def make_generation(
    args: argparse.Namespace, store: Store, recipe: Recipe, corpus: Corpus, contamination: Contamination | None
) -> Generation:
    """The generation of these inputs by whom the flags name.

    Raises:
        EndpointError, StoreError: see `flags.answered_by`.
    """
    from ecd_data.generation import Generation

    judge = judged_by(args, store)
    answerer = answered_by(args, store, judge)
    console.print(
        f"{len(corpus.seeds)} seeds, {recipe.rounds} rounds, model {answerer.model}, responses in {store.path}"
    )
    return Generation(
        corpus,
        recipe,
        answerer.model,
        store,
        answerer.pool,
        judge=judge,
        contamination=contamination,
        on_judge=lambda calibration: console.print(verdict(calibration, recipe)),
    )


def write_build(spool: Spool, generation: Generation, out: Path) -> dict[str, Any]:
    """The rows of a spool, and the responses behind them, as a build; returns the manifest.

    Raises:
        EcdError: see `artifact.build`.
    """
    from builders.ecd import Ecd
    from ecd_data.artifact.build import build
    from ecd_data.artifact.schema import CONFIGS

    with tempfile.TemporaryDirectory(dir=spool.folder) as cache:
        builders = [Ecd(name, generation=generation, spool=spool, cache_dir=cache) for name in CONFIGS]
        return build(builders, generation, chain(generation.trial_keys, spool.keys()), out)


def verdict(calibration: Calibration, recipe: Recipe) -> str:
    """What a calibration means for a run, in a sentence."""
    right = calibration.overall.balanced_accuracy
    said = f"the judge is right on {right:.0%} of {calibration.overall.items} questions whose answer code knows"
    if right >= recipe.judge_accuracy:
        return f"{said} (balanced; {recipe.judge_accuracy:.0%} asked)"
    return (
        f"{said} (balanced; {recipe.judge_accuracy:.0%} asked, 50% is guessing): operations that need a judge are "
        "switched off. Name a better one with --judge-endpoint, or lower the recipe's judge_accuracy at your own risk."
    )


def funnel(manifest: dict[str, Any]) -> str:
    """What became of the rounds, as text."""
    counts, stages, per_pair = manifest["counts"], manifest["funnel"], manifest["calls"]["per_pair"]
    rows: dict[str, object] = {"seeds": counts["seeds"], "rounds attempted": counts["rounds"]}
    rows |= {f"- {reason.replace('/', ': ')}": n for reason, n in counts["rejects"].items()}
    made = ", ".join(f"{n} by {route}" for route, n in counts["adapted_by"].items())
    rows["pairs"] = f"{counts['pairs']} ({made})"
    rows["spent on a pair"] = f"{per_pair['total']} calls, {per_pair['completion_tokens']} completion tokens"
    rows["operations with a pair"] = f"{stages['operations']['with_pair']} of {stages['operations']['drawn']} drawn"
    reached = stages["by_class"] | {f"round {number}": n for number, n in stages["by_round"].items()}
    rows["rounds"] = " > ".join(next(iter(reached.values())))  # the names of the stages
    rows |= {f"- {name}": " > ".join(map(str, n.values())) for name, n in reached.items()}
    return table(rows)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m ecd_data.generate",
        description="Generate verified preference pairs from a seed corpus into a build directory.",
        epilog="Every response is stored before it is used: stop it at any time, and the same command goes on.",
    )
    add_generation_arguments(parser)
    parser.add_argument("--out", type=Path, default=Path("build"), metavar="DIR", help="default: build")
    add_cluster_arguments(parser)
    args = parser.parse_args()
    if args.executor and args.replay:
        parser.error("--replay runs in one process: leave out --executor")

    def command() -> None:
        quiet_libraries()
        if args.executor:
            from ecd_data.cluster import generate_on

            manifest = generate_on(args)
        else:
            manifest = generate(args, args.out)
        if manifest is None:
            print(f"submitted: {args.tasks} tasks, and the merge that follows them, which writes {args.out}")
            return
        print(funnel(manifest))
        print(f"{args.out}: validated. Next: python -m ecd_data.publish ORG/NAME --build {args.out}")

    return run_command(command)


def add_cluster_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags that spread a generation over processes and machines."""
    group = parser.add_argument_group("on many processes or machines (needs ecd-data[cluster])")
    group.add_argument(
        "--executor", choices=("local", "slurm", "ray"), help="who runs the tasks; the bytes stay the same"
    )
    group.add_argument("--tasks", type=positive, default=8, metavar="N", help="parts of the corpus (default 8)")
    group.add_argument("--workers", type=positive, metavar="N", help="tasks at the same time (default: all)")
    group.add_argument(
        "--work", type=Path, metavar="DIR", help="folder that all machines see, until the merge (default: OUT.work)"
    )
    group.add_argument(
        "--sbatch", action="append", default=[], metavar="NAME=VALUE", help="for Slurm; partition and time are needed"
    )


if __name__ == "__main__":
    sys.exit(main())
