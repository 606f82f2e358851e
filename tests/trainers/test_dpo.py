"""DPO on a random two-layer model: real TRL, and real `accelerate launch` where processes are tested."""

import json
import re
from pathlib import Path

import pytest
import torch
import yaml

from ecd_data.core.hashing import files_sha256
from ecd_data.trainers import dpo
from ecd_data.trainers.common.arguments import TrainingError
from ecd_data.trainers.common.script import run_script
from tests.helpers.tiny_trainer import (
    QUICK,
    environment,
    front_matter,
    launch,
    pair,
    recipe_of,
    same_weights,
    train,
    weights,
    write_pairs,
)

SCRIPT = Path(dpo.__file__)


@pytest.mark.subprocess
def test_trains_from_a_build_directory_as_the_readme_says(model: Path, build: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("{beta: 0.3, max_steps: 1, learning_rate: 0.01, max_length: 32, bf16: false, logging_steps: 1}")
    out = tmp_path / "out"
    args = ["--config", recipe, "--max_steps", 2, "--dataset_name", build, "--model_name_or_path", model]
    done = launch(SCRIPT, [*args, "--output_dir", out, "--report_to", "none"], environment(tmp_path))
    assert done.returncode == 0, done.stderr[-3000:]

    assert "train: dropped 3 of 7 rows: prompt >= max_length 32 tokens (round 2: 1, round 3: 2)" in done.stdout
    assert re.search(r"^loss +0\.6931 -> 0\.\d+$", done.stdout, re.MULTILINE), done.stdout
    assert f"model and card: {out}" in done.stdout
    assert "{" not in done.stdout, "no dictionaries of metrics"

    before, after = weights(model), weights(out)
    assert before.keys() == after.keys()
    assert any(not torch.equal(before[name], after[name]) for name in before)
    assert (out / "tokenizer.json").is_file()

    readme = (out / "README.md").read_text()
    assert front_matter(readme) == {"library_name": "transformers", "tags": ["trl", "dpo", "ecd"]}
    assert "`fruit`" in readme
    assert f"sha256:{files_sha256(build, build.rglob('*.parquet'))}" in readme
    assert "| loss | 0.6931 |" in readme
    assert "| Pairs | 4 |" in readme
    recipe_in_card = recipe_of(readme)
    assert recipe_in_card["beta"] == 0.3, "the config file is honoured"
    assert recipe_in_card["max_steps"] == 2, "the command line wins over it"
    assert str(tmp_path) not in readme, "a card holds no local path"


def test_a_loss_of_trl_trains_and_its_recipe_repeats_the_run(model: Path, build: Path, tmp_path: Path) -> None:
    common = ["--dataset_name", build, "--model_name_or_path", model]
    first, second = tmp_path / "first", tmp_path / "second"
    train(dpo, *common, *QUICK, "--loss_type", "ipo", "--output_dir", first)
    recipe = recipe_of((first / "README.md").read_text())
    assert recipe["loss_type"] == ["ipo"]
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    train(dpo, *common, "--config", tmp_path / "recipe.yaml", "--report_to", "none", "--output_dir", second)
    assert same_weights(first, second)


def test_trains_without_an_evaluation_split(model: Path, tmp_path: Path) -> None:
    build = write_pairs(tmp_path / "small", train=[pair(1), pair(2)])
    args = ["--dataset_name", build, "--model_name_or_path", model, *QUICK, "--output_dir", tmp_path / "out"]
    train(dpo, *args, "--max_steps", 1)
    assert "nothing was measured" in (tmp_path / "out" / "README.md").read_text()
    with pytest.raises(TrainingError, match="--dataset_test_split"):
        train(dpo, *args, "--eval_strategy", "epoch")


@pytest.mark.subprocess
def test_trains_on_the_pinned_revision_and_pushes_its_own_card(model: Path, tmp_path: Path) -> None:
    from huggingface_hub import HfApi

    from ecd_data.local.hub import Hub

    first = write_pairs(tmp_path / "first", train=[pair(number) for number in range(4)], validation=[pair(8)])
    second = write_pairs(tmp_path / "second", train=[pair(number, 2) for number in range(6)], validation=[pair(8, 2)])
    with Hub(tmp_path / "hub") as hub:
        api = HfApi(endpoint=hub.url, token=hub.token)
        api.create_repo("org/ecd", repo_type="dataset")
        shas = [api.upload_folder(repo_id="org/ecd", repo_type="dataset", folder_path=f).oid for f in (first, second)]
        env = environment(tmp_path, HF_ENDPOINT=hub.url, HF_TOKEN=hub.token, HF_HUB_DISABLE_XET="1")
        env.pop("CI", None)  # where TRL sends nothing anyway
        recipe = ["--config", SCRIPT.parent / "recipes" / "smol-cpu.yaml", "--model_name_or_path", model]
        args = [*recipe, "--dataset_name", "org/ecd", "--dataset_revision", shas[0]]
        push = ["--push_to_hub", "--hub_model_id", "org/tiny-ecd", "--hub_token", hub.token, "--report_to", "none"]
        done = launch(
            SCRIPT, [*args, *push, "--max_steps", 1, "--bf16", "false", "--output_dir", tmp_path / "out"], env
        )
        assert done.returncode == 0, done.stderr[-3000:]
        assert not [path for _, path in hub.requests if "telemetry" in path]

        readme = Path(api.hf_hub_download("org/tiny-ecd", "README.md", cache_dir=tmp_path / "read")).read_text()
        pushed = api.list_repo_files("org/tiny-ecd")
    assert readme == (tmp_path / "out" / "README.md").read_text()
    assert front_matter(readme)["datasets"] == ["org/ecd"]
    assert f"at commit `{shas[0]}`" in readme
    assert shas[1] not in readme
    assert "| Pairs | 4 |" in readme
    assert recipe_of(readme)["learning_rate"] == 1e-4, "the recipe's"
    assert "model.safetensors" in pushed
    assert not [f for f in (tmp_path / "out").iterdir() if f.is_file() and hub.token.encode() in f.read_bytes()]


@pytest.mark.subprocess
def test_two_processes_do_the_step_of_one(model: Path, build: Path, tmp_path: Path) -> None:
    common = ["--dataset_name", build, "--model_name_or_path", model, *QUICK, "--max_steps", 1]
    one, two = tmp_path / "one", tmp_path / "two"
    config = ["--config_file", SCRIPT.parent / "accelerate" / "cpu.yaml", "--main_process_port", 0]
    done = launch(SCRIPT, [*common, "--output_dir", two], environment(tmp_path), *config)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "| Steps | 1, of 4 pairs each |" in (two / "README.md").read_text()
    assert done.stdout.count("model and card:") == 1

    train(dpo, *common, "--per_device_train_batch_size", 4, "--output_dir", one)
    alone, together = weights(one), weights(two)
    for name, tensor in alone.items():
        torch.testing.assert_close(together[name], tensor, atol=2e-5, rtol=1e-4, msg=name)


def test_an_adapter_is_trained_and_the_weights_below_it_stay(model: Path, build: Path, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    from safetensors.torch import load_file

    out = tmp_path / "out"
    args = ["--dataset_name", build, "--model_name_or_path", model, *QUICK, "--max_steps", 1, "--output_dir", out]
    train(dpo, *args, "--use_peft", "--lora_r", 4)
    adapter = load_file(out / "adapter_model.safetensors")
    assert adapter
    assert all("lora_" in name for name in adapter)
    assert any(tensor.abs().max() > 0 for name, tensor in adapter.items() if "lora_B" in name), "they start at zero"
    assert not (out / "model.safetensors").exists()
    readme = (out / "README.md").read_text()
    assert front_matter(readme)["library_name"] == "peft"
    assert recipe_of(readme)["lora_r"] == 4
    assert "| loss | 0.6931 |" in readme, "the reference is the model without the adapter"


@pytest.mark.parametrize("adapter", [[], ["--use_peft", "--lora_r", 4]])
def test_a_resumed_run_ends_where_an_unbroken_one_does(
    adapter: list[object], model: Path, build: Path, tmp_path: Path
) -> None:
    if adapter:
        pytest.importorskip("peft")
    out, again = tmp_path / "out", tmp_path / "again"
    common = ["--dataset_name", build, "--model_name_or_path", model, *QUICK, "--max_steps", 3, *adapter]
    common += ["--save_steps", 2, "--precompute_ref_log_probs"]
    train(dpo, *common, "--output_dir", out)
    train(dpo, *common, "--output_dir", again, "--resume_from_checkpoint", out / "checkpoint-2")
    name = "adapter_model.safetensors" if adapter else "model.safetensors"
    assert (out / name).read_bytes() == (again / name).read_bytes()
    state = json.loads((again / "checkpoint-3" / "trainer_state.json").read_text())
    assert next(entry["step"] for entry in state["log_history"] if "eval_loss" in entry) == 0, "compared with the base"


@pytest.mark.parametrize("precompute", ["true", "false"])
def test_learns_from_ties_too(precompute: str, model: Path, build: Path, tmp_path: Path, capsys: object) -> None:
    out, common = tmp_path / "out", ["--dataset_name", build, "--model_name_or_path", model, *QUICK]
    flags = ["--ties", "true", "--tie_nu", 2, "--precompute_ref_log_probs", precompute]
    train(dpo, *common, *flags, "--output_dir", out)
    printed = capsys.readouterr().out
    assert "4 pairs and 2 ties" in printed
    # On a pair before training: -log sigmoid(-log 2) = log 3.
    assert re.search(r"^loss +1\.0986 -> ", printed, re.MULTILINE), printed
    readme = (out / "README.md").read_text()
    assert "| Pairs and ties | 6 |" in readme
    assert "arXiv:2409.17431" in readme
    assert "accelerate launch trainers/dpo.py --config recipe.yaml" in readme
    assert {"ties": True, "tie_nu": 2.0}.items() <= recipe_of(readme).items()


def test_ties_that_cannot_be_used_are_named(model: Path, build: Path, tmp_path: Path) -> None:
    without_ties = write_pairs(tmp_path / "pairs", train=[pair(1)])
    for data, flags, message in [
        (without_ties, ["--ties", "true"], "no ties to train on: .*Leave out --ties"),
        (build, ["--ties", "true", "--tie_nu", 1], "--tie_nu must be greater than 1 .*got 1.0"),
        (build, ["--tie_nu", 2], "--tie_nu is for a training on ties: add --ties true"),
        (build, ["--ties", "true", "--loss_type", "ipo"], "a loss of its own: leave out --loss_type"),
    ]:
        common = ["--dataset_name", data, "--model_name_or_path", model, "--output_dir", tmp_path / "out", *QUICK]
        with pytest.raises(TrainingError, match=message):
            train(dpo, *common, *flags)


def test_an_error_is_one_line_and_exit_code_1(
    build: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    args = ["--dataset_name", build, "--model_name_or_path", model, "--dataset_train_split", "tarin"]
    monkeypatch.setattr("sys.argv", ["dpo.py", *map(str, args), "--output_dir", str(tmp_path / "out")])
    assert run_script(dpo.main) == 1
    error = "no rows in split 'tarin': choose one of train, validation with --dataset_train_split"
    assert [error in line for line in capsys.readouterr().err.splitlines()] == [True]
