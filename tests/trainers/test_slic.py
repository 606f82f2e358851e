"""The loss of SLiC, against numbers worked out by hand and the model's own."""

import math
from pathlib import Path

import pytest
import torch

from ecd_data.trainers import slic
from ecd_data.trainers.common.arguments import TrainingError
from ecd_data.trainers.common.losses import Pairs
from tests.helpers.tiny_trainer import (
    QUICK,
    answer_logps,
    first_loss,
    pair,
    recipe_of,
    same_weights,
    train,
    trainer_on,
)


def tensor(*values: float):
    return torch.tensor(values, dtype=torch.float64)


def pairs(chosen, rejected) -> Pairs:
    return Pairs(chosen, rejected, torch.zeros_like(chosen), torch.zeros_like(rejected))


def test_slic_calibrates_up_to_the_margin() -> None:
    # By hand: 1 - (-2) + (-5) < 0, so nothing; 1 - (-5) + (-5) = 1; 1 - (-5) + (-2) = 4.
    losses = slic.rank_calibration(pairs(tensor(-2, -5, -5), tensor(-5, -5, -2)), margin=1.0)
    assert losses.tolist() == [0.0, 1.0, 4.0]


def test_slic_regularises_by_a_divergence_over_the_answers_tokens() -> None:
    half, third = math.log(1 / 2), math.log(1 / 3)
    logits = torch.tensor([[[half, half], [0.0, 5.0]], [[third + 7, third + math.log(2) + 7], [0.0, 0.0]]])
    ref = torch.tensor([[[math.log(1 / 4), math.log(3 / 4)], [5.0, 0.0]], [[half, half], [0.0, 0.0]]])
    mask = torch.tensor([[1, 0], [1, 1]])
    # By hand: 1/2 log(1/2 : 1/4) + 1/2 log(1/2 : 3/4), and 1/3 log(1/3 : 1/2) + 2/3 log(2/3 : 1/2).
    expected = [0.5 * math.log(2) + 0.5 * math.log(2 / 3), math.log(2 / 3) / 3 + 2 * math.log(4 / 3) / 3]
    assert slic.kl_divergence(logits, ref, mask).tolist() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("flags", "own"),
    [
        (["--margin", 2], {"margin": 2.0, "regularization": "cross_entropy", "regularization_weight": 0.5}),
        (["--regularization", "kl"], {"regularization": "kl"}),
    ],
)
def test_trains_and_its_recipe_repeats_the_run(
    flags: list, own: dict, model: Path, build: Path, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    common = ["--dataset_name", build, "--model_name_or_path", model]
    train(slic, *QUICK, *common, *flags, "--output_dir", first)
    assert not same_weights(model, first)
    readme = (first / "README.md").read_text()
    assert own.items() <= recipe_of(readme).items()
    assert "accelerate launch trainers/slic.py --config recipe.yaml --dataset_name" in readme
    assert "- SLiC-HF: Sequence Likelihood Calibration with Human Feedback: [arXiv:2305.10425]" in readme
    assert "| rewards/accuracies |" in readme
    (tmp_path / "recipe.yaml").write_text(readme.split("```yaml\n")[1].split("```")[0])
    train(slic, *common, "--config", tmp_path / "recipe.yaml", "--output_dir", second, "--report_to", "none")
    assert same_weights(first, second)


def test_a_batch_costs_what_the_formula_says_on_the_models_own_numbers(model: Path, tmp_path: Path) -> None:
    trainer = trainer_on([pair(1), pair(2, words=3)], slic.SlicTrainer, slic.SlicConfig, model, tmp_path, margin=9.0)
    expected = []
    for number, words in ((1, 6), (2, 3)):
        prompt = " ".join(["fruit"] * words)
        chosen = sum(answer_logps(model, prompt, f"an apple and pear {number}"))
        rejected = sum(answer_logps(model, prompt, f"a pear {number}"))
        expected.append(max(0, 9 - chosen + rejected) - 0.5 * chosen)
    assert first_loss(trainer) == pytest.approx(sum(expected) / 2, rel=1e-4)
    assert trainer.ref_model is None, "no second model is loaded"
    assert "ref_chosen_logps" not in trainer.train_dataset.column_names, "and none is asked"


def test_before_training_there_is_no_divergence(model: Path, tmp_path: Path) -> None:
    settings = {"regularization": "kl", "margin": 0.0, "regularization_weight": 1.0}
    trainer = trainer_on([pair(1)], slic.SlicTrainer, slic.SlicConfig, model, tmp_path, **settings)
    texts = ("an apple and pear 1", "a pear 1")
    chosen, rejected = (sum(answer_logps(model, "fruit fruit fruit fruit fruit fruit", text)) for text in texts)
    assert first_loss(trainer) == pytest.approx(max(0, rejected - chosen), rel=1e-4)


def test_a_divergence_cannot_be_computed_beforehand(build: Path, model: Path, tmp_path: Path) -> None:
    args = ["--dataset_name", build, "--model_name_or_path", model, "--output_dir", tmp_path / "out"]
    with pytest.raises(TrainingError, match=r"--precompute_ref_log_probs false"):
        train(slic, *args, "--regularization", "kl", "--precompute_ref_log_probs", "true")
