"""The loss of InfoPO, against numbers worked out by hand and the bound that it is."""

import math
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from trl import DPOConfig

from ecd_data.trainers import infopo
from ecd_data.trainers.common.arguments import TrainingError
from tests.helpers.tiny_trainer import QUICK, first_loss, pair, recipe_of, same_weights, train, trainer_on

# Their ratios stay below the point where the exponential is guarded.
shares = st.integers(2, 4).flatmap(lambda n: st.lists(st.floats(0.05, 1), min_size=n, max_size=n))


def tensor(*values: float):
    return torch.tensor(values, dtype=torch.float64)


def test_infopo_by_hand() -> None:
    # -0.5 + e^-1, and at the start of any training: 0 + e^0.
    assert infopo.nwj_loss(tensor(0.5, 0), tensor(-1, 0)).tolist() == pytest.approx([math.exp(-1) - 0.5, 1.0])


@given(shares, st.data())
def test_infopo_is_a_bound_on_the_divergence_of_chosen_from_rejected(
    weights: list[float], data: st.DataObject
) -> None:
    """1 - L never exceeds KL(p || q), and reaches it at the log-ratio log p/q: what NWJ says of any p and q."""
    others = data.draw(st.lists(st.floats(0.05, 1), min_size=len(weights), max_size=len(weights)))
    logratios = tensor(*data.draw(st.lists(st.floats(-4, 4), min_size=len(weights), max_size=len(weights))))
    p, q = tensor(*weights) / sum(weights), tensor(*others) / sum(others)

    def bound(r):
        chosen, rejected = -infopo.nwj_loss(r, torch.full_like(r, -1000)), infopo.nwj_loss(torch.zeros_like(r), r)
        return 1 + (p * chosen).sum() - (q * rejected).sum()

    divergence = sum(a * math.log(a / b) for a, b in zip(p.tolist(), q.tolist(), strict=True))
    assert bound(logratios).item() <= divergence + 1e-6
    assert bound((p / q).log()).item() == pytest.approx(divergence, abs=1e-5)


@given(st.floats(-20, 20))
def test_the_guarded_exponential_is_the_exponential_and_then_its_tangent(value: float) -> None:
    x = tensor(value).requires_grad_()
    y = infopo.guarded_exp(x)
    y.backward()
    limit = infopo.TANGENT_FROM
    at = math.exp(min(value, limit))
    assert x.grad.item() == pytest.approx(at)
    assert y.item() == pytest.approx(at if value <= limit else math.exp(limit) + math.exp(limit) * (value - limit))
    assert infopo.guarded_exp(torch.tensor([1e6])).isfinite().all()


@pytest.mark.parametrize("precompute", ["true", "false"])
def test_trains_and_its_card_says_how(precompute: str, model: Path, build: Path, tmp_path: Path) -> None:
    args = ["--dataset_name", build, "--model_name_or_path", model, *QUICK, "--output_dir", tmp_path / "out"]
    train(infopo, *args, "--precompute_ref_log_probs", precompute)
    assert not same_weights(model, tmp_path / "out")
    readme = (tmp_path / "out" / "README.md").read_text()
    assert recipe_of(readme)["precompute_ref_log_probs"] == (precompute == "true")
    assert "accelerate launch trainers/infopo.py --config recipe.yaml --dataset_name" in readme
    assert "arXiv:2505.08507" in readme
    assert "| loss | 1.0000 |" in readme, "-log 1 + 1 before"


def test_before_training_the_loss_is_one(model: Path, tmp_path: Path) -> None:
    trainer = trainer_on([pair(1), pair(2)], infopo.InfopoTrainer, DPOConfig, model, tmp_path)
    assert first_loss(trainer) == pytest.approx(1, abs=1e-5), "-log 1 + 1"


def test_settings_of_other_losses_are_refused(model: Path, build: Path, tmp_path: Path) -> None:
    args = ["--dataset_name", build, "--model_name_or_path", model, "--output_dir", tmp_path / "out"]
    with pytest.raises(TrainingError, match=r"a loss of its own: leave out --loss_type, --ld_alpha"):
        train(infopo, *args, "--loss_type", "ipo", "--ld_alpha", 0.5)
