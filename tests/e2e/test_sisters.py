"""RLCD, SPaR and strength with the real model, from seeds to a trained model, by the commands that a user types."""

import json
import os
import subprocess
import sys

import pytest

from ecd_data.artifact.manifest import read_manifest
from ecd_data.artifact.parquet import every_row
from ecd_data.local.hub import Hub
from ecd_data.local.tgi import TextGeneration
from tests.helpers.tiny_model import write_model

SEEDS = ["Say something kind about dogs.", "Describe the sea.", "Name an animal.", "Why do people sleep?"]
SHORT = """
max_tokens: 32
system: Answer in one short sentence.
splits: {train: 1.0, validation: 0.0, test: 0.0}
"""
RECIPES = {
    "rlcd": "rounds: 2\noptions: {affixes: [concise]}",
    "spar": """
rounds: 2
weave: 0
min_similarity: 0.1
operations: [content/start_phrase, style/no_commas]
options: {requirements: 1, samples: 3}
""",
    "strength": """
rounds: 3
options: {ranking: [strong, mid, weak], temperatures: {strong: 0.5, mid: 0.9, weak: 1.2}}
""",
}
LIMIT = {"spar": 2}  # a search asks for many revisions of so weak a model
NAMES = {"strength": ["strong=", "mid=", "weak="]}  # one model, told apart by its temperature
TRAIN = {
    "rlcd": ["ecd_data.trainers.dpo"],
    "spar": ["ecd_data.trainers.dpo"],
    "strength": ["ecd_data.trainers.curriculum", "--curriculum", "gap"],
}


@pytest.fixture(scope="module")
def services(tmp_path_factory):
    """The endpoint's URL, and the environment in which the Hub is the one here."""
    folder = tmp_path_factory.mktemp("services")
    with TextGeneration() as tgi, Hub(folder / "hub") as hub:
        yield tgi.url, {"HF_ENDPOINT": hub.url, "HF_TOKEN": hub.token, "HF_HOME": str(folder / "home")}


@pytest.fixture(scope="module", params=RECIPES)
def made(request, services, tmp_path_factory):
    """A builder's name, the build that was published, and how to run more commands."""
    name, folder, (url, environment) = request.param, tmp_path_factory.mktemp("made"), services

    def run(*arguments):
        command = [sys.executable, *map(str, arguments)]
        done = subprocess.run(
            command, env={**os.environ, **environment}, capture_output=True, text=True, check=False, timeout=900
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    (folder / "recipe.yaml").write_text(SHORT + RECIPES[name])
    (folder / "seeds.jsonl").write_text("".join(json.dumps({"instruction": seed}) + "\n" for seed in SEEDS))
    flags = ["--builder", name, "--recipe", folder / "recipe.yaml", "--seeds", folder / "seeds.jsonl"]
    flags += ["--limit", LIMIT.get(name, len(SEEDS))]
    flags += [f"--endpoint={model}{url}" for model in NAMES.get(name, [""])]
    flags += ["--responses", folder / "responses.sqlite", "--timeout", 600, "--out", folder / "build"]
    run("-m", "ecd_data.publish", f"org/{name}", *flags)
    return name, folder / "build", run


def test_the_pairs_are_of_the_models_own_words(made):
    name, build, _ = made
    pairs, manifest = list(every_row(build, "preference")), read_manifest(build)
    assert 0 < len(pairs) == manifest["counts"]["pairs"]
    assert {row["model"].split("@")[0] for row in pairs} == {"HuggingFaceTB/SmolLM2-135M-Instruct"}
    assert all(row["chosen"] != row["rejected"] for row in pairs)
    if name == "spar":
        assert {(*row["chosen_met"], *row["rejected_met"]) for row in pairs} == {(True, False)}
    if name == "strength":
        assert {row["gap"] for row in pairs} == {1, 2}


def test_the_release_is_proved_and_loaded(made):
    name, build, run = made
    assert ": verified" in run("-m", "ecd_data.verify", f"org/{name}", "--replay")
    said = run("-c", f"from datasets import load_dataset; print(len(load_dataset('org/{name}', split='train')))")
    assert int(said) == read_manifest(build)["counts"]["pairs"]


def test_a_model_is_trained_on_the_release(made, tmp_path):
    pytest.importorskip("trl")
    name, _, run = made
    data = ["--dataset_name", f"org/{name}", "--model_name_or_path", write_model(tmp_path / "tiny")]
    quick = ["--max_steps", 2, "--max_length", 128, "--bf16", "false", "--report_to", "none", "--use_cpu", "true"]
    run("-m", *TRAIN[name], *data, *quick, "--output_dir", tmp_path / "out")
    assert (tmp_path / "out" / "model.safetensors").exists()
    assert f"org/{name}" in (tmp_path / "out" / "README.md").read_text()
