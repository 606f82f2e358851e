"""Does the data teach? Trains the arms of `arms.py` on one build and evaluates them on prompts that none has seen.

    python -m benchmarks.evidence                                 # the demo's model, on two CPU cores
    python -m benchmarks.evidence --model MODEL --endpoint URL --seeds seeds.jsonl --recipe default
    python -m benchmarks.evidence --model MODEL --build ORG/NAME --beside ifbench -- --use_cpu false

Every step is a command that anyone can type: `ecd generate`, `accelerate launch trainers/...`, `ecd evaluate`; what
stands behind `--` goes to every trainer. All arms have as many pairs, epochs and steps. Each model is asked

- the prompts of the test split, of seeds that no arm was trained on; `--test` names other test splits;
- those of the sets that `--beside` names, on which nothing was tuned;
- the test seeds as they came, without a requirement. What is met there was not asked for: where that share rises, what
  was learnt bleeds into other prompts. Words and loops are of these answers, and perplexity is that of the answers
  which the build has for these seeds.

What is made stays in `--work`, and the same command makes again only what has other inputs by now. When all of it is
there, `--result` gets the numbers, and the table as Markdown beside it. Intervals are of 95 %, from a bootstrap over
seeds; two models are compared on the same draws of it, so a lead leaves out how hard the prompts happen to be.
"""

import argparse
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from datasets import Dataset

from benchmarks.arms import ARMS, Row, Split
from benchmarks.perplexity import perplexity, surprise
from ecd_data.cli.arguments import positive, responses_path
from ecd_data.cli.console import console, quiet_libraries, run_command
from ecd_data.core.errors import EcdError
from ecd_data.core.hashing import canonical_json, file_sha256, files_sha256, sha256
from ecd_data.demo import CPU_TRAINING
from ecd_data.evaluation.result import compare, read_result
from ecd_data.release.download import build_at

HERE = Path(__file__).parent
TRAINERS = HERE.parent / "trainers"
LAUNCH = ["-m", "accelerate.commands.launch", "--quiet", "--num_processes", "1"]


@dataclass(frozen=True)
class Model:
    """A model of the comparison; `inputs` is everything that it was made from."""

    name: str
    title: str
    pairs: int
    weights: Path | str
    inputs: dict[str, Any]


