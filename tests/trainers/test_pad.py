"""The losses of PAD, against numbers worked out by hand and formulas written another way."""

import math
from itertools import permutations
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ecd_data.trainers import pad
from ecd_data.trainers.common.arguments import TrainingError
from tests.helpers.tiny_trainer import (
    QUICK,
    answer_logps,
    first_loss,
    ranking,
    recipe_of,
    same_weights,
    train,
    trainer_on,
)

shares = st.integers(2, 4).flatmap(lambda n: st.lists(st.floats(0.05, 1), min_size=n, max_size=n))


def tensor(*values: float):
    return torch.tensor(values, dtype=torch.float64)


def test_plackett_luce_by_hand() -> None:
    # Rewards log 3, log 2, log 1: the first of six rankings (0 1 2) has 3/6 * 2/3, the last (2 1 0) 1/6 * 2/5.
    probabilities = pad.ranking_logps(tensor(math.log(3), math.log(2), 0)).exp().tolist()
    assert probabilities == pytest.approx([1 / 3, 1 / 6, 1 / 4, 1 / 12, 1 / 10, 1 / 15])
    loss = pad.hard_ranking_loss(tensor(math.log(3), math.log(2), 0), tensor(0.2, 0.5, 0.3).log())
    assert loss.item() == pytest.approx(math.log(12))  # the teacher's ranking is (1 2 0): 2/6 * 1/4


@given(shares, st.data())
def test_pad_compares_distributions_over_all_rankings(weights: list[float], data: st.DataObject) -> None:
    rewards = data.draw(st.lists(st.floats(-5, 5), min_size=len(weights), max_size=len(weights)))

    def distribution(scores: list[float]) -> list[float]:
        """Of rankings: each place is drawn from those left, in proportion to the exponential of their scores."""
        result = []
        for order in permutations(scores):
            probability = 1.0
            for place in range(len(order)):
                probability *= math.exp(order[place]) / sum(math.exp(score) for score in order[place:])
            result.append(probability)
        return result

    teacher = [math.log(weight / sum(weights)) for weight in weights]
    s, t = distribution(rewards), distribution(teacher)
    assert sum(s) == pytest.approx(1)
    entropy = [-sum(x * math.log(x) for x in d) for d in ([(a + b) / 2 for a, b in zip(s, t, strict=True)], s, t)]
    loss = pad.soft_ranking_loss(tensor(*rewards), tensor(*teacher)).item()
    assert loss == pytest.approx(entropy[0] - (entropy[1] + entropy[2]) / 2, abs=1e-9)  # JS another way: by entropies
    assert -1e-12 <= loss <= math.log(2) + 1e-12
    assert pad.soft_ranking_loss(tensor(*teacher), tensor(*teacher)).item() == pytest.approx(0, abs=1e-12)


def test_pad_pulls_the_student_to_the_teacher() -> None:
    teacher = tensor(0.6, 0.3, 0.1).log()
    rewards = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([rewards], lr=0.05)
    for _ in range(500):
        optimizer.zero_grad()
        pad.soft_ranking_loss(rewards, teacher).backward()
        optimizer.step()
    assert rewards.softmax(0).tolist() == pytest.approx([0.6, 0.3, 0.1], abs=1e-3)


@pytest.mark.parametrize("kind", ["soft", "hard"])
def test_trains_and_its_card_says_how(kind: str, model: Path, build: Path, tmp_path: Path) -> None:
    args = ["--dataset_name", build, "--dataset_config", "ranking", "--model_name_or_path", model, *QUICK]
    train(pad, *args, "--ranking", kind, "--output_dir", tmp_path / "out")
    assert not same_weights(model, tmp_path / "out")
    readme = (tmp_path / "out" / "README.md").read_text()
    assert {"ranking": kind, "beta": 10.0}.items() <= recipe_of(readme).items()
    assert "accelerate launch trainers/pad.py --config recipe.yaml --dataset_name" in readme
    assert "arXiv:2502.14272" in readme
    assert "| Rankings | 4 |" in readme
    assert "| rewards/accuracies |" in readme


def test_pad_on_a_batch_is_the_formula_on_the_models_own_numbers(model: Path, tmp_path: Path) -> None:
    rows = [ranking(0, 0.7, 0.2, 0.1), ranking(1, 0.25, 0.75)]
    trainer = trainer_on(rows, pad.PadTrainer, pad.PadConfig, model, tmp_path, beta=2.0)
    expected = []
    for row in rows:
        tokens = [answer_logps(model, "fruit fruit", answer[0]["content"]) for answer in row["responses"]]
        rewards = torch.tensor([2 * sum(logps) / len(logps) for logps in tokens])
        expected.append(pad.soft_ranking_loss(rewards, 2 * torch.tensor(row["preference"]).log()).item())
    assert first_loss(trainer) == pytest.approx(sum(expected) / 2, rel=1e-3)


def test_a_row_that_is_not_a_ranking_is_named() -> None:
    for row, message in [
        (
            ranking(7, 0.5, 0.4),
            r"row 'row-7': preference \[0.5, 0.4\] must have a share for each of 2 responses and sum",
        ),
        ({**ranking(7, 0.5, 0.5), "preference": [0.2, 0.3, 0.5]}, "a share for each of 2 responses"),
        (ranking(7, 1.0), "ranking row 'row-7': .*responses.*see the row in the docstring of trainers/pad.py"),
        (ranking(7, 1.0, 0.0), r"ranking row 'row-7': .*\.preference\[0\]"),
        ({**ranking(7, 0.5, 0.5), "teacher": " "}, r"ranking row 'row-7': .*\.teacher"),
    ]:
        with pytest.raises(TrainingError, match=message):
            pad.check_ranking(row)
    pad.check_ranking({**ranking(7, 0.4, 0.6), "another": "column"})
