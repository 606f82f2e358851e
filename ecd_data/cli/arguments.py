"""The flags that verbs share, and the plain values that they describe."""

from __future__ import annotations

import argparse
import math
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ecd_data.core.errors import EndpointError
from ecd_data.core.request import MODEL_NAME

if TYPE_CHECKING:
    from ecd_data.calls.model_sources import ModelSettings
    from ecd_data.generation.inputs import Sources
    from ecd_data.progress.price import Price

NAMED_VALUE = re.compile(f"({MODEL_NAME})=(.+)", re.DOTALL)  # strong=http://localhost:8080
MAX_PRICE = 1e15  # of a million tokens; far beyond it, sums would overflow


def add_generation_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags for turning seeds into a build, shared with `publish`."""
    data = parser.add_argument_group("what is generated")
    data.add_argument(
        "--seeds",
        action="append",
        metavar="SRC",
        help="seed corpus: a .jsonl, .json, .csv or .parquet file (path or URL), a Hub dataset "
        "(ORG/NAME[@REVISION][:CONFIG[:SPLIT]]), or `bundled`; repeat for more",
    )
    data.add_argument("--instruction-column", metavar="NAME", help="default: instruction, prompt or messages")
    data.add_argument("--input-column", metavar="NAME", help="text that follows the instruction, as in Alpaca")
    data.add_argument(
        "--response-column", metavar="NAME", help="first answers; by default the model writes them (on-policy)"
    )
    data.add_argument("--limit", type=positive, metavar="N", help="keep the first N seeds")
    data.add_argument(
        "--decontaminate",
        action="append",
        metavar="SRC",
        help="prompts of an evaluation (file, URL or Hub dataset id); seeds and instructions that share 8 consecutive "
        "words with them are left out; repeat for more",
    )
    data.add_argument(
        "--builder",
        metavar="NAME",
        help="the method, in place of the recipe's: ecd (default), pad, rlcd, spar, strength",
    )
    data.add_argument("--recipe", default="default", metavar="FILE", help="YAML file, `default`, `local` or `repair`")
    data.add_argument(
        "--pairs",
        choices=("adjacent", "all"),
        help="contrast each answer with the previous one, or with all previous ones; in place of the recipe's",
    )
    data.add_argument("--rounds", type=positive, metavar="N", help="evolutions per seed, in place of the recipe's")
    run = parser.add_argument_group("how it is run")
    add_endpoint_arguments(run)
    add_judge_arguments(run)
    progress = parser.add_argument_group("how its progress is shown")
    progress.add_argument(
        "--price",
        type=price,
        nargs=2,
        metavar=("IN", "OUT"),
        help="price per million prompt and completion tokens; shows the cost",
    )
    progress.add_argument("--log-json", type=Path, metavar="FILE", help="append events, one JSON object per line")
    progress.add_argument(
        "--metrics-port",
        type=port,
        metavar="PORT",
        help="serve http://127.0.0.1:PORT/metrics in Prometheus' text format during the run; 0 picks a free port",
    )


def add_build_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags that name a build, in a directory or on the Hub."""
    parser.add_argument("build_or_repo", metavar="BUILD_OR_REPO", help="directory, or dataset id org/name")
    parser.add_argument("--revision", metavar="REV", help="branch, tag or commit of the dataset")


def add_endpoint_arguments(group: argparse._ArgumentGroup) -> None:
    """Add the flags for endpoints, calls and stored responses, shared with `calibrate`."""
    group.add_argument(
        "--endpoint",
        action="append",
        metavar="URL",
        help="TGI or OpenAI-compatible server; default $ECD_ENDPOINT. Its token is read from $ECD_TOKEN. Repeat it "
        "for servers that share the work; they must serve the same model. A method that asks several models takes "
        "NAME=URL for each; a token for that model alone is read from $ECD_TOKEN_NAME",
    )
    group.add_argument(
        "--model",
        action="append",
        metavar="ID",
        help="which model, if a server or the response store has several; NAME=ID if the method asks several",
    )
    group.add_argument(
        "--responses", type=Path, metavar="FILE", help="response store; default $ECD_HOME/responses.sqlite"
    )
    group.add_argument("--replay", action="store_true", help="use stored responses only, without an endpoint")
    group.add_argument(
        "--max-concurrency", type=positive, default=16, metavar="N", help="calls in flight at each server (default 16)"
    )
    group.add_argument(
        "--min-concurrency",
        type=positive,
        default=1,
        metavar="N",
        help="lower bound while a server is overloaded (default 1)",
    )
    group.add_argument("--max-retries", type=natural, default=6, metavar="N", help="per call (default 6)")
    group.add_argument(
        "--timeout", type=positive, default=120, metavar="SECONDS", help="per attempt at a call (default 120)"
    )