def evidence(args: argparse.Namespace) -> None:
    """Make what is missing, then write and print the result.

    Raises:
        EcdError: a step failed; its own message is above.
    """
    beside = {Path(name).stem: name for name in args.beside}
    if len(beside) < len(args.beside) or beside.keys() & {"test", "plain"}:
        raise EcdError("--beside: each set goes by the name of its file, its own, and not test or plain.")
    args.work.mkdir(parents=True, exist_ok=True)
    build = build_at(args.build) if args.build else generate(args)
    train, tests = Split(build, "train"), [Split(build_at(each), "test") for each in args.test or [str(build)]]
    rows = {name: ARMS[name].rows(train) for name in args.arms}
    most = min(map(len, rows.values()))
    sizes = sorted({min(size, most) for size in args.pairs or (most // 4, most // 2, most)} - {0})
    prompts = sum(len(test.pairs) for test in tests)
    if not sizes or not prompts:
        raise EcdError(f"{most} pairs to train on and {prompts} to test: make {build} of more seeds.")
    base = base_model(args)
    # The first arm shows what more pairs do; the others stand beside its largest size.
    runs = [(args.arms[0], size) for size in sizes] + [(name, sizes[-1]) for name in args.arms[1:]]
    models = [base, *(train_arm(args, base, name, rows[name][:size]) for name, size in runs)]
    plain = [prompt for test in tests for prompt in test.plain_prompts()]
    sets = {**held_out(args.work, tests, plain), **beside}
    measured = [measure(args, model, base, sets, plain) for model in models]
    asked = [name for name in sets if name != "plain"]
    first = measured[len(sizes)]
    for model in measured:
        model["lead"] = {name: lead(args, first, model, name) for name in asked}
    result = {
        "command": shlex.join(["python", "benchmarks/evidence.py", *without_folders(sys.argv[1:])]),
        "machine": {"python": platform.python_version(), "machine": platform.machine(), "cores": os.cpu_count()},
        "libraries": {name: metadata.version(name) for name in ("trl", "transformers", "torch", "datasets")},
        "base": base.inputs,
        "build": {"sha256": parquet_sha256(build), "training_pairs": len(train.pairs), "test_pairs": prompts},
        "settings": {name: getattr(args, name) for name in ("epochs", "batch", "max_tokens", "trainer")},
        "models": measured,
    }
    args.result.parent.mkdir(parents=True, exist_ok=True)
    args.result.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    table = markdown(measured, asked, first)
    args.result.with_suffix(".md").write_text(table, encoding="utf-8")
    print(table, end="")


def without_folders(flags: Sequence[str]) -> list[str]:
    """Return the flags without those that only name folders."""
    folders = ("--work", "--result", "--responses")
    return [flag for before, flag in zip(["", *flags], flags, strict=False) if not {before, flag} & {*folders}]


def generate(args: argparse.Namespace) -> Path:
    """Return the build that `ecd generate` makes; with the demo's model where no endpoint is named."""
    from ecd_data.local.tgi import TextGeneration

    out = args.work / "build"
    flags = ["--seeds", args.seeds, "--recipe", args.recipe, "--responses", responses_path(args)]
    if args.limit:
        flags += ["--limit", args.limit]
    with ExitStack() as services:
        url = args.endpoint or services.enter_context(TextGeneration()).url
        python("-m", "ecd_data.generate", *flags, "--endpoint", url, "--out", out)
    return out


def base_model(args: argparse.Namespace) -> Model:
    """Return the model that all arms start from; by default the demo's."""
    name = args.model
    if not name:
        from ecd_data.local.model import checkpoint, find_model

        name = args.work / "SmolLM2-135M-Instruct"
        made(name, {"gguf": file_sha256(find_model())}, lambda: checkpoint(find_model(), name))
    folder = Path(name)
    weights = files_sha256(folder, folder.glob("*.safetensors")) if folder.is_dir() else ""
    return Model("base", "base", 0, name, {"model": folder.name if weights else name, "weights": weights})


def train_arm(args: argparse.Namespace, base: Model, name: str, rows: Sequence[Row]) -> Model:
    """Return the model that an arm makes of a number of its rows."""
    arm, folder = ARMS[name], args.work / "arms" / f"{name}-{len(rows)}"
    recipe = TRAINERS / "recipes" / arm.recipe
    flags = ["--num_train_epochs", args.epochs, "--per_device_train_batch_size", args.batch, *arm.flags, *args.trainer]
    inputs = {**base.inputs, "rows": sha256(canonical_json(rows)), "trainer": arm.trainer, "flags": flags}
    inputs["recipe"] = recipe.read_text(encoding="utf-8")

    def train() -> None:
        data = folder / "data"
        data.mkdir(parents=True)
        Dataset.from_list(rows).to_parquet(data / "train.parquet")
        where = ["--dataset_name", data, "--dataset_config", "default", "--output_dir", folder / "model"]
        script = TRAINERS / f"{arm.trainer}.py"
        python(*LAUNCH, script, "--config", recipe, "--model_name_or_path", base.weights, *where, *flags)

    made(folder, inputs, train)
    return Model(folder.name, arm.title, len(rows), folder / "model", inputs)


def held_out(work: Path, tests: Sequence[Split], plain: Sequence[Row]) -> dict[str, Any]:
    """Return files with the prompts of the test splits, and with their seeds without a requirement.

    A plain answer is checked for one requirement of every operation of the splits.
    """
    unasked = [*{each["id"]: each for test in tests for each in test.requirements()}.values()]
    rows = {
        "test": [row for test in tests for row in test.prompts()],
        "plain": [{**prompt, "requirements": unasked} for prompt in plain],
    }
    for name, lines in rows.items():
        text = "".join(canonical_json(line) + "\n" for line in lines)
        (work / f"{name}.jsonl").write_text(text, encoding="utf-8")
    return {name: work / f"{name}.jsonl" for name in rows}


def measure(
    args: argparse.Namespace, model: Model, base: Model, sets: Mapping[str, Any], answered: Sequence[Row]
) -> Row:
    """Measure a model: its accuracy on each set, the form of its plain answers, and its perplexity."""
    folder = args.work / "results" / model.name
    # Trainers store weights in float32; the base's are bfloat16, in which a CPU answers three times as fast, too.
    asked = ["--max-tokens", args.max_tokens, "--batch-size", args.eval_batch, "--dtype", "bfloat16"]
    store = ["--responses", responses_path(args)]
    found: Row = {"name": model.name, "title": model.title, "pairs": model.pairs, "sets": {}}
    for name, data in sets.items():
        limit = ["--limit", args.beside_limit] if name not in ("test", "plain") and args.beside_limit else []
        against = [] if model is base else ["--against", args.work / "results" / base.name / f"{name}.json"]
        file = folder / f"{name}.json"
        command = ["-m", "ecd_data.evaluate", data, "--weights", model.weights, *asked, *limit, *store, *against]
        inputs = {"model": model.inputs, "base": base.inputs, "data": identity(data), "flags": [*asked, *limit]}
        made(file, inputs, lambda command=command, file=file: python(*command, "--json", file))
        scored = json.loads(file.read_text(encoding="utf-8"))
        found["sets"][name] = {
            "prompts": len(scored["rows"]),
            "answers": scored["answers"],
            "accuracy": scored["accuracy"],
            "difference": scored["against"]["difference"] if against else None,
        }
    file = folder / "perplexity.json"
    inputs = {"model": model.inputs, "data": identity(sets["plain"])}
    made(file, inputs, lambda: file.write_text(json.dumps(surprise(model.weights, answered))))
    own, before = (json.loads((at / "perplexity.json").read_text()) for at in (folder, folder.parent / base.name))
    return {**found, "perplexity": perplexity(own), "perplexity_ratio": perplexity(own, before)}


def lead(args: argparse.Namespace, first: Row, model: Row, name: str) -> Row:
    """Return how much more of a set's requirements the first arm, at its largest size, meets than another model."""
    ours, theirs = (read_result(args.work / "results" / each["name"] / f"{name}.json") for each in (first, model))
    interval: Row = compare(ours, theirs)["difference"][0]["measures"]["requirement_strict"]
    return interval


def identity(data: Path | str) -> str:
    """Return what identifies the data of an evaluation: the hash of a build or file, else the name."""
    path = Path(data)
    return parquet_sha256(path) if path.is_dir() else file_sha256(path) if path.is_file() else str(data)


def parquet_sha256(build: Path) -> str:
    """Return the hash of a build's Parquet files, as the trainers' cards name it."""
    return files_sha256(build, build.rglob("*.parquet"))


def markdown(measured: Sequence[Row], sets: Sequence[str], first: Row) -> str:
    """Return the table: the percentages met on each of `sets`, and the form of the answers to plain prompts."""
    heads = ["model", "pairs"]
    for name in sets:
        heads += [f"{name}: requirements met, %", "against base, points", f"lead of {first['name']}, points"]
        heads += ["prompts met, %", "looping or empty, %"]
    heads += ["plain: perplexity, times base's", "words", "looping or empty, %", "met unasked, %"]
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)]]
    for model in measured:
        cells = [model["title"], f"{model['pairs'] or ''}"]
        for name in sets:
            scored = model["sets"][name]
            met, more = scored["accuracy"][0]["measures"], (scored["difference"] or [None])[0]
            points = cell(more["measures"]["requirement_strict"], 100, "+") if more else ""
            ahead = "" if model is first else cell(model["lead"][name], 100, "+")
            cells += [cell(met["requirement_strict"], 100), points, ahead]
            cells += [cell(met["prompt_strict"], 100), broken(scored)]
        plain = model["sets"]["plain"]
        unasked = cell(plain["accuracy"][0]["measures"]["requirement_strict"], 100)
        ratio = cell(model["perplexity_ratio"], 1, digits=2) if model["pairs"] else "1"
        cells += [ratio, f"{plain['answers']['mean_words']:.0f}", broken(plain), unasked]
        lines.append(cells)
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def broken(scored: Row) -> str:
    """Return the percentage of answers that loop or are empty."""
    defects = scored["answers"]["defects"]
    return f"{100 * (defects.get('looping', 0) + defects.get('empty', 0)) / scored['prompts']:.0f}"


