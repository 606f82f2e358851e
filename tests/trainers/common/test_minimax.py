"""AutoMixAlign's game on a toy problem whose solution is known."""

from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ecd_data.trainers.common.minimax import TaskWeights, excess_sums, weighted_excess
from ecd_data.trainers.common.sampling import TaskSampler

CURVATURES, CENTRES = torch.tensor([1.0, 4.0, 0.1]), torch.tensor([0.0, 1.0, 0.5])


@pytest.mark.parametrize("resample", [False, True])
def test_both_algorithms_find_the_minimax_solution(resample: bool) -> None:
    """Three tasks of loss c_i (x - m_i)^2 + b_i in one number x; the specialists' losses are b_i.

    The third never matters. Where the first two are equal, x = 2 (1 - x), so x = 2/3 and both are 4/9; there the
    slopes cancel when alpha_1 * 2 * 2/3 = alpha_2 * 8 * 1/3, so alpha = (2/3, 1/3, 0).
    """
    sizes, batch = (5, 40, 15), 16
    owners = [task for task, size in enumerate(sizes) for _ in range(size)]
    rows = [[row for row, owner in enumerate(owners) if owner == task] for task in range(3)]
    weights = TaskWeights(3, step=0.02, exploration=0.02 if resample else 0.0)
    uniform = [1 / 3] * 3
    sampler = TaskSampler(rows, lambda: weights.alpha if resample else uniform, seed=0)
    best = torch.tensor([0.3, 2.0, 1.0])
    generator = torch.Generator().manual_seed(0)
    x = torch.tensor(0.0, requires_grad=True)
    optimizer = torch.optim.SGD([x], lr=0.01)
    xs, alphas = [], []
    for step in range(3000):
        if step % 3 == 0:
            sampler.set_epoch(step)
            draws = iter(sampler)
        task = torch.tensor([owners[next(draws)] for _ in range(batch)])
        drawn = torch.tensor(weights.alpha if resample else uniform)[task]
        noise = 0.1 * torch.randn(batch, generator=generator)  # of a pair: the same for the model and the specialist
        losses = CURVATURES[task] * (x - CENTRES[task]) ** 2 + best[task] + noise
        excess = torch.relu(losses - (best[task] + noise))
        optimizer.zero_grad()
        weighted_excess(excess, task, drawn, weights.alpha).mean().backward()
        optimizer.step()
        *sums, count = excess_sums(excess, task, drawn, 3).tolist()
        weights.update([value / count for value in sums])
        xs.append(x.item())
        alphas.append(weights.alpha)
    late = alphas[1500:]
    assert sum(xs[1500:]) / 1500 == pytest.approx(2 / 3, abs=0.02)
    mean = [sum(alpha[task] for alpha in late) / len(late) for task in range(3)]
    assert mean == pytest.approx([2 / 3, 1 / 3, 0], abs=0.04)


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=5), st.floats(0, 1), st.integers(1, 50))
def test_weights_stay_a_distribution_with_a_floor(values: list[float], exploration: float, times: int) -> None:
    weights = TaskWeights(len(values), step=1.0, exploration=exploration)
    for _ in range(times):
        weights.update(values)
    assert sum(weights.alpha) == pytest.approx(1)
    assert min(weights.alpha) >= exploration / len(values) * (1 - 1e-9)
    assert weights.alpha[values.index(max(values))] == max(weights.alpha)


def test_an_update_by_hand() -> None:
    weights = TaskWeights(2, step=0.5)
    weights.update([2 * 1.0986122886681098, 0.0])  # e^(0.5 * 2 log 3) = 3, so 3 : 1
    assert weights.alpha == pytest.approx([0.75, 0.25])
    exploring = TaskWeights(2, step=0.5, exploration=0.2)
    exploring.update([2 * 1.0986122886681098, 0.0])
    assert exploring.alpha == pytest.approx([0.8 * 0.75 + 0.1, 0.8 * 0.25 + 0.1])


@given(st.lists(st.floats(0.05, 1), min_size=3, max_size=3), st.integers(0, 2**31))
def test_the_estimates_are_right_on_average_however_tasks_are_drawn(shares: list[float], seed: int) -> None:
    """Both estimators, averaged exactly over which task is drawn, give the sums that they stand for."""
    p = [share / sum(shares) for share in shares]
    excess, alpha = torch.rand(3, generator=torch.Generator().manual_seed(seed)), [0.2, 0.5, 0.3]
    task, drawn = torch.arange(3), torch.tensor(p)
    loss = (drawn * weighted_excess(excess, task, drawn, alpha)).sum().item()
    assert loss == pytest.approx(sum(a * e for a, e in zip(alpha, excess.tolist(), strict=True)), rel=1e-4)
    expected = sum(p[i] * excess_sums(excess[i : i + 1], task[i : i + 1], drawn[i : i + 1], 3) for i in range(3))
    assert expected.tolist() == pytest.approx([*excess.tolist(), 1.0], rel=1e-4)


def test_the_sampler_follows_the_weights_of_the_moment() -> None:
    owners = {row: row // 1000 for row in range(2000)}
    shares = [0.9, 0.1]
    sampler = TaskSampler([range(1000), range(1000, 2000)], lambda: shares, seed=3)
    draws = iter(sampler)
    early = Counter(owners[next(draws)] for _ in range(1000))
    shares[:] = [0.2, 0.8]
    late = Counter(owners[next(draws)] for _ in range(1000))
    assert early[0] / 1000 == pytest.approx(0.9, abs=0.04)
    assert late[0] / 1000 == pytest.approx(0.2, abs=0.05)
    assert next(draws, None) is None, "an epoch has as many draws as there are pairs"
    again = [*sampler]
    assert again == [*sampler]
    sampler.set_epoch(1)
    assert again != [*sampler]
