"""Every builder beside ECD, from seeds to a trained model: published, verified, replayed, compared and trained on."""

import json
from contextlib import ExitStack

import pytest

from benchmarks.simulated import Simulated
from ecd_data.artifact.manifest import read_manifest
from ecd_data.artifact.parquet import every_row
from ecd_data.artifact.replay_inputs import read_inputs
from ecd_data.builders import find_builder
from ecd_data.calls.scheduler import ModelSource
from ecd_data.calls.store import Store
from ecd_data.core.request import Model
from ecd_data.generation.generation import Generation
from ecd_data.local.hub import Hub
from ecd_data.methods import METHODS
from tests.helpers.building import build_of
from tests.helpers.in_process import run_module
from tests.helpers.runs import contents
from tests.helpers.tiny_model import write_model

RECIPES = {
    "rlcd": """
rounds: 2
votes: 1
options: {requirements: 1, rescore: true}
operations: [format/word_count_at_most, format/sentence_count_at_most, style/no_exclamation_marks]
""",
    "spar": """
rounds: 2
weave: 0
min_similarity: 0.2
options: {requirements: 2}
operations: [style/lower_case, style/no_commas, style/closing_question, format/postscript, format/title]
""",
    "strength": """
rounds: 3
votes: 1
options: {ranking: [strong, mid, weak], temperatures: {weak: 1.5}, judge: true}
""",
    "pad": """
rounds: 2
options: {requirements: 1}
operations: [format/word_count_at_most, format/sentence_count_at_most, style/no_exclamation_marks]
""",
}
MODELS = {"pad": ["student", "teacher"], "rlcd": [""], "spar": [""], "strength": ["strong", "mid", "weak"]}
TRAINERS = {
    "pad": "ecd_data.trainers.pad",
    "rlcd": "ecd_data.trainers.dpo",
    "spar": "ecd_data.trainers.dpo",
    "strength": "ecd_data.trainers.curriculum",
}


def run(*arguments, **environment):
    done = run_module(*arguments, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def flags(name, folder, build):
    """Those of a generation, whoever answers."""
    seeds = ["--seeds", "bundled", "--limit", 12, "--recipe", folder / "recipe.yaml", "--builder", name]
    return [*seeds, "--responses", folder / "responses.sqlite", "--out", build]


@pytest.fixture(scope="module", params=RECIPES)
def made(request, tmp_path_factory):
    """A builder's name, and a folder with its build and responses, and the Hub that it was published on."""
    name, folder = request.param, tmp_path_factory.mktemp("made")
    (folder / "recipe.yaml").write_text(RECIPES[name])
    endpoints = []
    with ExitStack() as running:
        for number, model in enumerate(MODELS[name]):
            server = running.enter_context(Simulated(seed=number, model=f"simulated/{model or 'model'}"))
            endpoints += ["--endpoint", f"{model}={server.url}" if model else server.url]
        hub = running.enter_context(Hub(folder / "hub"))
        environment = {"HF_ENDPOINT": hub.url, "HF_TOKEN": hub.token, "HF_HOME": str(folder / "home")}
        run("ecd_data.publish", f"org/{name}", *flags(name, folder, folder / "build"), *endpoints, **environment)
        verified = run("ecd_data.verify", f"org/{name}", "--replay", **environment)
    assert ": verified" in verified
    return name, folder


def test_its_rows_say_what_they_are(made):
    name, folder = made
    manifest, rows = read_manifest(folder / "build"), list(every_row(folder / "build", "preference"))
    assert len(rows) == manifest["counts"]["pairs"] > 10
    assert {row["operation"].split("/")[0] for row in rows} == {name}
    assert {len(row["requirements"]) for row in rows} == {manifest["recipe"]["options"].get("requirements", 0)}
    for row in rows:
        assert row["chosen_met"] == [True] * len(row["requirements"])
        assert row["model"] in {"simulated/model@5171a7ed", *(f"simulated/{m}@5171a7ed" for m in MODELS[name])}
    schema = json.loads((folder / "build" / "schema" / "preference.schema.json").read_text())
    assert schema["properties"].keys() == find_builder(name).FEATURES["preference"].keys()


def test_a_replay_is_told_which_model_is_which(made, tmp_path):
    name, folder = made
    models = [part for model in MODELS[name] if model for part in ("--model", f"{model}=simulated/{model}")]
    run("ecd_data.generate", *flags(name, folder, tmp_path / "again"), "--replay", *models)
    assert contents(tmp_path / "again") == contents(folder / "build")


@pytest.mark.subprocess
def test_parts_in_processes_make_the_same_bytes(made, tmp_path):
    _, folder = made
    manifest = read_manifest(folder / "build")
    recipe, corpus, _ = read_inputs(folder / "build", manifest)
    with Store(folder / "responses.sqlite", read_only=True) as store:
        extra_models = {name: ModelSource(Model(**model)) for name, model in manifest["models"].items()}
        generation = Generation(corpus, recipe, ModelSource(Model(**manifest["model"])), store, extra_models)
        build_of(generation, tmp_path / "parts", tmp_path / "spool", parts=3, processes=2)
    assert contents(tmp_path / "parts") == contents(folder / "build")


def test_compare_and_report_read_it(made, tmp_path):
    _, folder = made
    assert "no row differs" in run("ecd_data.compare", folder / "build", folder / "build")
    run("ecd_data.report", folder / "build", "-o", tmp_path / "report.html")
    assert (tmp_path / "report.html").stat().st_size > 10_000


def test_a_model_is_trained_on_it(made, tmp_path):
    pytest.importorskip("trl")
    name, folder = made
    data = ["--dataset_name", folder / "build", "--model_name_or_path", write_model(tmp_path / "tiny")]
    quick = ["--max_steps", 2, "--max_length", 256, "--bf16", "false", "--report_to", "none", "--use_cpu", "true"]
    run(TRAINERS[name], *data, *quick, "--output_dir", tmp_path / "out")
    assert (tmp_path / "out" / "model.safetensors").exists()
    method = METHODS[name]
    card = (tmp_path / "out" / "README.md").read_text()
    assert f"made by {method.title}" in card
    assert f"- {method.title}: [arXiv:{method.arxiv}]" in card
