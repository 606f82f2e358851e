"""SFT on a random two-layer model."""

import re
from pathlib import Path

import pytest
import torch

from ecd_data.trainers import sft
from ecd_data.trainers.common.arguments import TrainingError
from tests.helpers.tiny_trainer import QUICK, answer, front_matter, train


def test_learns_the_answers_alone(
    model: Path, build: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    out = tmp_path / "out"
    train(sft, "--dataset_name", build, "--model_name_or_path", model, "--output_dir", out, *QUICK)
    printed = capsys.readouterr().out
    assert "train: dropped 3 of 7 rows: prompt >= max_length 32 tokens (round 2: 1, round 3: 2)" in printed
    loss = re.search(r"^loss +(\d+\.\d+) -> (\d+\.\d+)$", printed, re.MULTILINE)
    assert loss, printed

    tokenizer = AutoTokenizer.from_pretrained(model)
    row = answer(8, 1, 9)
    prompt = tokenizer.apply_chat_template(row["prompt"], add_generation_prompt=True)["input_ids"]
    ids = torch.tensor([tokenizer.apply_chat_template(row["prompt"] + row["completion"])["input_ids"]])
    for folder, value in zip((model, out), map(float, loss.groups()), strict=True):
        with torch.no_grad():
            logits = AutoModelForCausalLM.from_pretrained(folder)(ids).logits
        logps = logits.log_softmax(-1)[0, :-1].gather(1, ids[0, 1:, None])[len(prompt) - 1 :]
        assert value == pytest.approx(-logps.mean().item(), abs=2e-4)
    readme = (out / "README.md").read_text()
    assert front_matter(readme)["tags"] == ["trl", "sft", "ecd"]
    assert "supervised fine-tuning (SFT) on verified answers" in readme
    assert "| Answers | 4 |" in readme
    assert "accelerate launch trainers/sft.py" in readme


def test_pairs_are_refused_and_the_config_is_named(build: Path, model: Path, tmp_path: Path) -> None:
    args = ["--dataset_name", build, "--model_name_or_path", model, "--output_dir", tmp_path]
    with pytest.raises(TrainingError, match="no column completion: .*--dataset_config sft"):
        train(sft, *args, "--dataset_config", "preference")
