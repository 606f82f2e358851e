"""Seeds to a build directory of verified preference pairs.

python -m ecd_data.generate --seeds seeds.jsonl --endpoint http://localhost:8080 --out build
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecd_data.command import console, ecd_home, quiet_libraries, run_command
from ecd_data.errors import EndpointError, SeedError, StoreError
from ecd_data.values import Model
from ecd_data.watch.summary import summary

if TYPE_CHECKING:
    from ecd_data.calls.scheduler import Answerer
    from ecd_data.calls.store import Store
    from ecd_data.generation import Generation
    from ecd_data.recipe import Recipe
    from ecd_data.requirements.calibration import Calibration
    from ecd_data.watch.run import Watch


def add_generation_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags that turn seeds into a build, shared with `publish`."""
    data = parser.add_argument_group("what is generated")
    data.add_argument(
        "--seeds",
        action="append",
        metavar="SRC",
        help="seed corpus: a .jsonl, .json, .csv or .parquet file (path or URL), a Hub dataset id, or `bundled`; "
        "repeat for more",
    )
    data.add_argument("--instruction-column", metavar="NAME", help="default: instruction, prompt or messages")
    data.add_argument("--input-column", metavar="NAME", help="text that belongs behind the instruction, as in Alpaca")
    data.add_argument(
        "--response-column", metavar="NAME", help="first answers; without it the model writes them (on-policy)"
    )
    data.add_argument("--limit", type=positive, metavar="N", help="take the first N seeds")
    data.add_argument(
        "--decontaminate",
        action="append",
        metavar="SRC",
        help="prompts of an evaluation (file, URL or Hub dataset id); seeds and instructions that share 8 words in a "
        "row with them are left out; repeat for more",
    )
    data.add_argument("--recipe", default="default", metavar="FILE", help="YAML file, `default` or `local`")
    data.add_argument(
        "--pairs",
        choices=("adjacent", "all"),
        help="contrast each answer with the one before it, or with all before it; instead of the recipe's",
    )
    data.add_argument("--rounds", type=positive, metavar="N", help="evolutions per seed, instead of the recipe's")
    run = parser.add_argument_group("how it is run")
    run.add_argument(
        "--endpoint",
        default=os.environ.get("ECD_ENDPOINT"),
        metavar="URL",
        help="TGI or OpenAI-compatible server; default $ECD_ENDPOINT. Its token is read from $ECD_TOKEN",
    )
    run.add_argument("--model", metavar="ID", help="which model, where a server or the response store has several")
    run.add_argument(
        "--judge-endpoint",
        metavar="URL",
        help="server of another model that judges what code cannot check; its token is read from $ECD_JUDGE_TOKEN",
    )
    run.add_argument("--judge-model", metavar="ID", help="as --model, for the judge")
    run.add_argument(
        "--responses", type=Path, metavar="FILE", help="response store; default $ECD_HOME/responses.sqlite"
    )
    run.add_argument("--replay", action="store_true", help="use stored responses alone, with no endpoint")
    run.add_argument("--max-concurrency", type=positive, default=16, metavar="N", help="calls in flight (default 16)")
    watching = parser.add_argument_group("how it is watched")
    watching.add_argument(
        "--price",
        type=price,
        nargs=2,
        metavar=("IN", "OUT"),
        help="money per million prompt and completion tokens of the endpoint: shows the cost",
    )
    watching.add_argument("--log-json", type=Path, metavar="FILE", help="append what happens, a JSON object a line")
    watching.add_argument(
        "--metrics-port",
        type=port,
        metavar="PORT",
        help="serve http://127.0.0.1:PORT/metrics in Prometheus' text format during the run; 0 takes a free port",
    )


