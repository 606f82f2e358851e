"""The trainer on a random two-layer model: real TRL, real `accelerate launch`, seconds a run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ecd_data.core.errors import RepositoryError
from ecd_data.core.hashing import files_sha256
from ecd_data.trainers import card, data, dpo, settings
from ecd_data.trainers.settings import TrainingError
from tests.helpers.tiny_trainer import answer, environment, front_matter, launch, pair, recipe_of, weights, write_build

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

SCRIPT = Path(dpo.__file__)


def arguments(*args: object) -> Any:
    from trl import DPOConfig

    return settings.parse(data.ScriptArguments, DPOConfig, [str(arg) for arg in args])


def parse(*args: object) -> Any:
    return arguments(*args, "--report_to", "none", "--output_dir", "unused")


def script_args(name: object, **others: str) -> data.ScriptArguments:
    return data.ScriptArguments(dataset_name=str(name), **others)


def test_trains_from_a_build_directory_as_the_readme_says(model: Path, build: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("{beta: 0.3, max_steps: 1, learning_rate: 0.01, max_length: 32, bf16: false, logging_steps: 1}")
    out = tmp_path / "out"
    args = ["--config", recipe, "--max_steps", 2, "--dataset_name", build, "--model_name_or_path", model]
    done = launch(SCRIPT, [*args, "--output_dir", out, "--report_to", "none"], environment(tmp_path))
    assert done.returncode == 0, done.stderr[-3000:]

    assert "train: dropped 3 of 8 rows: prompt >= max_length 32 tokens (round 2: 1, round 3: 2)" in done.stdout
    assert re.search(r"^loss +0\.6931 -> 0\.\d+$", done.stdout, re.MULTILINE), done.stdout
    assert str(out) in done.stdout

    before, after = weights(model), weights(out)
    assert before.keys() == after.keys()
    assert any(not torch.equal(before[name], after[name]) for name in before)
    assert (out / "tokenizer.json").is_file()

    readme = (out / "README.md").read_text()
    assert front_matter(readme) == {"library_name": "transformers", "tags": ["trl", "dpo", "ecd"]}
    assert "`fruit`" in readme
    assert f"sha256:{files_sha256(build, build.rglob('*.parquet'))}" in readme
    assert "| loss | 0.6931 |" in readme
    assert "| Pairs | 5 |" in readme
    recipe_in_card = recipe_of(readme)
    assert recipe_in_card["beta"] == 0.3, "the config file is honoured"
    assert recipe_in_card["max_steps"] == 2, "the command line wins over it"
    assert str(tmp_path) not in readme, "a card holds no local path"


@pytest.mark.parametrize("loss", ["hinge", "ipo", "sigmoid"])
def test_every_loss_of_trl_trains_and_its_recipe_repeats_the_run(
    loss: str, model: Path, build: Path, tmp_path: Path
) -> None:
    common = ["--dataset_name", build, "--model_name_or_path", model, "--report_to", "none"]
    flags = ["--loss_type", loss, "--max_steps", 1, "--learning_rate", 0.01, "--max_length", 32, "--bf16", "false"]
    first, second = tmp_path / "first", tmp_path / "second"
    dpo.main(*arguments(*common, *flags, "--output_dir", first))
    recipe = recipe_of((first / "README.md").read_text())
    assert recipe["loss_type"] == [loss]
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    dpo.main(*arguments(*common, "--config", tmp_path / "recipe.yaml", "--output_dir", second))
    one, two = weights(first), weights(second)
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_trains_without_an_evaluation_split(model: Path, tmp_path: Path) -> None:
    build = write_build(tmp_path / "small", train=[pair(1, 1), pair(2, 1)])
    args = ["--dataset_name", build, "--model_name_or_path", model, "--max_steps", 1, "--bf16", "false"]
    out = tmp_path / "out"
    dpo.main(*arguments(*args, "--report_to", "none", "--output_dir", out))
    assert "nothing was measured" in (out / "README.md").read_text()
    wanted = [*args, "--report_to", "none", "--output_dir", out, "--eval_strategy", "epoch"]
    with pytest.raises(TrainingError, match="--dataset_test_split"):
        dpo.main(*arguments(*wanted))


def test_trains_on_the_pinned_revision_and_pushes_its_own_card(model: Path, tmp_path: Path) -> None:
    from huggingface_hub import HfApi

    from ecd_data.local.hub import Hub

    first = write_build(tmp_path / "first", train=[pair(number, 1) for number in range(4)], validation=[pair(8, 1)])
    second = write_build(tmp_path / "second", train=[pair(number, 2) for number in range(6)], validation=[pair(8, 2)])
    with Hub(tmp_path / "hub") as hub:
        api = HfApi(endpoint=hub.url, token=hub.token)
        api.create_repo("org/ecd", repo_type="dataset")
        shas = [api.upload_folder(repo_id="org/ecd", repo_type="dataset", folder_path=f).oid for f in (first, second)]
        env = environment(tmp_path, HF_ENDPOINT=hub.url, HF_TOKEN=hub.token, HF_HUB_DISABLE_XET="1")
        recipe = ["--config", SCRIPT.parent / "recipes" / "smol-cpu.yaml", "--model_name_or_path", model]
        args = [*recipe, "--dataset_name", "org/ecd", "--dataset_revision", shas[0]]
        push = ["--push_to_hub", "--hub_model_id", "org/tiny-ecd", "--hub_token", hub.token, "--report_to", "none"]
        done = launch(
            SCRIPT, [*args, *push, "--max_steps", 1, "--bf16", "false", "--output_dir", tmp_path / "out"], env
        )
        assert done.returncode == 0, done.stderr[-3000:]

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


def test_an_unknown_revision_or_dataset_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import HfApi, constants

    from ecd_data.local.hub import Hub

    with Hub(tmp_path / "hub") as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        HfApi(token=hub.token).create_repo("org/ecd", repo_type="dataset")
        with pytest.raises(RepositoryError, match="no revision 'v9'.*--dataset_revision a branch, tag or commit"):
            data.resolve(script_args("org/ecd", dataset_revision="v9"))
        with pytest.raises(RepositoryError, match="no dataset org/ecdd: .*Check the name"):
            data.resolve(script_args("org/ecdd"))
        with pytest.raises(RepositoryError, match="Check the name"):
            data.resolve(script_args("not//an id"))
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # nobody listens there
    with pytest.raises(RepositoryError, match="check HF_ENDPOINT and the network"):
        data.resolve(script_args("org/ecd"))


def test_an_error_is_one_line_and_exit_code_1(build: Path, model: Path, tmp_path: Path) -> None:
    args = ["--dataset_name", build, "--model_name_or_path", model, "--dataset_train_split", "tarin"]
    command = [sys.executable, str(SCRIPT), *map(str, args), "--output_dir", str(tmp_path / "out")]
    done = subprocess.run(command, env=environment(tmp_path), capture_output=True, text=True, timeout=240)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "no rows in split 'tarin': choose one of train, validation with --dataset_train_split" in done.stderr


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    wanted = script_args(write_build(tmp_path / "sft", train=[answer(1, 1)]))
    with pytest.raises(TrainingError, match=r"no column chosen, rejected: .*--dataset_config preference"):
        data.load_splits(wanted, data.resolve(wanted))


def test_an_unknown_config_is_named(build: Path) -> None:
    wanted = script_args(build, dataset_config="sft")
    with pytest.raises(TrainingError, match=r"'sft' not found.*preference"):
        data.load_splits(wanted, data.resolve(wanted))


def test_a_folder_has_no_revision(build: Path) -> None:
    with pytest.raises(TrainingError, match="leave out --dataset_revision"):
        data.resolve(script_args(build, dataset_revision="main"))


def test_a_folder_is_named_by_its_rows(build: Path, tmp_path: Path) -> None:
    source = data.resolve(script_args(build))
    assert source == data.Source("fruit", f"sha256:{files_sha256(build, build.rglob('*.parquet'))}", on_hub=False)
    copy = write_build(tmp_path / "fruit", train=[pair(1, 1)])
    (copy / "README.md").write_text("another card")
    alone = data.resolve(script_args(copy))
    assert alone.revision != source.revision
    (copy / "README.md").unlink()
    assert data.resolve(script_args(copy)) == alone


def test_no_row_that_fits_is_an_error(build: Path, model: Path) -> None:
    wanted = script_args(build)
    train = data.load_splits(wanted, data.resolve(wanted))["train"]
    tokenizer = settings.load_tokenizer(parse("--dataset_name", build, "--model_name_or_path", model)[2], False)
    with pytest.raises(TrainingError, match=r"dropped 8 of 8 .*raise --max_length"):
        data.fitting("train", train, tokenizer, 4)
    assert data.fitting("train", train, tokenizer, None) == (train, "")


def test_the_count_agrees_with_what_trl_would_drop(build: Path, model: Path, tmp_path: Path) -> None:
    from trl import DPOConfig, DPOTrainer

    wanted = script_args(build)
    train = data.load_splits(wanted, data.resolve(wanted))["train"]
    tokenizer = settings.load_tokenizer(parse("--dataset_name", build, "--model_name_or_path", model)[2], False)
    lengths = [len(tokenizer.apply_chat_template(p, add_generation_prompt=True)["input_ids"]) for p in train["prompt"]]
    for max_length in (min(lengths) + 1, max(lengths), max(lengths) + 1):
        kept, _ = data.fitting("train", train, tokenizer, max_length)
        config = DPOConfig(output_dir=str(tmp_path / "out"), max_length=max_length, report_to="none", use_cpu=True)
        trainer = DPOTrainer(str(model), args=config, train_dataset=train, processing_class=tokenizer)
        assert trainer.train_dataset["id"] == kept["id"]


def test_a_model_must_exist_and_have_a_chat_template(model: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    with pytest.raises(TrainingError, match="--model_name_or_path"):
        settings.load_tokenizer(parse("--dataset_name", "x")[2], False)
    with pytest.raises(TrainingError, match="cannot load the tokenizer of model"):
        settings.load_tokenizer(parse("--dataset_name", "x", "--model_name_or_path", tmp_path / "none")[2], False)
    tokenizer = AutoTokenizer.from_pretrained(model)
    tokenizer.chat_template = None
    tokenizer.save_pretrained(tmp_path / "base")
    with pytest.raises(TrainingError, match="no chat template"):
        settings.load_tokenizer(parse("--dataset_name", "x", "--model_name_or_path", tmp_path / "base")[2], False)


@pytest.mark.parametrize(
    "flag", ["--gradient_checkpointing", "--gradient-checkpointing", "--activation_checkpointing"]
)
def test_a_flag_wins_over_the_recipe_by_its_older_name_too(flag: str) -> None:
    recipe = ["--config", SCRIPT.parent / "recipes" / "smol-cpu.yaml", "--dataset_name", "org/ecd"]
    assert not parse(*recipe)[1].activation_checkpointing
    assert parse(*recipe, flag, "true")[1].activation_checkpointing
    assert parse(*recipe, f"{flag}=true")[1].activation_checkpointing


@pytest.mark.parametrize("name", ["smol-cpu", "gpu"])
def test_the_recipes_are_understood(name: str) -> None:
    recipe = SCRIPT.parent / "recipes" / f"{name}.yaml"
    _, training_args, model_args = parse("--config", recipe, "--dataset_name", "org/ecd")
    shown = card.settings(training_args, model_args)
    for key, value in yaml.safe_load(recipe.read_text()).items():
        if key in shown:
            assert shown[key] == value, key
    batch = training_args.per_device_train_batch_size * training_args.gradient_accumulation_steps
    assert batch == {"smol-cpu": 4, "gpu": 128}[name]


@pytest.mark.parametrize("text", ["{beta: 0.1, no_such_setting: 1}", "a list, not a mapping", "{beta: [", None])
def test_a_config_file_that_cannot_be_used(text: str | None, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    if text is not None:
        config.write_text(text)
    with pytest.raises(TrainingError, match="cannot use these settings"):
        parse("--config", config, "--dataset_name", "x")


def test_settings_hold_no_token_and_no_path() -> None:
    flags = ["--hub_token", "hf_secret", "--use_peft", "--model_name_or_path", "/home/me/model"]
    _, training_args, model_args = parse("--dataset_name", "x", *flags)
    text = yaml.safe_dump(card.settings(training_args, model_args))
    assert "hf_secret" not in text
    assert "/home/me" not in text
    assert "lora_r: 16" in text


def test_comparison_takes_the_first_and_the_last_evaluation() -> None:
    def entry(value: float) -> dict[str, float]:
        return {f"eval_{name}": value for name in card.PAIRS.metrics}

    log = [entry(1.0), {"loss": 9.0}, entry(2.0), {"train_loss": 9.0}, entry(3.0)]
    assert card.comparison(log, card.PAIRS.metrics) == [(name, 1.0, 3.0) for name in card.PAIRS.metrics]
    assert card.comparison([{"loss": 9.0}], card.PAIRS.metrics) == []