def add_judge_arguments(group: argparse._ArgumentGroup) -> None:
    """Add the flags for a separate judge."""
    group.add_argument(
        "--judge-endpoint",
        metavar="URL",
        help="server of another model, which judges what code cannot check; its token is read from $ECD_JUDGE_TOKEN",
    )
    group.add_argument("--judge-model", metavar="ID", help="like --model, for the judge")


def _bounded(name: str, number: Callable[[str], float], low: float, high: float = math.inf) -> Callable[[str], float]:
    """Return a `type` for argparse: a parser of numbers from `low` to `high`, `name` in the message for other text."""

    def parse(text: str) -> float:
        if not low <= (value := number(text)) <= high:
            bounds = f"at least {low}" if high == math.inf else f"between {low} and {high:g}"
            raise argparse.ArgumentTypeError(f"must be {bounds}, got {text}")
        return value

    parse.__name__ = name
    return parse


# Types for argparse.
positive = _bounded("positive", int, 1)
natural = _bounded("natural", int, 0)
temperature = _bounded("temperature", float, 0, 2)
price = _bounded("price", float, 0, MAX_PRICE)
port = _bounded("port", int, 0, 65535)


def responses_path(args: argparse.Namespace) -> Path:
    """Return the path of the response store; by default in `$ECD_HOME`, or `~/.cache/ecd`."""
    home = Path(os.environ.get("ECD_HOME") or Path.home() / ".cache" / "ecd")
    return Path(args.responses or home / "responses.sqlite")


def sources(args: argparse.Namespace) -> Sources:
    """Return the inputs of a generation: recipe, seeds and evaluations.

    Raises:
        SeedError: the flags name no seeds.
        RecipeError: the recipe cannot be read.
    """
    from ecd_data.core.recipe import load_recipe
    from ecd_data.corpus.seeds import Columns
    from ecd_data.generation.inputs import Sources

    return Sources(
        load_recipe(args.recipe, builder=args.builder, rounds=args.rounds, pairs=args.pairs),
        tuple(args.seeds or ()),
        Columns(args.instruction_column, args.input_column, args.response_column),
        args.limit,
        tuple(args.decontaminate or ()),
    )


def token_price(args: argparse.Namespace) -> Price | None:
    """Return the price of tokens, or `None` if no flag gives it."""
    from ecd_data.progress.price import Price

    return Price(*args.price) if args.price else None


def model_settings(args: argparse.Namespace, needs_endpoint: bool = True) -> ModelSettings:
    """Return which models the flags name, and how they are asked.

    Raises:
        EndpointError: an endpoint is needed, but none is named, and this is not a replay.
    """
    from ecd_data.calls.model_sources import ModelSettings

    urls = args.endpoint or [os.environ[name] for name in ["ECD_ENDPOINT"] if os.environ.get(name)]
    if needs_endpoint and not urls and not args.replay:
        raise EndpointError("no endpoint. Give --endpoint URL or set ECD_ENDPOINT; `ecd local` starts a local one.")
    return ModelSettings(
        urls=_by_name(urls),
        model_ids={name: ids[-1] for name, ids in _by_name(args.model or []).items()},
        judge_url=getattr(args, "judge_endpoint", None),
        judge_id=getattr(args, "judge_model", None),
        replay=args.replay,
        min_concurrency=args.min_concurrency,
        max_concurrency=args.max_concurrency,
        max_retries=args.max_retries,
        timeout=args.timeout,
    )


def _by_name(values: Sequence[str]) -> dict[str, list[str]]:
    """Return the values of a flag by the names before their `=`; those without a name are under an empty one."""
    by_name: dict[str, list[str]] = {}
    for value in values:
        match = NAMED_VALUE.fullmatch(value)
        by_name.setdefault(match[1] if match else "", []).append(match[2] if match else value)
    return by_name
