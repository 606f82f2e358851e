"""Seeds to a build directory of verified preference pairs.

python -m ecd_data.generate --seeds seeds.jsonl --endpoint http://localhost:8080 --out build
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecd_data.command import console, counted, plain, quiet_libraries, run_command, uncollected
from ecd_data.errors import SeedError
from ecd_data.flags import add_generation_arguments, answerers, endpoints, judged_by, positive, responses
from ecd_data.request import JUDGE
from ecd_data.watch.summary import summary

if TYPE_CHECKING:
    from builders.spool import Spool
    from ecd_data.calls.scheduler import Answerer
    from ecd_data.calls.store import Store
    from ecd_data.corpus.contamination import Contamination
    from ecd_data.corpus.seeds import Corpus
    from ecd_data.generation import Generation
    from ecd_data.recipe import Recipe
    from ecd_data.requirements.calibration import Calibration
    from ecd_data.watch.run import Watch

TOLD_BY = 20  # seeds whose chains tell which models of a store a replay is of


def generate(args: argparse.Namespace, out: Path) -> dict[str, Any]:
    """Runs the generation that the flags describe into the build directory `out`; returns the manifest.

    Raises:
        EcdError: see the layers below.
    """
    with uncollected():
        from builders.spool import Spool
        from ecd_data.artifact.build import check_out
        from ecd_data.artifact.current import current_manifest
        from ecd_data.artifact.scratch import scratch

    check_out(out)
    with open_generation(args) as (generation, watch):
        _ = generation.plan  # the judge's trial, which is a part of what a build is made of
        if manifest := current_manifest(out, generation):
            console.print(f"{out} is up to date: nothing to do")
            watch.event("run_finished", **{name: manifest[name] for name in ("counts", "funnel", "calls")})
            return manifest
        with scratch(out) as work:
            spool = Spool(work / "spool", generation.recipe)
            spool.fill(generation)
            manifest = write_build(spool, generation, out, watch.step)
        watch.event("run_finished", **{name: manifest[name] for name in ("counts", "funnel", "calls")})
    return manifest


def preview(args: argparse.Namespace) -> None:
    """Runs the first `--preview` seeds, prints their chains and what the whole corpus would take; writes no build.

    Raises:
        EcdError: see the layers below.
    """
    from ecd_data.watch.preview import run_preview, show

    with open_generation(args) as (generation, watch):
        previewed = run_preview(generation, args.preview, watch)
        watch.event("run_finished", preview=len(previewed.chains))
    show(previewed, watch.price)


@contextmanager
def open_generation(args: argparse.Namespace) -> Iterator[tuple[Generation, Watch]]:
    """The generation that the flags describe, watched as they say, with its store open.

    Raises:
        EcdError: see the layers below.
    """
    from ecd_data.calls.store import Store
    from ecd_data.watch.numbers import Price
    from ecd_data.watch.run import Watch

    check_flags(args)
    inputs = read_inputs(args)
    price = Price(*args.price) if args.price else None
    watched = Watch(price, args.log_json, args.metrics_port)
    with watched as watch, Store(responses(args), read_only=args.replay) as store:
        generation = make_generation(args, store, *inputs)
        about = {"seeds": len(generation.corpus.seeds), "rounds": generation.recipe.rounds}
        judge = str(generation.judge_model)
        watch.event("run_started", **about, model=str(generation.model), judge=judge, replay=args.replay)
        yield watch.of(generation), watch


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

    recipe = load_recipe(args.recipe, builder=args.builder, rounds=args.rounds, pairs=args.pairs)
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
        RecipeError: an option is not the builder's.
        EndpointError, StoreError: see `flags.answerers`.
    """
    from builders import find
    from ecd_data.generation import Generation
    from ecd_data.method.plan import Plan

    names = find(recipe.builder).asks(Plan.of(recipe).options)
    judge = judged_by(args, store)

    def of(seeds: Corpus, asked: Mapping[str, Answerer]) -> Generation:
        first = asked[names[0]]
        others = {name: by for name, by in {**asked, JUDGE: judge}.items() if name and by}
        return Generation(seeds, recipe, first.model, store, first.pool, others, contamination)

    some = replace(corpus, seeds=corpus.seeds[:TOLD_BY])
    asked = answerers(args, store, names, judge, lambda asked: of(some, asked).is_stored())
    models = ", ".join(f"{name} {by.model}".strip() for name, by in asked.items())
    size = f"{counted(len(corpus.seeds), 'seed')}, {counted(recipe.rounds, 'round')}"
    console.print(plain(f"{size}, model {models}, responses in {store.path}"))
    generation = of(corpus, asked)
    generation.on_judge = lambda calibration: console.print(verdict(calibration, recipe))
    return generation


def write_build(
    spool: Spool,
    generation: Generation,
    out: Path,
    on_step: Callable[[str, int, int], None] = lambda name, number, total: None,
) -> dict[str, Any]:
    """The rows of a spool, and the responses behind them, as a build; returns the manifest.

    Raises:
        EcdError: see `artifact.build`.
    """
    from builders import find
    from ecd_data.artifact.build import build

    builder = find(generation.recipe.builder)
    with tempfile.TemporaryDirectory(dir=spool.folder) as cache:
        builders = [
            builder(config.name, generation=generation, spool=spool, cache_dir=cache)
            for config in builder.BUILDER_CONFIGS
        ]
        keys = chain(generation.trial_keys, spool.keys())
        return build(builders, generation, keys, out, on_step, spool.failed())


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


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m ecd_data.generate",
        description="Generate verified preference pairs from a seed corpus into a build directory.",
        epilog="Every response is stored before it is used: stop it at any time, and the same command goes on.",
    )
    add_generation_arguments(parser)
    parser.add_argument("--out", type=Path, default=Path("build"), metavar="DIR", help="default: build")
    parser.add_argument(
        "--preview",
        type=positive,
        metavar="N",
        help="run the first N seeds, print their chains and what all seeds would take, and write no build",
    )
    add_cluster_arguments(parser)
    args = parser.parse_args()
    if args.executor and (args.replay or args.preview or args.metrics_port is not None):
        parser.error("--replay, --preview and --metrics-port are of one process: leave out --executor")

    def command() -> None:
        quiet_libraries()
        if args.preview:
            preview(args)
            return
        if args.executor:
            from ecd_data.cluster import generate_on

            manifest = generate_on(args)
        else:
            manifest = generate(args, args.out)
        if manifest is None:
            print(f"submitted: {args.tasks} tasks, and the merge that follows them, which writes {args.out}")
            return
        print(summary(manifest))
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
        "--work",
        metavar="DIR",
        help="folder that all machines see, or an fsspec URL, until the merge (default: OUT.work)",
    )
    group.add_argument(
        "--sbatch", action="append", default=[], metavar="NAME=VALUE", help="for Slurm; partition and time are needed"
    )


if __name__ == "__main__":
    sys.exit(main())
