"""Speed and peak memory of DPO on the CPU: our recipe, TRL's own script with its defaults, and the bare arithmetic.

    OMP_NUM_THREADS=2 python -m benchmarks.training

All train SmolLM2-135M-Instruct on the same made-up pairs, as many a step, each in a process of its own, in turn.
`bare` is the recipe once more, where after each step the model is run forward and backward on the same batch, with
the answers' tokens scored and nothing else: no reference, no optimiser, no metrics. The seconds of a step are CPU
time, which other work on the machine disturbs less than the clock, and the median without the first step; where the
reference is scored before the training, each step bears its share of that. Tokens are counted without padding. Peak
memory is the whole process's.
"""

import json
import os
import random
import runpy
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

from benchmarks.measure import Measured, measured, parser, report

RECIPE = Path(__file__).parents[1] / "trainers" / "recipes" / "smol-cpu.yaml"
# As the recipe's comment has it, and for all alike.
ENVIRONMENT = {
    "OMP_WAIT_POLICY": "PASSIVE",
    "GOMP_SPINCOUNT": "0",
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 32),
    "HF_HUB_OFFLINE": "1",
    "ACCELERATE_USE_CPU": "true",
}


def main() -> None:
    """Run the three in turn and print what they took."""
    flags = parser(__doc__)
    flags.add_argument(
        "--steps", type=int, default=4, metavar="N", help="of each, the first is not counted (default 4)"
    )
    flags.add_argument("--rounds", type=int, default=1, metavar="N", help="runs of each, in turn (default 1)")
    flags.add_argument("--batch", type=int, default=4, metavar="N", help="pairs a step (default 4)")
    flags.add_argument("--model", metavar="DIR", help="a checkpoint; default: the demo's model, unpacked")
    flags.add_argument("--arm", choices=ARMS, help="run one in this process, in the folder made for it")
    flags.add_argument("--folder", type=Path, help="that folder")
    args = flags.parse_args()
    if args.arm:
        ARMS[args.arm](args.folder, args.model, args.steps, args.batch)
        return
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        write_pairs(folder / "data", args.steps * args.batch)
        run = [
            sys.executable,
            "-m",
            "benchmarks.training",
            "--folder",
            folder,
            "--steps",
            str(args.steps),
            "--batch",
            str(args.batch),
        ]
        model = args.model or folder / "model"
        if not args.model:
            measured([*run, "--arm", "unpack", "--model", model], **ENVIRONMENT)
        names = ["bare", "recipe", "trl"]
        runs: dict[str, list[Measured]] = {name: [] for name in names}
        for _ in range(args.rounds):
            for name in names:
                runs[name].append(measured([*run, "--arm", name, "--model", model], **ENVIRONMENT))
    found = {name: [json.loads(run.output.splitlines()[-1]) for run in runs[name]] for name in names}
    rows = [row(name, found[name], max(run.peak for run in runs[name])) for name in ("recipe", "trl")]
    recipe, trl = rows
    pairs = [pair for each in found["bare"] for pair in zip(each["steps"], each["bare"], strict=True)]
    ratio = statistics.median(step / bare for step, bare in pairs)
    steps = f"{len(pairs)} batches: {', '.join(f'{step:.1f} / {bare:.1f}' for step, bare in pairs)} s"
    notes = [
        f"a step of the recipe takes {ratio:.2f} times the bare forward and backward (median of {steps})",
        f"and, with its share of the reference, {recipe['CPU s a step'] / trl['CPU s a step']:.2f} times a step of "
        f"TRL's script with its defaults, at {recipe['peak MB'] / trl['peak MB']:.2f} times its peak memory",
    ]
    report(rows, notes, args.json)


def row(name: str, found: list[dict[str, Any]], peak: float) -> dict[str, Any]:
    """Return a row of the table: medians over all steps but the first of each run."""
    step = statistics.median(seconds for each in found for seconds in each["steps"][1:])
    step += statistics.mean(each["reference"] / len(each["steps"]) for each in found)
    tokens = statistics.mean(each["tokens"] / len(each["steps"]) for each in found)
    return {"arm": name, "CPU s a step": step, "tokens a CPU second": tokens / step, "peak MB": peak}


