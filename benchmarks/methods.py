"""The builders side by side: the same seeds, the same number of calls, and what comes out of each.

    python -m benchmarks.methods --calls 300                       # the demo's model
    python -m benchmarks.methods --calls 20000 --endpoint URL --seeds seeds.jsonl --train 500 --model MODEL

Every builder gets the seeds in the same order and as many of them as its calls suffice for: a first run over a few
seeds tells what a seed takes, and the second asks none of that again. Where a method asks several models, all of them
are the one at `--endpoint`; the weaker one of `strength` samples at a higher temperature then.

*Confirmed by code*: pairs with a requirement that code checks, of which chosen meets all and rejected misses some.
With `--train`, the pairs of each (at most that many) train the same model by `evidence.py`, which is evaluated on the
test split of `ecd`; flags behind `--` go to `evidence.py`.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.evidence import cell, python
from ecd_data.artifact.manifest import read_manifest
from ecd_data.artifact.parquet import every_row
from ecd_data.cli.arguments import positive
from ecd_data.cli.console import run_command
from ecd_data.core.errors import EcdError
from ecd_data.core.recipe import load_recipe
from ecd_data.methods import METHODS, options_of

HERE = Path(__file__).parent
PROBE = 24  # seeds of the first run: some methods make few pairs of a weak model
OPTIONS: dict[str, dict[str, Any]] = {
    "ecd": {},
    "rlcd": {"requirements": 1},
    "spar": {"requirements": 1},
    "strength": {"requirements": 1, "ranking": ["strong", "weak"], "temperatures": {"strong": 0.3, "weak": 1.0}},
    "pad": {"requirements": 1},
}
# As a teacher the demo's model chooses the answer that is shown first; how likely it finds each one says more.
DEMO: dict[str, dict[str, Any]] = {"pad": {"alpha": 1.0}}


def methods(args: argparse.Namespace) -> None:
    """Make a build with every method, then write and print the table.

    Raises:
        EcdError: a step failed, and its own message is above; or a method made no pairs.
    """
    args.work.mkdir(parents=True, exist_ok=True)
    with ExitStack() as services:
        url = args.endpoint or services.enter_context(local_endpoint()).url
        builds = {name: build(args, name, url) for name in args.builders}
    rows = [{"builder": name, **figures(made)} for name, made in builds.items()]
    if args.train:
        for row in rows:
            row["trained"] = trained(args, builds, row["builder"])
    args.result.parent.mkdir(parents=True, exist_ok=True)
    args.result.write_text(json.dumps({"calls": args.calls, "builders": rows}, indent=1) + "\n", encoding="utf-8")
    table = markdown(rows)
    args.result.with_suffix(".md").write_text(table, encoding="utf-8")
    print(table, end="")


def local_endpoint() -> Any:
    """Serve the demo's model."""
    from ecd_data.local.tgi import TextGeneration

    return TextGeneration()


