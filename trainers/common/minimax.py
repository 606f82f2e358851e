"""The minimax game of AutoMixAlign (arXiv 2506.00569): weights that go to the tasks with the largest excess loss.

Both of its algorithms are one here. A pair of task i is drawn with a probability p_i, uniform in AMA-R and alpha_i in
AMA-S, and everything is divided by it: so the mean of `weighted_excess` estimates sum_i alpha_i * excess_i, the loss,
and `excess_sums` the excess of each task, along which the weights go up.
"""

import math
from collections.abc import Sequence

import torch


class TaskWeights:
    """A distribution over tasks that follows their excess by exponentiated gradient ascent.

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

    def update(self, excess: Sequence[float]) -> None:
        """Move the weights by a step along the excess loss of each task."""
        moved = [logit + self.step * value for logit, value in zip(self.logits, excess, strict=True)]
        self.logits = [logit - max(moved) for logit in moved]  # the largest at 0, so that no exponential overflows


def weighted_excess(
    excess: torch.Tensor, task: torch.Tensor, drawn: torch.Tensor, alpha: Sequence[float]
) -> torch.Tensor:
    """Return losses of pairs, whose mean estimates sum_i alpha_i * excess_i however the tasks are drawn.

    Args:
        excess: Excess loss of each pair, of shape (pairs,).
        task: Number of its task, of the same shape.
        drawn: Probability with which its task was drawn, of the same shape.
        alpha: Weight of each task.
    """
    return torch.tensor(alpha, device=excess.device)[task] / drawn * excess


def excess_sums(excess: torch.Tensor, task: torch.Tensor, drawn: torch.Tensor, tasks: int) -> torch.Tensor:
    """Return for each task the sum that, divided by the number of pairs, estimates its excess loss; and that number.

    Args:
        excess, task, drawn: As for `weighted_excess`.
        tasks: How many tasks there are; the result has the shape (tasks + 1,).
    """
    sums = torch.zeros(tasks + 1, device=excess.device)
    sums.index_add_(0, task, (excess.detach() / drawn).float())
    sums[-1] = len(task)
    return sums
