"""The minimax game of AutoMixAlign (arXiv 2506.00569): weights that go to the tasks with the largest excess loss.

Both of its algorithms are one here. A pair of task i is drawn with a probability p_i, uniform in AMA-R and alpha_i in
AMA-S, and everything is divided by it: so the mean of `weighed` estimates sum_i alpha_i * excess_i, the loss to go
down, and `gains` the excess of each task, along which the weights go up.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence

import torch
from torch.utils.data import Sampler

from ecd_data.trainers.curriculum import shuffled_again_and_again


class TaskWeights:
    """A distribution over tasks that follows their gains by exponentiated gradient ascent.

    With `exploration` c it is (1 - c) q + c/k, as in EXP3: no task of the k is ever forgotten.
    """

    def __init__(self, tasks: int, step: float, exploration: float = 0.0) -> None:
        self.logits = [0.0] * tasks
        self.step, self.exploration = step, exploration

    @property
    def alpha(self) -> list[float]:
        scores = [math.exp(logit) for logit in self.logits]
        share = self.exploration / len(scores)
        return [(1 - self.exploration) * score / sum(scores) + share for score in scores]

    def update(self, gains: Sequence[float]) -> None:
        moved = [logit + self.step * gain for logit, gain in zip(self.logits, gains, strict=True)]
        self.logits = [logit - max(moved) for logit in moved]  # the largest at 0, so that no exponential overflows


class TaskSampler(Sampler[int]):
    """Draws a task by the probabilities of the moment, then its next pair; an epoch has as many draws as pairs."""

    def __init__(
        self, tasks: Sequence[Sequence[int]], probabilities: Callable[[], Sequence[float]], seed: int
    ) -> None:
        self.tasks, self.probabilities, self.seed, self.epoch = tasks, probabilities, seed, 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return sum(map(len, self.tasks))

    def __iter__(self) -> Iterator[int]:
        rng = random.Random(f"{self.seed} {self.epoch}")
        pairs = [shuffled_again_and_again(rows, rng) for rows in self.tasks]
        for _ in range(len(self)):
            yield next(rng.choices(pairs, weights=self.probabilities())[0])


def weighed(excess: torch.Tensor, task: torch.Tensor, drawn: torch.Tensor, alpha: Sequence[float]) -> torch.Tensor:
    """Pairs' excess losses, whose mean estimates sum_i alpha_i * excess_i however the tasks are drawn."""
    return torch.tensor(alpha, device=excess.device)[task] / drawn * excess


def gains(excess: torch.Tensor, task: torch.Tensor, drawn: torch.Tensor, tasks: int) -> torch.Tensor:
    """For each task the sum that, divided by the number of pairs, estimates its excess loss; and that number."""
    sums = torch.zeros(tasks + 1, device=excess.device)
    sums.index_add_(0, task, (excess.detach() / drawn).float())
    sums[-1] = len(task)
    return sums