def cell(interval: Mapping[str, float], factor: float, sign: str = "", digits: int = 1) -> str:
    """Return a number and its interval."""
    value, low, high = (f"{factor * interval[name]:{sign}.{digits}f}" for name in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def made(target: Path, inputs: Mapping[str, Any], make: Callable[[], object]) -> None:
    """Make a file or folder, unless it exists and was made from the same inputs."""
    note, wanted = target.with_name(f"{target.name}.inputs"), canonical_json(inputs)
    if target.exists() and note.exists() and note.read_text(encoding="utf-8") == wanted:
        return
    note.unlink(missing_ok=True)
    if target.is_dir():
        shutil.rmtree(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    make()
    note.write_text(wanted, encoding="utf-8")


def python(*arguments: object) -> None:
    """Print a Python command and run it; its output goes to standard error.

    Raises:
        EcdError: it ends with another exit code than 0.
    """
    command = [str(argument) for argument in arguments]
    console.print(f"$ python {shlex.join(command)}", style="dim")
    code = subprocess.run([sys.executable, *command], stdout=sys.stderr, check=False).returncode
    if code:
        raise EcdError(f"the step above ended with exit code {code}; run the same command again to continue.")


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", metavar="MODEL", help="folder or Hub id to train; default: the demo's, unpacked")
    parser.add_argument("--build", metavar="BUILD", help="directory or Hub id; without it one is generated")
    parser.add_argument(
        "--test", nargs="+", metavar="BUILD", help="evaluate on the test splits of these, as one, instead of its own"
    )
    parser.add_argument("--seeds", default="bundled", metavar="SRC", help="default: bundled")
    parser.add_argument("--limit", type=positive, metavar="N", help="take the first N seeds")
    parser.add_argument("--recipe", default="repair", metavar="FILE", help="default: repair")
    parser.add_argument("--endpoint", metavar="URL", help="default: the demo's model, served here")
    arms = ["ecd", "sft", "random", "unverified", "alone"]
    parser.add_argument(
        "--arms", nargs="+", choices=ARMS, default=arms, metavar="ARM", help=f"default: {' '.join(arms)}"
    )
    parser.add_argument(
        "--pairs",
        type=positive,
        nargs="+",
        metavar="N",
        help="sizes: the first arm is trained at each, the others at the largest; default: a quarter, a half and all",
    )
    parser.add_argument("--epochs", type=positive, default=1, metavar="N", help="default 1")
    parser.add_argument("--batch", type=positive, default=4, metavar="N", help="pairs a step (default 4)")
    parser.add_argument("--beside", action="append", default=[], metavar="DATA", help="another set to evaluate on")
    parser.add_argument("--beside-limit", type=positive, metavar="N", help="its first N prompts")
    parser.add_argument("--max-tokens", type=positive, default=256, metavar="N", help="of an answer (default 256)")
    parser.add_argument("--eval-batch", type=positive, default=16, metavar="N", help="answers at a time (default 16)")
    parser.add_argument("--work", type=Path, default=Path("evidence"), metavar="DIR", help="default: evidence")
    parser.add_argument("--responses", type=Path, metavar="FILE", help="response store; default: one in --work")
    parser.add_argument("--result", type=Path, default=HERE / "results" / "evidence.json", metavar="FILE")
    parser.add_argument("trainer", nargs="*", metavar="-- FLAG", help="flags for every trainer")
    args = parser.parse_args()
    quiet_libraries()
    os.environ.update({**CPU_TRAINING, "OMP_NUM_THREADS": str(os.cpu_count() or 1), **os.environ})
    return run_command(lambda: evidence(args))


if __name__ == "__main__":
    sys.exit(main())