def positive(text: str) -> int:
    """A whole number of at least 1, for argparse."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return number


def price(text: str) -> float:
    """An amount of money, for argparse."""
    amount = float(text)
    if not 0 <= amount < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no price")
    return amount


def port(text: str) -> int:
    """A TCP port or 0, for argparse."""
    number = int(text)
    if not 0 <= number < 65536:
        raise argparse.ArgumentTypeError(f"{text} is no port (0 to 65535)")
    return number


def generate(args: argparse.Namespace, out: Path) -> dict[str, Any]:
    """Runs the generation that the flags describe into the build directory `out`; returns the manifest.

    Raises:
        EcdError: see the layers below.
    """
    from builders.ecd import Ecd
    from ecd_data.artifact.build import build, check_out
    from ecd_data.artifact.schema import CONFIGS

    check_out(out)
    with open_generation(args) as (generation, watch):
        out.parent.mkdir(parents=True, exist_ok=True)
        # The scratch folder lies on the disk that must have the room anyway.
        with tempfile.TemporaryDirectory(prefix=".ecd-", dir=out.parent) as work:
            spool = Path(work, "spool")
            spool.mkdir()
            builders = [Ecd(name, generation=generation, spool=spool, cache_dir=work) for name in CONFIGS]
            manifest = build(builders, generation, out, watch.step)
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
        watch.event("preview_finished", seeds=len(previewed.chains))
    show(previewed, watch.price)


@contextmanager
def open_generation(args: argparse.Namespace) -> Iterator[tuple[Generation, Watch]]:
    """The generation that the flags describe, watched as they say, with its store open.

    Raises:
        EcdError: see the layers below.
    """
    from ecd_data.calls.store import Store
    from ecd_data.corpus.contamination import read_contamination
    from ecd_data.corpus.seeds import Columns, read_corpus
    from ecd_data.generation import Generation
    from ecd_data.recipe import load_recipe
    from ecd_data.watch.numbers import Price
    from ecd_data.watch.run import Watch

    if not args.seeds:
        raise SeedError("no seeds. Give --seeds FILE, or --seeds bundled for the ones that come with the package.")
    if not args.endpoint and not args.replay:
        raise EndpointError("no endpoint. Give --endpoint URL or set ECD_ENDPOINT; `ecd local` starts one here.")
    if args.judge_model and not args.judge_endpoint and not args.replay:
        raise EndpointError("--judge-model names a model of --judge-endpoint, which is missing.")
    recipe = load_recipe(args.recipe, rounds=args.rounds, pairs=args.pairs)
    columns = Columns(args.instruction_column, args.input_column, args.response_column)
    corpus = read_corpus(args.seeds, columns, args.limit)
    if corpus.duplicates:
        console.print(f"{corpus.duplicates} of the seeds repeat an earlier one exactly and are left out")
    sources = args.decontaminate
    contamination = read_contamination(sources, recipe.decontaminate_ngram) if sources else None
    path = args.responses or ecd_home() / "responses.sqlite"
    costs = Price(*args.price) if args.price else None
    with Watch(costs, args.log_json, args.metrics_port) as watch, Store(path, read_only=args.replay) as store:
        judge = None
        if args.judge_endpoint or args.judge_model:
            judge = answered_by(args.judge_endpoint, "ECD_JUDGE_TOKEN", args.judge_model, args.replay, store)
        answerer = answered_by(args.endpoint, "ECD_TOKEN", args.model, args.replay, store, judge)
        generation = Generation(
            corpus,
            recipe,
            answerer.model,
            store,
            answerer.endpoint,
            judge=judge,
            contamination=contamination,
            max_concurrency=args.max_concurrency,
            on_stage=watch.begin,
            on_result=watch.result,
            on_call=watch.call,
            on_judge=lambda calibration: console.print(verdict(calibration, recipe)),
        )
        about = {"seeds": len(corpus.seeds), "rounds": recipe.rounds, "model": str(answerer.model)}
        watch.event("run_started", **about, judge=str(generation.judge_model), replay=args.replay)
        console.print(
            f"{len(corpus.seeds)} seeds, {recipe.rounds} rounds, model {answerer.model}, responses in {path}"
        )
        yield generation, watch


def answered_by(
    url: str | None, token_name: str, wanted: str | None, replay: bool, store: Store, judge: Answerer | None = None
) -> Answerer:
    """The model behind an endpoint, or in a replay the one in the store, beside that of the `judge`.

    Raises:
        EndpointError: the endpoint does not say which model it serves.
        StoreError: the store does not tell.
    """
    from ecd_data.calls.endpoint import Endpoint, identify
    from ecd_data.calls.scheduler import Answerer

    if replay:
        models = store.models()
        others = [model for model in models if judge is None or model != judge.model]
        return Answerer(stored_model(others or models, wanted, store.path))
    token = os.environ.get(token_name)
    model = identify(str(url), token=token, model=wanted, token_name=token_name)
    return Answerer(model, Endpoint(str(url), token=token, token_name=token_name))


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


def stored_model(models: Sequence[Model], wanted: str | None, path: Path) -> Model:
    """The model whose responses a replay takes from a store.

    Raises:
        StoreError: the store holds none, or several that `wanted` does not tell apart.
    """
    fitting = [model for model in models if wanted in (None, model.id, str(model))]
    if len(fitting) == 1:
        return fitting[0]
    there = ", ".join(map(str, models)) or "none"
    raise StoreError(
        f"{path}: --replay needs one model's responses; there are: {there}. Name it with --model, and a judge of its "
        "own with --judge-model."
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
    args = parser.parse_args()

    def command() -> None:
        quiet_libraries()
        if args.preview:
            preview(args)
            return
        print(summary(generate(args, args.out)))
        print(f"{args.out}: validated. Next: python -m ecd_data.publish ORG/NAME --build {args.out}")

    return run_command(command)


if __name__ == "__main__":
    sys.exit(main())
