"""RLCD, SPaR, strength and PAD on answers of the real model: published, proved, loaded and trained on.

The answers are recorded (`tests/helpers/recorded.py`); the slow tests ask the model for them.
"""

import pytest
from datasets import load_dataset

from ecd_data.artifact.manifest import read_manifest
from ecd_data.artifact.parquet import every_row
from ecd_data.local.hub import Hub
from ecd_data.local.tgi import TextGeneration
from tests.helpers.in_process import run_module, use_hub
from tests.helpers.recorded import MODEL, flags, import_responses, live_flags, replay_flags
from tests.helpers.tiny_model import write_model

TRAIN = {
    "rlcd": ["ecd_data.trainers.dpo"],
    "spar": ["ecd_data.trainers.dpo"],
    "strength": ["ecd_data.trainers.curriculum", "--curriculum", "gap"],
    "pad": ["ecd_data.trainers.pad"],
}
RECORDED = [pytest.param((name, False), id=name) for name in TRAIN]
LIVE = [pytest.param((name, True), id=f"{name} live", marks=[pytest.mark.model, pytest.mark.slow]) for name in TRAIN]


@pytest.fixture(scope="module", params=RECORDED + LIVE)
def published(request, tmp_path_factory):
    """A builder's name, its build, which is on a Hub as `org/NAME`, and the environment with that Hub."""
    (name, live), folder = request.param, tmp_path_factory.mktemp("published")
    with Hub(folder / "hub") as hub:
        environment = {"HF_ENDPOINT": hub.url, "HF_TOKEN": hub.token, "HF_HOME": str(folder / "home")}
        publish = ["ecd_data.publish", f"org/{name}", *flags(name, folder)]
        if live:
            with TextGeneration() as tgi:
                done = run_module(*publish, *live_flags(name, tgi.url), "--timeout", 600, **environment)
        else:
            import_responses(name, folder)
            done = run_module(*publish, *replay_flags(name), **environment)
        assert done.returncode == 0, done.stderr
        yield name, folder / "build", environment


def test_the_pairs_are_of_the_models_own_words(published):
    name, build, _ = published
    pairs, manifest = list(every_row(build, "preference")), read_manifest(build)
    assert 0 < len(pairs) == manifest["counts"]["pairs"]
    assert {row["model"].split("@")[0] for row in pairs} == {MODEL}
    assert all(row["chosen"] != row["rejected"] for row in pairs)
    if name == "spar":
        assert all(all(row["chosen_met"]) and not all(row["rejected_met"]) for row in pairs)
    if name == "strength":
        assert {row["gap"] for row in pairs} == {1, 2}
    if name == "pad":
        rankings_are_scored_both_ways(build)


def rankings_are_scored_both_ways(build):
    """The teacher chose between every two answers, and said how likely each one is."""
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


def test_the_release_is_proved_and_loaded(published, monkeypatch):
    name, build, environment = published
    done = run_module("ecd_data.verify", f"org/{name}", "--replay", **environment)
    assert f"org/{name} at " in done.stdout
    assert ": verified" in done.stdout
    use_hub(monkeypatch, environment)
    assert load_dataset(f"org/{name}", split="train").num_rows == read_manifest(build)["counts"]["pairs"]


def test_a_model_is_trained_on_the_release(published, tmp_path):
    pytest.importorskip("trl")
    name, _, environment = published
    data = ["--dataset_name", f"org/{name}", "--model_name_or_path", write_model(tmp_path / "tiny")]
    quick = ["--max_steps", 2, "--max_length", 256, "--bf16", "false", "--report_to", "none", "--use_cpu", "true"]
    done = run_module(*TRAIN[name], *data, *quick, "--output_dir", tmp_path / "out", **environment)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "model.safetensors").exists()
    assert f"org/{name}" in (tmp_path / "out" / "README.md").read_text()