def build(args: argparse.Namespace, name: str, url: str) -> Path:
    """Return the build of one method, of as many seeds as the calls suffice for."""
    out, recipe = args.work / name, args.work / f"{name}.yaml"
    options = OPTIONS[name] if args.endpoint else {**OPTIONS[name], **DEMO.get(name, {})}
    settings = load_recipe(args.recipe, builder=name, options=options)
    recipe.write_text(settings.to_yaml(), encoding="utf-8")
    asked = METHODS[name].models(options_of(settings))
    endpoints = [flag for model in asked for flag in ("--endpoint", f"{model}={url}" if model else url)]
    flags = ["--seeds", args.seeds, "--recipe", recipe, "--responses", args.work / "responses.sqlite", *endpoints]

    def generate(seeds: int) -> int:
        python("-m", "ecd_data.generate", *flags, "--limit", seeds, "--out", out)
        return int(read_manifest(out)["calls"]["total"])

    generate(max(1, args.calls * PROBE // generate(PROBE)))
    return out


def figures(made: Path) -> dict[str, Any]:
    """Return the numbers of a build's calls and pairs."""
    manifest = read_manifest(made)
    pairs = list(every_row(made, "preference", ["requirements", "chosen_met", "rejected_met", "similarity"]))
    counts, calls = manifest["counts"], manifest["calls"]
    if not pairs:
        raise EcdError(f"{made.name} made no pair of {calls['total']} calls: give it more --calls, or a better model.")
    return {
        "seeds": counts["seeds"],
        "calls": calls["total"],
        "pairs": counts["pairs"],
        "calls_per_pair": calls["total"] / counts["pairs"],
        "tokens_per_pair": calls["completion_tokens"] / counts["pairs"],
        "length_ratio": manifest["length_ratio"]["all"]["median"],
        "similarity": median(pair["similarity"] for pair in pairs),
        "confirmed": sum(map(confirmed, pairs)) / len(pairs),
    }


def confirmed(pair: Mapping[str, Any]) -> bool:
    """Return whether the checks of code confirm that the chosen answer of a pair is better."""
    verdicts = zip(pair["requirements"], pair["chosen_met"], pair["rejected_met"], strict=True)
    by_code = [(chosen, rejected) for requirement, chosen, rejected in verdicts if requirement["check"] == "code"]
    return all(chosen for chosen, _ in by_code) and not all(rejected for _, rejected in by_code)


def trained(args: argparse.Namespace, builds: Mapping[str, Path], name: str) -> dict[str, Any]:
    """Return the pairs trained on, and the requirements met, strictly, before and after."""
    result = args.work / "trained" / f"{name}.json"
    model = ["--model", args.model] if args.model else []
    data = ["--build", builds[name], "--test", builds["ecd"], "--arms", "ecd", "--pairs", args.train]
    where = ["--work", args.work / "trained" / name, "--responses", args.work / "responses.sqlite", "--result", result]
    python("-m", "benchmarks.evidence", *model, *data, *where, *args.evidence)
    models = json.loads(result.read_text(encoding="utf-8"))["models"]
    before, after = (model["sets"]["test"]["accuracy"][0]["measures"]["requirement_strict"] for model in models)
    return {"pairs": models[-1]["pairs"], "before": before, "after": after}


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the table."""
    heads = ["builder", "seeds", "calls", "pairs", "calls a pair", "tokens a pair", "chosen's length to rejected's"]
    heads += ["similarity", "confirmed by code, %"]
    if "trained" in rows[0]:
        heads += ["trained on", f"requirements met after DPO (before: {cell(rows[0]['trained']['before'], 100)}), %"]
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)]]
    for row in rows:
        cells = [f"`{row['builder']}`", *(f"{row[name]}" for name in ("seeds", "calls", "pairs"))]
        cells += [f"{row['calls_per_pair']:.1f}", f"{row['tokens_per_pair']:.0f}", f"{row['length_ratio']:.2f}"]
        cells += [f"{row['similarity']:.2f}", f"{100 * row['confirmed']:.0f}"]
        if "trained" in row:
            cells += [f"{row['trained']['pairs']}", cell(row["trained"]["after"], 100)]
        lines.append(cells)
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=positive, default=300, metavar="N", help="of each builder (default 300)")
    parser.add_argument("--builders", nargs="+", choices=OPTIONS, default=list(OPTIONS), metavar="NAME")
    parser.add_argument("--seeds", default="bundled", metavar="SRC", help="default: bundled")
    parser.add_argument("--recipe", default="repair", metavar="FILE", help="default: repair")
    parser.add_argument("--endpoint", metavar="URL", help="default: the demo's model, served here")
    parser.add_argument("--train", type=positive, metavar="N", help="train on N pairs of each at most, and evaluate")
    parser.add_argument("--model", metavar="MODEL", help="to train; default: the demo's, unpacked")
    parser.add_argument("--work", type=Path, default=Path("methods"), metavar="DIR", help="default: methods")
    parser.add_argument("--result", type=Path, default=HERE / "results" / "methods.json", metavar="FILE")
    parser.add_argument("evidence", nargs="*", metavar="-- FLAG", help="flags for evidence.py")
    args = parser.parse_args()
    if args.train and "ecd" not in args.builders:
        parser.error("--train evaluates on the test split of ecd: name it among --builders")
    return run_command(lambda: methods(args))


if __name__ == "__main__":
    sys.exit(main())
