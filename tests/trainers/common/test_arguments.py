"""What the command line and a recipe come to."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from trl import DPOConfig, SFTConfig

from ecd_data.trainers import dpo
from ecd_data.trainers.common import arguments, card
from ecd_data.trainers.common.arguments import ScriptArguments, TrainingError, load_tokenizer, parse_arguments
from ecd_data.trainers.sft import SftArguments

TRAINERS = Path(dpo.__file__).parent


def parse(*args: object, script: type = ScriptArguments, config: type = DPOConfig) -> Any:
    flags = ["--dataset_name", "org/ecd", "--report_to", "none", "--output_dir", "unused", *args]
    return parse_arguments(script, config, [str(flag) for flag in flags])


def test_the_evaluation_split_is_validation_and_the_rest_is_trls() -> None:
    import trl

    script_args, _, _ = parse("--dataset_revision", "v1")
    assert isinstance(script_args, trl.ScriptArguments)
    assert (script_args.dataset_train_split, script_args.dataset_test_split) == ("train", "validation")
    assert script_args.dataset_revision == "v1"


@pytest.mark.parametrize("flag", ["--dataset_streaming", "--ignore_bias_buffers"])
def test_arguments_of_trl_that_do_nothing_here_are_refused(flag: str) -> None:
    with pytest.raises(TrainingError, match=f"{flag} is not supported"):
        parse(flag)


@pytest.mark.parametrize(
    "flag", ["--gradient_checkpointing", "--gradient-checkpointing", "--activation_checkpointing"]
)
def test_a_flag_wins_over_the_recipe_by_its_older_name_too(flag: str) -> None:
    recipe = ["--config", TRAINERS / "recipes" / "smol-cpu.yaml"]
    assert not parse(*recipe)[1].activation_checkpointing
    assert parse(*recipe, flag, "true")[1].activation_checkpointing
    assert parse(*recipe, f"{flag}=true")[1].activation_checkpointing


@pytest.mark.parametrize("name", ["smol-cpu", "gpu"])
def test_the_recipes_are_understood(name: str) -> None:
    recipe = TRAINERS / "recipes" / f"{name}.yaml"
    _, training_args, model_args = parse("--config", recipe)
    shown = card.settings(training_args, model_args)
    for key, value in yaml.safe_load(recipe.read_text()).items():
        if key in shown:
            assert shown[key] == value, key
    batch = training_args.per_device_train_batch_size * training_args.gradient_accumulation_steps
    assert batch == {"smol-cpu": 4, "gpu": 128}[name]


def test_the_recipe_of_sft_is_understood() -> None:
    recipe = TRAINERS / "recipes" / "smol-cpu-sft.yaml"
    script_args, training_args, model_args = parse("--config", recipe, script=SftArguments, config=SFTConfig)
    assert script_args.dataset_config == "sft"
    values = {**vars(model_args), **training_args.to_dict(), "report_to": "none"}  # it becomes an empty list
    written = yaml.safe_load(recipe.read_text())
    assert {name: values[name] for name in written} == written


@pytest.mark.parametrize(
    ("name", "kind", "processes"),
    [("cpu", "MULTI_GPU", 2), ("gpu", "NO", 1), ("fsdp2", "FSDP", 8), ("zero3", "DEEPSPEED", 8)],
)
def test_accelerate_understands_its_configs(name: str, kind: str, processes: int) -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    config = load_config_from_file(str(TRAINERS / "accelerate" / f"{name}.yaml"))
    assert (config.distributed_type.value, config.num_processes, config.use_cpu) == (kind, processes, name == "cpu")
    assert config.fsdp_config.get("fsdp_version") == (2 if name == "fsdp2" else None)
    assert config.deepspeed_config.get("zero_stage") == (3 if name == "zero3" else None)


@pytest.mark.parametrize("text", ["{beta: 0.1, no_such_setting: 1}", "a list, not a mapping", "{beta: [", None])
def test_a_config_file_that_cannot_be_used(text: str | None, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    if text is not None:
        config.write_text(text)
    with pytest.raises(TrainingError, match="cannot use these settings"):
        parse("--config", config)


@pytest.mark.parametrize("fast", [True, False])
def test_the_defaults_suit_the_machine(fast: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arguments, "has_fast_bfloat16", lambda: fast)

    def types(*args: str) -> tuple[bool, str]:
        _, training_args, model_args = parse(*args)
        assert training_args.model_init_kwargs["dtype"] == model_args.dtype
        return training_args.bf16, model_args.dtype

    assert types() == (fast, "float32")
    assert types("--use_peft") == (fast, "bfloat16" if fast else "float32")
    assert types("--bf16", "true", "--dtype", "float16") == (True, "float16"), "the command line wins"
    assert types("--bf16", "false", "--use_peft", "--dtype", "float32") == (False, "float32")


def test_a_token_goes_to_the_environment_and_is_not_among_the_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "another")
    _, training_args, _ = parse("--hub_token", "hf_secret")
    assert os.environ["HF_TOKEN"] == "hf_secret"
    assert "hf_secret" not in str(vars(training_args))


def test_without_peft_the_message_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arguments, "is_peft_available", lambda: False)
    with pytest.raises(TrainingError, match=re.escape('pip install "ecd-data[train]"')):
        parse("--use_peft")
    assert not parse()[2].use_peft


def test_a_model_must_exist_and_have_a_chat_template(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants
    from transformers import AutoTokenizer

    def load(*args: object) -> None:
        _, training_args, model_args = parse(*args)
        load_tokenizer(model_args, training_args)

    with pytest.raises(TrainingError, match="no model to train: name one with --model_name_or_path"):
        load()
    with pytest.raises(TrainingError, match="cannot load the tokenizer of model .*none: "):
        load("--model_name_or_path", tmp_path / "none")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)  # else it tries again, and again
    with pytest.raises(TrainingError, match="(?s)cannot load the tokenizer of model org/tiny: .*--model_revision"):
        load("--model_name_or_path", "org/tiny", "--model_revision", "v9")
    tokenizer = AutoTokenizer.from_pretrained(model)
    tokenizer.chat_template = None
    tokenizer.save_pretrained(tmp_path / "base")
    with pytest.raises(TrainingError, match="no chat template"):
        load("--model_name_or_path", tmp_path / "base")
