"""The losses of SLiC, InfoPO, ties and PAD, against numbers worked out by hand and formulas written another way."""

from __future__ import annotations

import math
from itertools import permutations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from ecd_data.trainers import infopo, mixture, pad, slic, ties  # noqa: E402
from ecd_data.trainers.preference import Pairs  # noqa: E402

reals = st.floats(-20, 20)
# Their ratios stay below the point where the exponential is guarded.
shares = st.integers(2, 4).flatmap(lambda n: st.lists(st.floats(0.05, 1), min_size=n, max_size=n))


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
    wanted = [0.5 * math.log(2) + 0.5 * math.log(2 / 3), math.log(2 / 3) / 3 + 2 * math.log(4 / 3) / 3]
    assert slic.kl_divergence(logits, ref, mask).tolist() == pytest.approx(wanted, rel=1e-5)


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


@given(reals)
def test_the_guarded_exponential_is_the_exponential_and_then_its_tangent(value: float) -> None:
    x = tensor(value).requires_grad_()
    y = infopo.guarded_exp(x)
    y.backward()
    limit = infopo.TANGENT_FROM
    at = math.exp(min(value, limit))
    assert x.grad.item() == pytest.approx(at)
    assert y.item() == pytest.approx(at if value <= limit else math.exp(limit) + math.exp(limit) * (value - limit))
    assert infopo.guarded_exp(torch.tensor([1e6])).isfinite().all()


def tied(differences: list[float], tie: bool, nu: float):
    return ties.rao_kupper(tensor(*differences), torch.full((len(differences),), tie), nu)


def test_ties_by_hand() -> None:
    # nu = 3: equal answers win, lose and tie with 1/4, 1/4 and 1/2; at d = log 9, with 9/12, 1/28 and 8 * 9/12 * 1/28.
    assert tied([0, math.log(9), -math.log(9)], False, 3).exp().tolist() == pytest.approx([4, 12 / 9, 28])
    assert tied([0, math.log(9), -math.log(9)], True, 3).exp().tolist() == pytest.approx([2, 14 / 3, 14 / 3])


@given(reals, st.floats(1.01, 50))
def test_rao_and_kuppers_probabilities_by_the_strengths_of_the_answers(difference: float, nu: float) -> None:
    one, other = math.exp(difference), 1.0  # strengths, as in the paper of 1967
    wanted = {
        "wins": one / (one + nu * other),
        "loses": other / (other + nu * one),
        "ties": (nu**2 - 1) * one * other / ((one + nu * other) * (other + nu * one)),
    }
    found = {
        "wins": tied([difference], False, nu).neg().exp().item(),
        "loses": tied([-difference], False, nu).neg().exp().item(),
        "ties": tied([difference], True, nu).neg().exp().item(),
    }
    assert found == pytest.approx(wanted, rel=1e-6)
    assert sum(found.values()) == pytest.approx(1)


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
    pair = pairs(tensor(chosen), tensor(rejected))
    loss = tied([0.1 * (chosen - rejected)], False, 1 + 1e-9)
    assert loss.item() == pytest.approx(mixture.dpo_loss(pair, beta=0.1).item(), abs=1e-6)


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
        for ranking in permutations(scores):
            probability = 1.0
            for place in range(len(ranking)):
                probability *= math.exp(ranking[place]) / sum(math.exp(score) for score in ranking[place:])
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
