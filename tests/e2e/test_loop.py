"""The whole loop with the real model, over HTTP, with unmodified libraries: what `make demo` does, on fewer seeds."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ecd_data.local.hub import Hub

pytestmark = [pytest.mark.model, pytest.mark.subprocess]

SEEDS, STEPS = 8, 2


@pytest.fixture(scope="module")
def loop(tmp_path_factory):
    """A demo that has been run: its folder, what it printed, and the environment it ran in."""
    folder = tmp_path_factory.mktemp("demo")
    guard = Path(__file__).parent / "guard"
    environment = {**os.environ, "PYTHONPATH": str(guard), "ECD_GUARD_LOG": str(folder / "outside.log")}
    script = (
        f"from pathlib import Path; from ecd_data.demo import demo; demo(Path({str(folder)!r}), {SEEDS}, 1, {STEPS})"
    )
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, done.stdout, environment


def run(*arguments, env):
    return subprocess.run([sys.executable, "-m", *arguments], env=env, capture_output=True, text=True, check=False)


def contents(build):
    return {path.relative_to(build).as_posix(): path.read_bytes() for path in build.rglob("*") if path.is_file()}


def generation(folder):
    seeds = ["--seeds", "bundled", "--limit", str(SEEDS), "--recipe", "repair", "--rounds", "1"]
    return [*seeds, "--responses", str(folder / "responses.sqlite"), "--replay"]


def test_pairs_are_made_by_a_real_model_and_shown(loop):
    folder, printed, _ = loop
    manifest = json.loads((folder / "build" / "manifest.json").read_text())
    assert manifest["model"]["id"] == "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert manifest["counts"]["seeds"] == SEEDS
    assert manifest["counts"]["pairs"] >= 2
    assert manifest["calls"]["completion_tokens"] > 100
    assert 'load_dataset("demo/ecd")' in printed
    assert "rejected     " in printed


def test_dpo_trained_on_the_published_revision(loop):
    folder, _, _ = loop
    card = (folder / "dpo" / "README.md").read_text()
    with Hub(folder / "hub") as hub:
        from huggingface_hub import HfApi

        head = HfApi(hub.url, token=hub.token).repo_info("demo/ecd", repo_type="dataset").sha
    assert "demo/ecd" in card
    assert head in card
    assert (folder / "dpo" / "model.safetensors").stat().st_size > 100_000_000


def test_both_models_were_asked_on_held_out_seeds(loop):
    folder, printed, _ = loop
    before, after = (json.loads((folder / f"{name}.json").read_text()) for name in ("before", "after"))
    assert before["model"] != after["model"]
    assert before["data"]["split"] == "test"
    assert [row["id"] for row in before["rows"]] == [row["id"] for row in after["rows"]]
    assert f"{before['accuracy'][0]['requirements']} requirements in {len(before['rows'])} prompts" in printed
    assert "requirements met " in printed


def test_nothing_was_asked_of_any_other_host(loop):
    folder, _, _ = loop
    assert not (folder / "outside.log").exists(), (folder / "outside.log").read_text()


def test_the_same_again_publishes_nothing_and_a_replay_makes_the_same_bytes(loop):
    folder, _, environment = loop
    with Hub(folder / "hub") as hub:
        env = {**environment, "HF_ENDPOINT": hub.url, "HF_TOKEN": hub.token, "HF_HOME": str(folder / "other-home")}
        again = run("ecd_data.publish", "demo/ecd", *generation(folder), "--out", str(folder / "again"), env=env)
        assert again.returncode == 0, again.stderr
        assert "nothing to publish" in again.stdout
        assert not any("/commit/" in path for _, path in hub.requests)
    assert contents(folder / "again") == contents(folder / "build")


def test_a_published_dataset_validates(loop):
    folder, _, environment = loop
    with Hub(folder / "hub") as hub:
        env = {**environment, "HF_ENDPOINT": hub.url, "HF_TOKEN": hub.token, "HF_HOME": str(folder / "fresh-home")}
        done = run("ecd_data.validate", "demo/ecd", env=env)
    assert done.returncode == 0, done.stderr
    assert "checked again by code" in done.stdout
