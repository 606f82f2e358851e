"""Measures how reliable a judge is: its votes against code, on questions whose answer code knows.

python -m ecd_data.calibrate --endpoint http://localhost:8080
"""

import argparse
import dataclasses
import json
import sys
from pathlib import Path

from ecd_data.cli.arguments import add_endpoint_arguments, model_settings, positive, responses_path
from ecd_data.cli.console import console, quiet_libraries, run_command


def main() -> int:
    """Run the command."""
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
        from ecd_data.calls.model_sources import connect
        from ecd_data.calls.store import Store
        from ecd_data.core.recipe import load_recipe
        from ecd_data.corpus.seeds import Corpus
        from ecd_data.generation.generation import Generation
        from ecd_data.methods import make_plan
        from ecd_data.progress.monitor import ProgressMonitor
        from ecd_data.progress.summary import describe_judge
        from ecd_data.requirements.calibration import table

        quiet_libraries()
        models = model_settings(args)
        recipe = load_recipe(args.recipe, judge_items=args.items)
        path = responses_path(args)
        with Store(path, read_only=args.replay) as store, ProgressMonitor(console) as monitor:
            source = connect(models, store, [""])[""]
            console.print(f"judge {source.model}, {recipe.votes} votes a question, responses in {path}")
            generation = Generation(Corpus((), (), 0), recipe, source, store, listener=monitor.listener)
            judge = generation.try_judge(make_plan(recipe)).judge
        measured = dataclasses.asdict(judge.calibration)
        print(table(measured))
        console.print(describe_judge(judge, recipe))
        if args.out:
            numbers = {"model": str(judge.model), "votes": recipe.votes, **measured}
            args.out.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")

    return run_command(command)


if __name__ == "__main__":
    sys.exit(main())
