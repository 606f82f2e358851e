"""Seeds to a build directory of verified preference pairs.

python -m ecd_data.generate --seeds seeds.jsonl --endpoint http://localhost:8080 --out build
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecd_data.command import Progress, console, ecd_home, quiet_libraries, run_command, table
from ecd_data.errors import EndpointError, SeedError, StoreError
from ecd_data.values import Chain, Model

if TYPE_CHECKING:
    from ecd_data.calls.scheduler import Answerer
    from ecd_data.calls.store import Store
    from ecd_data.recipe import Recipe
    from ecd_data.requirements.calibration import Calibration


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
    add_endpoint_arguments(run)
    run.add_argument(
        "--judge-endpoint",
        metavar="URL",
        help="server of another model that judges what code cannot check; its token is read from $ECD_JUDGE_TOKEN",
    )
    run.add_argument("--judge-model", metavar="ID", help="as --model, for the judge")


def add_endpoint_arguments(group: argparse._ArgumentGroup) -> None:
    """The flags for endpoints, calls and stored responses, shared with `calibrate`."""
    group.add_argument(
        "--endpoint",
        action="append",
        metavar="URL",
        help="TGI or OpenAI-compatible server; default $ECD_ENDPOINT. Its token is read from $ECD_TOKEN. Repeat it "
        "for servers that share the work; they must serve the same model",
    )
    group.add_argument("--model", metavar="ID", help="which model, where a server or the response store has several")
    group.add_argument(
        "--responses", type=Path, metavar="FILE", help="response store; default $ECD_HOME/responses.sqlite"
    )
    group.add_argument("--replay", action="store_true", help="use stored responses alone, with no endpoint")
    group.add_argument(
        "--max-concurrency", type=positive, default=16, metavar="N", help="calls in flight at each server (default 16)"
    )
    group.add_argument(
        "--min-concurrency",
        type=positive,
        default=1,
        metavar="N",
        help="how far that is lowered while a server is overloaded (default 1)",
    )
    group.add_argument("--max-retries", type=natural, default=6, metavar="N", help="of one call (default 6)")
    group.add_argument(
        "--timeout", type=positive, default=120, metavar="SECONDS", help="for one try of a call (default 120)"
    )


def positive(text: str) -> int:
    """A whole number of at least 1, for argparse."""
    return _at_least(1, text)


def natural(text: str) -> int:
    """A whole number of at least 0, for argparse."""
    return _at_least(0, text)


def _at_least(bound: int, text: str) -> int:
    number = int(text)
    if number < bound:
        raise argparse.ArgumentTypeError(f"{text} is not at least {bound}")
    return number


def generate(args: argparse.Namespace, out: Path) -> dict[str, Any]:
    """Runs the generation that the flags describe into the build directory `out`; returns the manifest.

    Raises:
        EcdError: see the layers below.
    """
    from builders.ecd import Ecd
    from builders.spool import Spool
    from ecd_data.artifact.build import build, check_out
    from ecd_data.artifact.schema import CONFIGS
    from ecd_data.calls.scheduler import Stats
    from ecd_data.calls.store import Store
    from ecd_data.corpus.contamination import read_contamination
    from ecd_data.corpus.seeds import Columns, read_corpus
    from ecd_data.generation import Generation
    from ecd_data.recipe import load_recipe

    if not args.seeds:
        raise SeedError("no seeds. Give --seeds FILE, or --seeds bundled for the ones that come with the package.")
    endpoints(args)
    check_out(out)
    recipe = load_recipe(args.recipe, rounds=args.rounds, pairs=args.pairs)
    columns = Columns(args.instruction_column, args.input_column, args.response_column)
    corpus = read_corpus(args.seeds, columns, args.limit)
    if corpus.duplicates:
        console.print(f"{corpus.duplicates} of the seeds repeat an earlier one exactly and are left out")
    sources = args.decontaminate
    contamination = read_contamination(sources, recipe.decontaminate_ngram) if sources else None
    path = args.responses or ecd_home() / "responses.sqlite"
    out.parent.mkdir(parents=True, exist_ok=True)
    scratch = tempfile.TemporaryDirectory(prefix=".ecd-", dir=out.parent)  # on the disk that must have the room anyway
    with scratch as work, Store(path, read_only=args.replay) as store:
        judge = judged_by(args, store)
        answerer = answered_by(args, store, judge)
        model = answerer.model
        console.print(f"{len(corpus.seeds)} seeds, {recipe.rounds} rounds, model {model}, responses in {path}")
        with Progress("chains", len(corpus.seeds)) as bar:
            pairs = 0

            def on_chain(made: Chain) -> None:
                nonlocal pairs
                pairs += len(made.pairs)
                bar.advance()

            def on_call(stats: Stats) -> None:
                retries = f", {stats.retries} retries" if stats.retries else ""
                bar.note(f"{pairs} pairs, {stats.calls} calls, {stats.stored} answers from the store{retries}")

            generation = Generation(
                corpus,
                recipe,
                model,
                store,
                answerer.pool,
                judge=judge,
                contamination=contamination,
                on_chain=on_chain,
                on_call=on_call,
                on_judge=lambda calibration: console.print(verdict(calibration, recipe)),
            )
            spool = Spool(Path(work, "spool"), recipe)
            spool.fill(generation)
        builders = [Ecd(name, generation=generation, spool=spool, cache_dir=work) for name in CONFIGS]
        return build(builders, generation, chain(generation.trial_keys, spool.keys()), out)


def endpoints(args: argparse.Namespace) -> list[str]:
    """The URLs of the servers that answer.

    Raises:
        EndpointError: there is none, and this is no replay.
    """
    urls = args.endpoint or [os.environ[name] for name in ["ECD_ENDPOINT"] if os.environ.get(name)]
    if not urls and not args.replay:
        raise EndpointError("no endpoint. Give --endpoint URL or set ECD_ENDPOINT; `ecd local` starts one here.")
    return urls


def answered_by(args: argparse.Namespace, store: Store, judge: Answerer | None = None) -> Answerer:
    """The model behind the endpoints, or in a replay the one in the store, beside that of the `judge`.

    Raises:
        EndpointError: an endpoint does not say which model it serves, or they serve different ones.
        StoreError: the store does not tell.
    """
    return _answerer(args, endpoints(args), args.model, "ECD_TOKEN", store, judge)


def judged_by(args: argparse.Namespace, store: Store) -> Answerer | None:
    """The judge that the flags name; `None` when the model judges itself. Raises as `answered_by` does."""
    if not args.judge_endpoint and not args.judge_model:
        return None
    if not args.judge_endpoint and not args.replay:
        raise EndpointError("--judge-model names a model of --judge-endpoint, which is missing.")
    return _answerer(args, [args.judge_endpoint], args.judge_model, "ECD_JUDGE_TOKEN", store)


def _answerer(
    args: argparse.Namespace,
    urls: Sequence[str],
    wanted: str | None,
    token_name: str,
    store: Store,
    judge: Answerer | None = None,
) -> Answerer:
    from ecd_data.calls.endpoint import Endpoint
    from ecd_data.calls.pool import Pool, identify
    from ecd_data.calls.scheduler import Answerer

    if args.replay:
        models = store.models()
        others = [model for model in models if judge is None or model != judge.model]
        return Answerer(stored_model(others or models, wanted, store.path))
    token = os.environ.get(token_name)
    servers = [Endpoint(url, token=token, token_name=token_name, timeout=args.timeout) for url in urls]
    bounds = {"min_concurrency": args.min_concurrency, "max_concurrency": args.max_concurrency}
    pool = Pool(servers, **bounds, max_retries=args.max_retries)
    return Answerer(identify(pool, wanted), pool)


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
    args = parser.parse_args()

    def command() -> None:
        quiet_libraries()
        print(funnel(generate(args, args.out)))
        print(f"{args.out}: validated. Next: python -m ecd_data.publish ORG/NAME --build {args.out}")

    return run_command(command)


if __name__ == "__main__":
    sys.exit(main())
