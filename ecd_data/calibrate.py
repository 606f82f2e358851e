"""How reliable a judge is: its votes against code checks, on questions whose answer code knows.

python -m ecd_data.calibrate --endpoint http://localhost:8080
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from pathlib import Path

from ecd_data.command import console, ecd_home, quiet_libraries, run_command
from ecd_data.errors import EndpointError
from ecd_data.generate import answered_by, positive, verdict


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m ecd_data.calibrate",
        description="Ask a judge questions whose answer code knows, and say how often it is right.",
        epilog="`generate` does the same before it uses a judge's votes, and switches them off below the recipe's "
        "judge_accuracy.",
    )
    parser.add_argument(
        "--endpoint",
        default=os.environ.get("ECD_ENDPOINT"),
        metavar="URL",
        help="server of the judge; default $ECD_ENDPOINT. Its token is read from $ECD_TOKEN",
    )
    parser.add_argument("--model", metavar="ID", help="which model, where a server or the response store has several")
    parser.add_argument("--recipe", default="default", metavar="FILE", help="YAML file, `default` or `local`")
    parser.add_argument("--items", type=positive, metavar="N", help="questions, instead of the recipe's judge_items")
    parser.add_argument(
        "--responses", type=Path, metavar="FILE", help="response store; default $ECD_HOME/responses.sqlite"
    )
    parser.add_argument("--replay", action="store_true", help="use stored responses alone, with no endpoint")
    parser.add_argument(
        "--max-concurrency", type=positive, default=16, metavar="N", help="calls in flight (default 16)"
    )
    parser.add_argument("-o", "--out", type=Path, metavar="FILE", help="write the numbers as JSON")
    args = parser.parse_args()

    def command() -> None:
        from ecd_data.calls.store import Store
        from ecd_data.corpus.seeds import Corpus
        from ecd_data.generation import Generation
        from ecd_data.method.plan import Plan
        from ecd_data.recipe import load_recipe
        from ecd_data.requirements.calibration import table
        from ecd_data.watch.run import Watch

        quiet_libraries()
        if not args.endpoint and not args.replay:
            raise EndpointError("no endpoint. Give --endpoint URL or set ECD_ENDPOINT; `ecd local` starts one here.")
        recipe = load_recipe(args.recipe, judge_items=args.items)
        path = args.responses or ecd_home() / "responses.sqlite"
        with Store(path, read_only=args.replay) as store:
            judge = answered_by(args.endpoint, "ECD_TOKEN", args.model, args.replay, store)
            console.print(f"judge {judge.model}, {recipe.votes} votes a question, responses in {path}")
            with Watch() as watch:
                nobody = Corpus((), (), 0)
                generation = Generation(
                    nobody,
                    recipe,
                    judge.model,
                    store,
                    judge.endpoint,
                    max_concurrency=args.max_concurrency,
                    on_stage=watch.begin,
                    on_result=watch.result,
                    on_call=watch.call,
                )
                measured = generation.calibrate(Plan.of(recipe))
        print(table(dataclasses.asdict(measured)))
        console.print(verdict(measured, recipe))
        if args.out:
            numbers = {"model": str(judge.model), "votes": recipe.votes, **dataclasses.asdict(measured)}
            args.out.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")

    return run_command(command)


if __name__ == "__main__":
    sys.exit(main())
