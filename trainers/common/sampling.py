"""The orders in which trainers draw rows, other than TRL's."""

import random
from collections.abc import Callable, Iterator, Sequence

from torch.utils.data import Sampler


class EpochSampler(Sampler[int]):
    """Draw from one long order, an epoch of `length` at a time; a resumed run sets its epoch and goes on there."""

    def __init__(self, order: Sequence[int], length: int) -> None:
        self.order, self.length, self.epoch = order, length, 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[int]:
        start = self.epoch * self.length
        rows = self.order[start : start + self.length]
        # A training that ends within the epoch draws no more than these, but an epoch must have its length.
        return iter([*rows, *self.order[: self.length - len(rows)]])


class TaskSampler(Sampler[int]):
    """Draw a task by the probabilities of the moment, then its next pair; an epoch has as many draws as pairs.

    Args:
        tasks: The rows of each task.
        probabilities: Returns the current probability of each task.
        seed: Of the draws.
    """

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
        pairs = [endless_shuffle(rows, rng) for rows in self.tasks]
        for _ in range(len(self)):
            yield next(rng.choices(pairs, weights=self.probabilities())[0])


def endless_shuffle(rows: Sequence[int], rng: random.Random) -> Iterator[int]:
    """Yield all rows in a random order, then in another, and so on."""
    while True:
        yield from rng.sample(rows, len(rows))