def write_pairs(folder: Path, pairs: int) -> None:
    """Write a dataset of prompts of 10 to 60 words and answers of 20 to 120; rejected is a shortened chosen."""
    from ecd_data.corpus.seeds import read_corpus

    folder.mkdir()
    rng = random.Random(0)
    words = " ".join(seed.instruction for seed in read_corpus(["bundled"]).seeds).split()

    def said(role: str, text: list[str]) -> list[dict[str, str]]:
        return [{"role": role, "content": " ".join(text)}]

    with open(folder / "train.jsonl", "w", encoding="utf-8") as file:
        for _ in range(pairs):
            answer = rng.choices(words, k=rng.randint(20, 120))
            prompt = said("user", rng.choices(words, k=rng.randint(10, 60)))
            sides = {"chosen": said("assistant", answer), "rejected": said("assistant", answer[:-8])}
            file.write(json.dumps({"prompt": prompt, **sides}) + "\n")


def unpack(folder: Path, model: str, steps: int, batch: int) -> None:
    """Unpack the demo's model as a checkpoint."""
    from ecd_data.local.model import checkpoint, find_model

    checkpoint(find_model(), Path(model))


def by_recipe(folder: Path, model: str, steps: int, batch: int) -> None:
    """Run `trainers/dpo.py` with the recipe."""
    flags = ["--config", str(RECIPE), "--output_dir", str(folder / "out")]
    timed_script(RECIPE.parents[1] / "dpo.py", folder, model, batch, flags)


def by_recipe_and_bare(folder: Path, model: str, steps: int, batch: int) -> None:
    """Run the same, and after each step the bare arithmetic of its batch."""
    import torch
    from trl import DPOTrainer

    seconds: list[float] = []
    step = DPOTrainer.training_step

    def step_and_bare(trainer: Any, network: Any, inputs: dict[str, Any], *others: Any) -> Any:
        loss = step(trainer, network, inputs, *others)
        started = process_time()
        ids, answers = inputs["input_ids"], inputs["completion_mask"][:, 1:].bool()
        with torch.autocast("cpu", torch.bfloat16, enabled=trainer.args.bf16):
            hidden = network.model(input_ids=ids, attention_mask=inputs["attention_mask"], use_cache=False)[0]
            logits = network.lm_head(hidden[:, :-1][answers])
        logps = logits.float().log_softmax(-1).gather(1, ids[:, 1:][answers][:, None])
        torch.autograd.grad(logps.mean(), list(network.parameters()))  # the step's own gradients stay as they are
        seconds.append(process_time() - started)
        return loss

    DPOTrainer.training_step = step_and_bare
    flags = ["--config", str(RECIPE), "--output_dir", str(folder / "out")]
    timed_script(RECIPE.parents[1] / "dpo.py", folder, model, batch, flags, seconds)


def by_trl(folder: Path, model: str, steps: int, batch: int) -> None:
    """Run TRL's own script with its defaults."""
    import trl.scripts.dpo

    flags = ["--use_cpu", "--save_strategy", "no", "--report_to", "none", "--output_dir", str(folder / "out")]
    timed_script(Path(trl.scripts.dpo.__file__), folder, model, batch, flags)


def timed_script(
    script: Path, folder: Path, model: str, batch: int, flags: list[str], beside: list[float] | None = None
) -> None:
    """Run a trainer's script in this process for an epoch and print what its steps took, without what ran beside."""
    from transformers import TrainerCallback, trainer
    from trl import DPOTrainer

    steps: list[float] = []
    found: dict[str, Any] = {"reference": 0.0, "tokens": 0}

    class Clock(TrainerCallback):  # type: ignore[misc]
        def on_step_begin(self, *_: Any, **__: Any) -> None:
            self.started = process_time()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            steps.append(process_time() - self.started - (beside[-1] if beside else 0.0))

        def on_log(self, *_: Any, logs: dict[str, float], **__: Any) -> None:
            found["tokens"] = max(found["tokens"], logs.get("num_tokens", 0))

    score = DPOTrainer._precompute_ref_logps

    def scored(*args: Any) -> Any:
        started = process_time()
        rows = score(*args)
        found["reference"] += process_time() - started
        return rows

    trainer.DEFAULT_CALLBACKS.append(Clock)
    DPOTrainer._precompute_ref_logps = scored
    data = ["--dataset_name", str(folder / "data"), "--model_name_or_path", model, "--num_train_epochs", "1"]
    sys.argv = [str(script), *flags, *data, "--per_device_train_batch_size", str(batch), "--logging_steps", "1"]
    try:
        runpy.run_path(str(script), run_name="__main__")
    except SystemExit as ended:
        if ended.code:
            raise
    print(json.dumps({**found, "steps": steps, "bare": beside}))


ARMS: dict[str, Callable[[Path, str, int, int], None]] = {
    "unpack": unpack,
    "bare": by_recipe_and_bare,
    "recipe": by_recipe,
    "trl": by_trl,
}

if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", str(min(2, os.cpu_count() or 1)))
    main()
