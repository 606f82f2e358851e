"""A tiny model and tiny builds for the trainers' tests, and the processes that train on them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml


def pair(number: int, round: int, words: int = 6) -> dict[str, Any]:
    """A preference pair whose prompt has `words` words."""
    prompt = " ".join(["fruit"] * words)
    chosen, rejected = f"an apple and pear {number}", f"a pear {number}"
    messages = {"prompt": ("user", prompt), "chosen": ("assistant", chosen), "rejected": ("assistant", rejected)}
    row = {side: [{"role": role, "content": text}] for side, (role, text) in messages.items()}
    return {"id": f"s{number}-r{round}", "round": round, **row}


def write_build(folder: Path, config: str = "preference", **splits: Sequence[Mapping[str, Any]]) -> Path:
    """A build directory with the one config `config`, as `datasets` reads it."""
    shards = folder / "data" / config
    shards.mkdir(parents=True)
    for split, rows in splits.items():
        pq.write_table(pa.Table.from_pylist(list(rows)), shards / f"{split}-00000-of-00001.parquet")
    files = [{"split": split, "path": f"data/{config}/{split}-*.parquet"} for split in splits]
    configs = {"configs": [{"config_name": config, "default": True, "data_files": files}]}
    (folder / "README.md").write_text(f"---\n{yaml.safe_dump(configs)}---\n")
    return folder


def answer(number: int, round: int, words: int = 6) -> dict[str, Any]:
    """The chosen side of that pair, as a row of the config `sft`."""
    row = pair(number, round, words)
    return {"id": row["id"], "round": round, "prompt": row["prompt"], "completion": row["chosen"]}


def weights(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")


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
