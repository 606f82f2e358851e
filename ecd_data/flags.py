"""The flags that verbs share, and who answers by them."""

from __future__ import annotations

import argparse
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from builders import BUILDERS
from ecd_data.command import ecd_home
from ecd_data.errors import EndpointError, StoreError
from ecd_data.request import JUDGE, MODEL_NAME, Model

if TYPE_CHECKING:
    from ecd_data.calls.scheduler import Answerer
    from ecd_data.calls.store import Store

NAMED = re.compile(f"({MODEL_NAME})=(.+)", re.DOTALL)  # of several models: strong=http://localhost:8080
MOST_MONEY = 1e15  # for a million tokens: beyond that, sums are no numbers any more
WAYS = 1000  # to give names their models that a replay tries, at some milliseconds each


def add_generation_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags that turn seeds into a build, shared with `publish`."""
    data = parser.add_argument_group("what is generated")
    data.add_argument(
        "--seeds",
        action="append",
        metavar="SRC",
        help="seed corpus: a .jsonl, .json, .csv or .parquet file (path or URL), a Hub dataset "
        "(ORG/NAME[@REVISION][:CONFIG[:SPLIT]]), or `bundled`; repeat for more",
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
    data.add_argument("--builder", choices=BUILDERS, help="the method, instead of the recipe's (default ecd)")
    data.add_argument("--recipe", default="default", metavar="FILE", help="YAML file, `default`, `local` or `repair`")
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
        "for servers that share the work; they must serve the same model. A builder that asks several models takes "
        "NAME=URL for each, with the token of one in $ECD_TOKEN_NAME where it is another",
    )
    group.add_argument(
        "--model",
        action="append",
        metavar="ID",
        help="which model, where a server or the response store has several; NAME=ID for one of several",
    )
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
    if not 0 <= amount < MOST_MONEY:
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


def endpoints(args: argparse.Namespace) -> dict[str, list[str]]:
    """The URLs of the servers that answer, by the name of their model; the model without a name has an empty one.

    Raises:
        EndpointError: there is none, and this is no replay.
    """
    urls = args.endpoint or [os.environ[name] for name in ["ECD_ENDPOINT"] if os.environ.get(name)]
    if not urls and not args.replay:
        raise EndpointError("no endpoint. Give --endpoint URL or set ECD_ENDPOINT; `ecd local` starts one here.")
    return _by_name(urls)


def answered_by(args: argparse.Namespace, store: Store, judge: Answerer | None = None) -> Answerer:
    """The model behind the endpoints, for verbs that ask a single one. Raises as `answerers` does."""
    return answerers(args, store, [""], judge)[""]


def answerers(
    args: argparse.Namespace,
    store: Store,
    names: Sequence[str],
    judge: Answerer | None = None,
    answered: Callable[[Mapping[str, Answerer]], bool] | None = None,
) -> dict[str, Answerer]:
    """The models of these names behind the endpoints, or in a replay those in the store, beside that of the `judge`.

    Where a store has several, `answered` says whether it holds what certain ones would have been asked.

    Raises:
        EndpointError: a name has no endpoint, or an endpoint a name that nobody asks; an endpoint does not say which
            model it serves, or those of one name serve different ones.
        StoreError: the store does not tell.
    """
    urls, wanted = endpoints(args), _by_name(args.model or [])
    told = {"--model": wanted} if args.replay else {"--model": wanted, "--endpoint": urls}
    for flag, given in told.items():
        if unknown := sorted(given.keys() - {*names, ""}):
            takes = ", ".join(f"{flag} {name}=..." for name in names if name) or "no names"
            raise EndpointError(f"{flag} {unknown[0]}=...: nobody asks a model of that name; this takes {takes}.")
    if args.replay:
        models = store.models()
        others = [model for model in models if judge is None or model != judge.model] or models
        fitting = {
            name: _fitting(models if (id_ := _wanted(wanted, name)) or len(names) > 1 else others, id_)
            for name in names
        }
        return _stored(fitting, store, answered)
    found: dict[str, Answerer] = {}
    known: dict[tuple[object, ...], Answerer] = {}  # names at the same servers share them, and their limits
    flags = {name: f"--endpoint {name}=URL" if name else "--endpoint URL (without a name)" for name in names}
    if missing := [flag for name, flag in flags.items() if name not in urls]:
        raise EndpointError(
            f"not every model that is asked has an endpoint: give {' '.join(missing)}, too. Several may have one URL."
        )
    for name in names:
        of_its_own = f"ECD_TOKEN_{name.upper().replace('-', '_')}"
        token_name = of_its_own if name and of_its_own in os.environ else "ECD_TOKEN"
        asked = (urls[name], _wanted(wanted, name), token_name)
        same = (tuple(urls[name]), *asked[1:])
        found[name] = known[same] = known.get(same) or _answerer(args, *asked)
    return found


def judged_by(args: argparse.Namespace, store: Store) -> Answerer | None:
    """The judge that the flags name; `None` when the model judges itself. Raises as `answerers` does."""
    if not args.judge_endpoint and not args.judge_model:
        return None
    if args.replay:
        return _stored({JUDGE: _fitting(store.models(), args.judge_model)}, store)[JUDGE]
    if not args.judge_endpoint:
        raise EndpointError("--judge-model names a model of --judge-endpoint, which is missing.")
    return _answerer(args, [args.judge_endpoint], args.judge_model, "ECD_JUDGE_TOKEN")


def _by_name(values: Sequence[str]) -> dict[str, list[str]]:
    """The values of a flag, by the names before their `=`."""
    found: dict[str, list[str]] = {}
    for value in values:
        named = NAMED.fullmatch(value)
        found.setdefault(named[1] if named else "", []).append(named[2] if named else value)
    return found


def _wanted(models: dict[str, list[str]], name: str) -> str | None:
    """The id that --model gives for a name, or for all."""
    ids = models.get(name) or models.get("")
    return ids[-1] if ids else None


def _fitting(models: Sequence[Model], wanted: str | None) -> list[Model]:
    """The models that an id, with or without its revision, or no id at all leaves to choose from."""
    return [model for model in models if wanted in (None, model.id, str(model))]


def _stored(
    fitting: Mapping[str, Sequence[Model]],
    store: Store,
    answered: Callable[[Mapping[str, Answerer]], bool] | None = None,
) -> dict[str, Answerer]:
    """The one way that a store leaves to give names their models in a replay.

    Raises:
        StoreError: there is none, or several that `answered` does not tell apart, or far too many to try.
    """
    from ecd_data.calls.scheduler import Answerer

    number = math.prod(map(len, fitting.values()))
    trouble = "cannot tell whose responses to take" if number else "finds no such model"
    chosen = product(*fitting.values()) if number <= WAYS else ()
    ways = [dict(zip(fitting, map(Answerer, models), strict=True)) for models in chosen]
    if len(ways) > 1 and answered:
        ways = [way for way in ways if answered(way)]
        trouble = trouble if ways else "lacks responses that this recipe and these seeds need, whoever gave them"
    if len(ways) == 1:
        return ways[0]
    there = ", ".join(map(str, store.models())) or "none"
    flags = {"": "--model ID", JUDGE: "--judge-model ID"}
    say = " ".join(flags.get(name, f"--model {name}=ID") for name in fitting)
    raise StoreError(
        f"{store.path}: --replay {trouble}; there are those of: {there}. Name them with {say}"
        + (", and a judge of its own with --judge-model." if JUDGE not in fitting else ".")
    )


def _answerer(args: argparse.Namespace, urls: Sequence[str], wanted: str | None, token_name: str) -> Answerer:
    from ecd_data.calls.endpoint import Endpoint
    from ecd_data.calls.pool import Pool, identify
    from ecd_data.calls.scheduler import Answerer

    token = os.environ.get(token_name)
    servers = [Endpoint(url, token=token, token_name=token_name, timeout=args.timeout) for url in urls]
    bounds = {"min_concurrency": args.min_concurrency, "max_concurrency": args.max_concurrency}
    pool = Pool(servers, **bounds, max_retries=args.max_retries)
    return Answerer(identify(pool, wanted), pool)
