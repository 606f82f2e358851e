"""Generates a build directory of verified preference pairs from seeds.

python -m ecd_data.generate --seeds seeds.jsonl --endpoint http://localhost:8080 --out build
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecd_data.cli.arguments import (
    add_generation_arguments,
    model_settings,
    positive,
    responses_path,
    sources,
    token_price,
)
from ecd_data.cli.console import console, quiet_libraries, run_command
from ecd_data.core.process import exempt_from_gc
from ecd_data.core.text import counted, visible

if TYPE_CHECKING:
    from ecd_data.generation.generation import Generation
    from ecd_data.progress.monitor import ProgressMonitor


def generate(args: argparse.Namespace, out: Path) -> dict[str, Any]:
    """Run the generation that the flags describe, write a build at `out`, and return its manifest.

    Raises:
        EcdError: see the layers below.
    """
    with exempt_from_gc():
        from ecd_data.artifact.build import check_out
        from ecd_data.artifact.up_to_date import up_to_date_manifest
        from ecd_data.builders import find_builder
        from ecd_data.generation.write import generate_build
        from ecd_data.progress.summary import describe_judge

    check_out(out)
    with open_generation(args) as (generation, monitor):
        prepared = generation.prepare()
        if prepared.trial:
            console.print(describe_judge(prepared.trial.judge, generation.recipe))
        manifest = up_to_date_manifest(out, prepared.provenance, generation.store, args.replay)
        if manifest:
            console.print(f"{out} is up to date: nothing to do")
        else:
            manifest = generate_build(prepared, find_builder(generation.recipe.builder), out, monitor.on_step)
        monitor.log("run_finished", **{name: manifest[name] for name in ("counts", "funnel", "calls")})
    return manifest


def preview(args: argparse.Namespace) -> None:
    """Run the first `--preview` seeds, and print their chains and what the whole corpus would take; write no build.

    Raises:
        EcdError: see the layers below.
    """
    from ecd_data.progress.chain_view import print_chains
    from ecd_data.progress.forecast import forecast
    from ecd_data.progress.preview import run_preview

    with open_generation(args) as (generation, monitor):
        previewed = run_preview(generation, args.preview, monitor)
        monitor.log("run_finished", preview=len(previewed.chains))
    print_chains(previewed.chains)
    print(forecast(previewed, monitor.price))


@contextmanager
def open_generation(args: argparse.Namespace) -> Iterator[tuple[Generation, ProgressMonitor]]:
    """Yield the generation that the flags describe, with its store open, and what shows its progress.

    Raises:
        EcdError: see the layers below.
    """
    from ecd_data.calls.store import Store
    from ecd_data.generation.inputs import make_generation
    from ecd_data.progress.monitor import ProgressMonitor

    read_from, models = sources(args), model_settings(args)
    inputs = read_from.read()
    if inputs.corpus.duplicates:
        console.print(f"{inputs.corpus.duplicates} of the seeds repeat an earlier one exactly and are left out")
    monitor = ProgressMonitor(console, token_price(args), args.log_json, args.metrics_port)
    with monitor, Store(responses_path(args), read_only=args.replay) as store:
        generation = make_generation(inputs, models, store, monitor.listener)
        names = ", ".join(f"{name} {model}".strip() for name, model in generation.models.items())
        seeds, rounds = len(inputs.corpus.seeds), inputs.recipe.rounds
        size = f"{counted(seeds, 'seed')}, {counted(rounds, 'round')}"
        console.print(visible(f"{size}, model {names}, responses in {store.path}"))
        by_name = {name or "model": str(model) for name, model in generation.models.items()}
        by_name = {"judge": by_name["model"], **by_name}
        monitor.log("run_started", seeds=seeds, rounds=rounds, replay=args.replay, **by_name)
        yield generation, monitor


def generate_on_cluster(args: argparse.Namespace) -> dict[str, Any] | None:
    """Run the generation in the tasks that the flags describe; return the manifest, or `None` if it is yet to come.

    Raises:
        EcdError: see the layers below.
    """
    from ecd_data.builders import find_builder
    from ecd_data.cluster.launch import launch
    from ecd_data.cluster.tasks import ClusterRun
    from ecd_data.methods import method_of
    from ecd_data.progress.monitor import ProgressMonitor

    read_from, price = sources(args), token_price(args)
    run = ClusterRun(
        sources=read_from,
        models=model_settings(args),
        builder=find_builder(method_of(read_from.recipe).name),
        out=args.out,
        responses=responses_path(args),
        executor=args.executor,
        work=args.work or str(args.out.with_name(f"{args.out.name}.work")),
        tasks=args.tasks,
        workers=args.workers,
        sbatch=args.sbatch,
        log_json=args.log_json,
        price=price,
    )
    return launch(run, ProgressMonitor(console, price, args.log_json))


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m ecd_data.generate",
        description="Generate verified preference pairs from a seed corpus into a build directory.",
        epilog="Every response is stored before it is used: stop at any time, and run the same command to continue.",
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
        parser.error("--replay, --preview and --metrics-port are for one process: leave out --executor")

    def command() -> None:
        from ecd_data.progress.summary import summarize

        quiet_libraries()
        if args.preview:
            preview(args)
            return
        manifest = generate_on_cluster(args) if args.executor else generate(args, args.out)
        if manifest is None:
            print(f"submitted: {args.tasks} tasks, and the merge that follows them, which writes {args.out}")
            return
        print(summarize(manifest))
        print(f"{args.out}: validated. Next: python -m ecd_data.publish ORG/NAME --build {args.out}")

    return run_command(command)


def add_cluster_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags that spread a generation over processes and machines."""
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
