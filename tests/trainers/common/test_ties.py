"""The losses of ties, against numbers worked out by hand and formulas written another way."""

import math
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ecd_data.trainers.common import ties
from ecd_data.trainers.common.losses import Pairs
from ecd_data.trainers.mixture import dpo_loss
from tests.helpers.tiny_trainer import answer_logps, first_loss, pair, trainer_on

reals = st.floats(-20, 20)


def tensor(*values: float):
    return torch.tensor(values, dtype=torch.float64)


def pairs(chosen, rejected) -> Pairs:
    return Pairs(chosen, rejected, torch.zeros_like(chosen), torch.zeros_like(rejected))


def tied(differences: list[float], tie: bool, nu: float):
    return ties.rao_kupper(tensor(*differences), torch.full((len(differences),), tie), nu)


def test_ties_by_hand() -> None:
    # nu = 3: equal answers win, lose and tie with 1/4, 1/4 and 1/2; at d = log 9, with 9/12, 1/28 and 8 * 9/12 * 1/28.
    assert tied([0, math.log(9), -math.log(9)], False, 3).exp().tolist() == pytest.approx([4, 12 / 9, 28])
    assert tied([0, math.log(9), -math.log(9)], True, 3).exp().tolist() == pytest.approx([2, 14 / 3, 14 / 3])


@given(reals, st.floats(1.01, 50))
def test_rao_and_kuppers_probabilities_by_the_strengths_of_the_answers(difference: float, nu: float) -> None:
    one, other = math.exp(difference), 1.0  # strengths, as in the paper of 1967
    expected = {
        "wins": one / (one + nu * other),
        "loses": other / (other + nu * one),
        "ties": (nu**2 - 1) * one * other / ((one + nu * other) * (other + nu * one)),
    }
    probabilities = {
        "wins": tied([difference], False, nu).neg().exp().item(),
        "loses": tied([-difference], False, nu).neg().exp().item(),
        "ties": tied([difference], True, nu).neg().exp().item(),
    }
    assert probabilities == pytest.approx(expected, rel=1e-6)
    assert sum(probabilities.values()) == pytest.approx(1)


@given(st.floats(-20, 20).filter(lambda x: abs(x) > 1e-3), st.floats(1.01, 50))
def test_a_tie_pulls_the_rewards_together_and_a_pair_apart(difference: float, nu: float) -> None:
    d = tensor(difference, difference, 0).requires_grad_()
    ties.rao_kupper(d, torch.tensor([True, False, True]), nu).sum().backward()
    of_tie, of_pair, of_equals = d.grad.tolist()
    assert of_tie * difference > 0
    assert of_pair < 0
    assert of_equals == pytest.approx(0, abs=1e-12)


@given(reals, reals)
def test_without_room_for_ties_pairs_have_the_loss_of_dpo(chosen: float, rejected: float) -> None:
    margin = pairs(tensor(chosen), tensor(rejected))
    loss = tied([0.1 * (chosen - rejected)], False, 1 + 1e-9)
    assert loss.item() == pytest.approx(dpo_loss(margin, beta=0.1).item(), abs=1e-6)


def test_ties_on_a_batch_are_the_formula_on_the_models_own_numbers(model: Path, tmp_path: Path) -> None:
    rows = [{**pair(1), "tie": False}, {**pair(2, words=3), "tie": True}]
    trainer = trainer_on(
        rows, ties.TieTrainer, ties.TieConfig, model, tmp_path, ties=True, beta=0.5, per_device_train_batch_size=2
    )
    with torch.no_grad():  # away from the reference, which is the model as it was loaded
        for weight in trainer.model.parameters():
            weight.mul_(1.5)
    trainer.model.save_pretrained(tmp_path / "moved")
    trainer.processing_class.save_pretrained(tmp_path / "moved")
    d = {}
    for number, words in ((1, 6), (2, 3)):
        prompt, texts = " ".join(["fruit"] * words), (f"an apple and pear {number}", f"a pear {number}")
        now, before = ([sum(answer_logps(m, prompt, text)) for text in texts] for m in (tmp_path / "moved", model))
        d[number] = 0.5 * ((now[0] - before[0]) - (now[1] - before[1]))
    assert abs(d[1]) > 0.01
    assert abs(d[2]) > 0.01
    won = [1 / (1 + 3 * math.exp(-x)) for x in (d[1], d[2], -d[2])]
    expected = -math.log(won[0]) - math.log(8 * won[1] * won[2])
    assert first_loss(trainer) == pytest.approx(expected / 2, rel=1e-3)
