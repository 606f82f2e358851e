"""Evaluates how well a model meets the requirements of prompts that it was not trained on.

python -m ecd_data.evaluate org/ecd --weights out
python -m ecd_data.evaluate org/ecd --endpoint http://localhost:8080 --json result.json
python -m ecd_data.evaluate google/IFEval --weights out --against base.json
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ecd_data.cli.arguments import (
    add_endpoint_arguments,
    add_judge_arguments,
    model_settings,
    positive,
    responses_path,
    temperature,
)
from ecd_data.cli.console import console, quiet_libraries, run_command
from ecd_data.core.errors import EvaluationError

if TYPE_CHECKING:
    from ecd_data.calls.scheduler import ModelSource
    from ecd_data.evaluation.result import Result


def evaluate(args: argparse.Namespace) -> Result:
    """Ask for the answers that the store does not hold, score all of them, and return the result.

    Raises:
        EcdError: see the layers below.
    """
    from ecd_data.calls.model_sources import connect, connect_judge
    from ecd_data.calls.store import Store
    from ecd_data.core.recipe import Recipe
    from ecd_data.evaluation.answering import answer_tasks
    from ecd_data.evaluation.data import read_data
    from ecd_data.evaluation.result import make_result
    from ecd_data.generation.generation import Usage
    from ecd_data.progress.monitor import ProgressMonitor

    data = read_data(args.data, config=args.config, split=args.split, revision=args.revision, limit=args.limit)
    sampling = Recipe(temperature=args.temperature, max_tokens=args.max_tokens)
    settings, path = model_settings(args, needs_endpoint=not args.weights), responses_path(args)
    with Store(path, read_only=args.replay) as store, ProgressMonitor(console) as monitor:
        judge = connect_judge(settings, store)
        model = load_weights(args) if args.weights else connect(settings, store, [""], judge)[""]
        console.print(f"{len(data.tasks)} prompts of {data.name}, model {model.model}, responses in {path}")
        monitor.on_stage("answers", len(data.tasks))
        answers = answer_tasks(
            data.tasks,
            sampling,
            store,
            model,
            judge,
            on_call=monitor.on_call,
            on_answer=lambda answer: monitor.on_result(answer, Usage(calls=1)),
        )
    return make_result(data, model.model, judge.model if judge else None, sampling, answers)


def load_weights(args: argparse.Namespace) -> ModelSource:
    """Return the model of `--weights`, which runs in this process."""
    from ecd_data.calls.scheduler import ModelSource
    from ecd_data.evaluation.weights import Weights

    weights = Weights(args.weights, args.weights_revision, args.batch_size, args.dtype)
    return ModelSource(weights.model, None if args.replay else weights)


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m ecd_data.evaluate",
        description="Score a model's answers to the prompts of a test split, requirement by requirement.",
        epilog="Every answer is stored before it is scored: stop at any time, and run the same command to continue.",
    )
    parser.add_argument(
        "data",
        metavar="DATA",
        help="ECD dataset (Hub id or build directory); dataset or .jsonl file in IFEval's format; or `ifbench`",
    )
    parser.add_argument("--config", metavar="NAME", help="config of the dataset; default: its default one")
    parser.add_argument("--split", metavar="NAME", help="default: test, or the only one there is")
    parser.add_argument("--revision", metavar="REV", help="branch, tag or commit of the dataset")
    parser.add_argument("--limit", type=positive, metavar="N", help="take the first N prompts")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result, with every answer and its scores")
    parser.add_argument(
        "--against", type=Path, metavar="FILE", help="compare with the result of another model on the same prompts"
    )
    here = parser.add_argument_group("a model that is run here (needs ecd-data[train])")
    here.add_argument("--weights", metavar="MODEL", help="folder, or model id on the Hub; instead of --endpoint")
    here.add_argument("--weights-revision", metavar="REV", help="branch, tag or commit of that model")
    here.add_argument("--batch-size", type=positive, default=8, metavar="N", help="answers at a time (default 8)")
    here.add_argument(
        "--dtype",
        choices=["auto", "bfloat16", "float16", "float32"],
        default="auto",
        help="precision to run it in (default auto: that of its stored weights)",
    )
    run = parser.add_argument_group("who else is asked, and how")
    add_endpoint_arguments(run)
    add_judge_arguments(run)
    run.add_argument("--max-tokens", type=positive, default=1280, metavar="N", help="of an answer (default 1280)")
    run.add_argument("--temperature", type=temperature, default=0.0, metavar="T", help="default 0: greedy")
    args = parser.parse_args()
    if args.weights and (args.endpoint or args.model):
        parser.error("--weights names a model to run here: leave out --endpoint and --model")
    if args.weights_revision and not args.weights:
        parser.error("--weights-revision needs --weights")
    if args.dtype != "auto" and not args.weights:
        parser.error("--dtype needs --weights")

    def command() -> None:
        if not (args.weights or args.endpoint or args.replay or os.environ.get("ECD_ENDPOINT")):
            raise EvaluationError(
                "no model. Give --weights MODEL (a folder or a Hub id) to run one here, or --endpoint URL (or set "
                "ECD_ENDPOINT) to ask a server."
            )
        quiet_libraries()
        from ecd_data.evaluation.result import compare, read_result, write_result
        from ecd_data.evaluation.tables import notes, print_measures

        other = read_result(args.against) if args.against else None
        result = evaluate(args)
        if other:
            result["against"] = compare(result, other)
        if args.json:
            write_result(args.json, result)
        model = result["model"]["id"]
        print_measures(result["accuracy"], f"{model} on {result['data']['name']}, percent met")
        print("\n".join(notes(result)))
        if other:
            title = f"{model} against {other['model']['id']}, difference in points"
            print_measures(result["against"]["difference"], title, signed=True)

    return run_command(command)


if __name__ == "__main__":
    sys.exit(main())
