"""A tiny dataset for the trainers' tests, and ways to train on it: in this process, or as a user launches a script."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

Row = Mapping[str, Any]
QUICK = ["--max_steps", 2, "--learning_rate", 0.01, "--max_length", 32, "--bf16", "false", "--logging_steps", 1]
QUICK += ["--per_device_train_batch_size", 2, "--report_to", "none"]


def chat(role: str, text: str) -> list[dict[str, str]]:
    return [{"role": role, "content": text}]


def pair(number: int, round: int = 1, words: int = 6) -> dict[str, Any]:
    """A preference pair whose prompt has `words` words."""
    chosen, rejected = chat("assistant", f"an apple and pear {number}"), chat("assistant", f"a pear {number}")
    prompt = chat("user", " ".join(["fruit"] * words))
    return {"id": f"s{number}-r{round}", "round": round, "prompt": prompt, "chosen": chosen, "rejected": rejected}


def answer(number: int, round: int = 1, words: int = 6) -> dict[str, Any]:
    """The chosen side of that pair, as a row of the config `sft`."""
    row = pair(number, round, words)
    return {"id": row["id"], "round": round, "prompt": row["prompt"], "completion": row["chosen"]}


def tie(number: int) -> dict[str, Any]:
    """Its answers as a row of the config `ties`."""
    row = pair(number, words=3)
    return {"id": f"{row['id']}-t1", "prompt": row["prompt"], "first": row["chosen"], "second": row["rejected"]}


def ranking(number: int, *shares: float) -> dict[str, Any]:
    """A row of the config `ranking`, with as many answers as there are shares of the teacher's preference."""
    texts = [f"an apple {number}", f"a pear {number} and an apple", f"a pear {number}", "fruit"]
    return {
        "id": f"row-{number}",
        "prompt": chat("user", "fruit fruit"),
        "responses": [chat("assistant", text) for text in texts[: len(shares)]],
        "preference": list(shares),
        "model": "student",
        "teacher": "teacher",
    }


def write_build(folder: Path, **configs: Mapping[str, Sequence[Row]]) -> Path:
    """A build directory as `datasets` reads it, with rows by config and split; the first config is the default."""
    entries = []
    for config, splits in configs.items():
        shards = folder / "data" / config
        shards.mkdir(parents=True)
        for split, rows in splits.items():
            pq.write_table(pa.Table.from_pylist(list(rows)), shards / f"{split}-00000-of-00001.parquet")
        files = [{"split": split, "path": f"data/{config}/{split}-*.parquet"} for split in splits]
        entries.append({"config_name": config, "data_files": files, **({} if entries else {"default": True})})
    (folder / "README.md").write_text(f"---\n{yaml.safe_dump({'configs': entries})}---\n")
    return folder


def write_pairs(folder: Path, **splits: Sequence[Row]) -> Path:
    """A build directory with preference pairs alone."""
    return write_build(folder, preference=splits)


def train(script: ModuleType, *args: object) -> None:
    """Run a trainer's script in this process."""
    from ecd_data.trainers.common.script import run

    run(script.main, [str(arg) for arg in args])


def trainer_on(
    rows: Sequence[Row], trainer_class: Any, config: Any, model: Path, folder: Path, **settings: Any
) -> Any:
    """A trainer of that class on these rows, without a script."""
    from datasets import Dataset
    from transformers import AutoTokenizer

    args = config(str(folder / "out"), use_cpu=True, bf16=False, report_to="none", max_length=None, **settings)
    tokenizer, data = AutoTokenizer.from_pretrained(model), Dataset.from_list(list(rows))
    return trainer_class(model=str(model), args=args, train_dataset=data, processing_class=tokenizer)


def first_loss(trainer: Any) -> float:
    """The trainer's loss of its first batch."""
    trainer.model.train()
    return trainer.compute_loss(trainer.model, next(iter(trainer.get_train_dataloader()))).item()


def answer_logps(model: Path, prompt: str, text: str) -> list[float]:
    """The log-probability of each token of an answer, by the model itself, one sequence at a time."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer, network = AutoTokenizer.from_pretrained(model), AutoModelForCausalLM.from_pretrained(model).eval()
    start = tokenizer(f"user {prompt} <eos> assistant ", return_tensors="pt")["input_ids"]
    ids = torch.cat([start, tokenizer(f"{text} <eos> ", return_tensors="pt")["input_ids"]], dim=1)
    logps = network(ids).logits.log_softmax(-1)[0, :-1]
    return [logps[place, ids[0, place + 1]].item() for place in range(start.shape[1] - 1, ids.shape[1] - 1)]


def weights(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")


def same_weights(one: Path, other: Path) -> bool:
    import torch

    left, right = weights(one), weights(other)
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def front_matter(readme: str) -> dict[str, Any]:
    return yaml.safe_load(readme.split("---\n")[1])


def recipe_of(readme: str) -> dict[str, Any]:
    return yaml.safe_load(readme.split("```yaml\n")[1].split("```")[0])


def environment(tmp_path: Path, **others: str) -> dict[str, str]:
    """A process that can reach no Hub but the one it is given."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "HUGGING", "ACCELERATE"))}
    return {
        **kept,
        "HF_HOME": str(tmp_path / "hf"),
        "HF_ENDPOINT": "http://127.0.0.1:9",
        "OMP_NUM_THREADS": "1",
    } | others


def launch(
    script: Path, args: Sequence[object], env: Mapping[str, str], *flags: object
) -> subprocess.CompletedProcess[str]:
    """`accelerate launch FLAGS script args`, to its end."""
    command = [sys.executable, "-m", "accelerate.commands.launch", "--quiet", *flags, script, *args]
    return subprocess.run([str(part) for part in command], env=dict(env), capture_output=True, text=True, timeout=240)
