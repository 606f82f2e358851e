"""How reliable a judge is: its votes against code checks, on questions whose answer code knows.

python -m ecd_data.calibrate --endpoint http://localhost:8080
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path

from ecd_data.command import console, quiet_libraries, run_command
from ecd_data.flags import add_endpoint_arguments, answered_by, endpoints, positive, responses
from ecd_data.generate import verdict


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m ecd_data.calibrate",
        description="Ask a judge questions whose answer code knows, and say how often it is right.",
        epilog="`generate` does the same before it uses a judge's votes, and switches them off below the recipe's "
        "judge_accuracy.",
    )
    parser.add_argument("--recipe", default="default", metavar="FILE", help="YAML file, `default` or `local`")
    parser.add_argument("--items", type=positive, metavar="N", help="questions, instead of the recipe's judge_items")
    parser.add_argument("-o", "--out", type=Path, metavar="FILE", help="write the numbers as JSON")
    add_endpoint_arguments(parser.add_argument_group("who is asked, and how"))
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
        endpoints(args)
        recipe = load_recipe(args.recipe, judge_items=args.items)
        path = responses(args)
        with Store(path, read_only=args.replay) as store:
            judge = answered_by(args, store)
            console.print(f"judge {judge.model}, {recipe.votes} votes a question, responses in {path}")
            with Watch() as watch:
                nobody = Corpus((), (), 0)
                generation = watch.of(Generation(nobody, recipe, judge.model, store, judge.pool))
                measured = generation.calibrate(Plan.of(recipe))
        print(table(dataclasses.asdict(measured)))
        console.print(verdict(measured, recipe))
        if args.out:
            numbers = {"model": str(judge.model), "votes": recipe.votes, **dataclasses.asdict(measured)}
            args.out.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")

    return run_command(command)


if __name__ == "__main__":
    sys.exit(main())
