"""The flags that verbs share, and who answers by them."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ecd_data.command import ecd_home
from ecd_data.errors import EndpointError, StoreError
from ecd_data.values import Model

if TYPE_CHECKING:
    from ecd_data.calls.scheduler import Answerer
    from ecd_data.calls.store import Store


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
    add_judge_arguments(run)
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


def add_judge_arguments(group: argparse._ArgumentGroup) -> None:
    """The flags for a judge of its own."""
    group.add_argument(
        "--judge-endpoint",
        metavar="URL",
        help="server of another model that judges what code cannot check; its token is read from $ECD_JUDGE_TOKEN",
    )
    group.add_argument("--judge-model", metavar="ID", help="as --model, for the judge")


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


def temperature(text: str) -> float:
    """A sampling temperature from 0 to 2, for argparse."""
    number = float(text)
    if not 0 <= number <= 2:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 2")
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


def responses(args: argparse.Namespace) -> Path:
    """The path of the response store."""
    return Path(args.responses or ecd_home() / "responses.sqlite")


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
