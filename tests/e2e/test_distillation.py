"""PAD with the real model, who is student and teacher in one: scored both ways, replayed, and trained on."""

import json
import os
import subprocess
import sys

import pytest

from ecd_data.artifact.manifest import read_manifest
from ecd_data.artifact.parquet import every_row
from ecd_data.local.tgi import TextGeneration
from tests.helpers.runs import contents
from tests.helpers.tiny_model import write_model

SEEDS = ["Name three fruits.", "Say hello to a friend.", "What is the colour of the sky?", "Name an animal."]
RECIPE = """
builder: pad
rounds: 1
max_tokens: 40
system: Answer in one short sentence.
splits: {train: 1.0, validation: 0.0, test: 0.0}
options: {alpha: 0.5, samples: 3}
"""


def run(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", *map(str, arguments)], env=os.environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pad")
    (folder / "recipe.yaml").write_text(RECIPE)
    (folder / "seeds.jsonl").write_text("".join(json.dumps({"instruction": seed}) + "\n" for seed in SEEDS))
    flags = ["--seeds", folder / "seeds.jsonl", "--recipe", folder / "recipe.yaml"]
    flags += ["--responses", folder / "responses.sqlite", "--timeout", 600]
    with TextGeneration() as tgi:
        endpoints = ["--endpoint", f"student={tgi.url}", "--endpoint", f"teacher={tgi.url}"]
        run("ecd_data.generate", *flags, *endpoints, "--out", folder / "build")
    run("ecd_data.generate", *flags, "--replay", "--out", folder / "again")
    assert contents(folder / "again") == contents(folder / "build")
    return folder / "build"


def test_the_teacher_chooses_and_scores(build):
    rankings = list(every_row(build, "ranking"))
    assert rankings
    for row in rankings:
        number = len(row["responses"])
        assert len(row["comparisons"]) == number * (number - 1)
        assert all(-20 < logprob < 0 for logprob in row["likelihoods"])
        assert sum(row["preference"]) == pytest.approx(1, abs=1e-4)
    order = read_manifest(build)["rankings"]["order"]
    assert order["read"] > 0
    assert 0 < order["options"] <= 1
    assert 0 <= order["first"] <= 1


def test_a_student_is_trained_on_the_build_as_it_is(build, tmp_path):
    pytest.importorskip("trl")
    data = ["--dataset_name", build, "--model_name_or_path", write_model(tmp_path / "tiny")]
    quick = ["--max_steps", 2, "--max_length", 256, "--bf16", "false", "--report_to", "none", "--use_cpu", "true"]
    run("ecd_data.trainers.pad", *data, *quick, "--output_dir", tmp_path / "out")
    assert (tmp_path / "out" / "model.safetensors").exists()
