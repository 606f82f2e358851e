"""What a model card says, and what it must not say."""

import pytest
import yaml
from datasets import Dataset
from trl import DPOConfig

from ecd_data.trainers.common import card
from ecd_data.trainers.common.arguments import ScriptArguments, parse_arguments
from ecd_data.trainers.common.data import Source


def test_settings_hold_no_token_and_no_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "another")
    flags = ["--hub_token", "hf_secret", "--use_peft", "--model_name_or_path", "/home/me/model", "--output_dir", "out"]
    _, training_args, model_args = parse_arguments(ScriptArguments, DPOConfig, flags)
    text = yaml.safe_dump(card.settings(training_args, model_args))
    assert "hf_secret" not in text
    assert "/home/me" not in text
    assert "lora_r: 16" in text


def test_the_first_and_the_last_evaluation_are_compared() -> None:
    def entry(value: float) -> dict[str, float]:
        return {f"eval_{name}": value for name in card.PAIRS.metrics}

    log = [entry(1.0), {"loss": 9.0}, entry(2.0), {"train_loss": 9.0}, entry(3.0)]
    assert card.compare_evaluations(log, card.PAIRS.metrics) == [(name, 1.0, 3.0) for name in card.PAIRS.metrics]
    assert card.compare_evaluations([{"loss": 9.0}], card.PAIRS.metrics) == []


def test_builders_are_known_by_the_operations_of_the_rows() -> None:
    rows = Dataset.from_dict({"operation": ["strength/strong-weak", "style/no_commas", "pad/ranked", "pad/ranked"]})
    assert card.builders_of(rows) == ["pad", "strength"]
    assert card.builders_of(Dataset.from_dict({"operation": ["style/no_commas"]})) == ["ecd"]
    assert card.builders_of(Dataset.from_dict({"prompt": ["a"]})) == ["ecd"]


def test_the_flags_of_the_data_pin_its_revision() -> None:
    one, other = Source("org/a", "1" * 40, on_hub=True), Source("org/b", "2" * 40, on_hub=True)
    assert card.data_flags([one]) == f"--dataset_name org/a --dataset_revision {'1' * 40}"
    assert card.data_flags([one, other]) == (f"--mixture org/a org/b --mixture_revisions {'1' * 40} {'2' * 40}")
    assert card.data_flags([Source("build", "sha256:0", on_hub=False)]) == "--dataset_name build"
