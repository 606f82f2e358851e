"""What a round asks of a model, and how a round ends without a pair."""

from collections.abc import Iterable
from dataclasses import dataclass

from ecd_data.core.errors import CallFailed
from ecd_data.core.request import Steps, T
from ecd_data.core.values import Candidate, Reject, Requirement, Seed, Step, Tie
from ecd_data.methods.plan import Place


@dataclass(frozen=True, slots=True)
class Task:
    """An instruction to follow, with the requirements in force.

    seed: the seed that it was made from.
    round: the round that asks it.
    operation: what the two answers of the round are to differ in.
    instruction: I(t+1), in ECD's terms.
    requirements: all that the instruction asks for beside the seed's own.
    evolved_by: `seed`, `woven` or `appended`, as in `Turn`.
    """

    seed: Seed
    round: int
    operation: str
    instruction: str
    requirements: tuple[Requirement, ...] = ()
    evolved_by: str = "seed"

    @property
    def place(self) -> Place:
        """Where its calls stand in the plan."""
        return Place(self.seed.seed_id, self.round)

    @property
    def topic(self) -> str:
        """I(0): the seed's instruction, without any requirement."""
        return self.seed.instruction


class NoPair(Exception):
    """A round ends without a pair; `reject` says at which step, and why, and `ties` are what it has left over."""

    def __init__(
        self, task: Task, step: Step, reason: str, candidates: Iterable[Candidate] = (), ties: Iterable[Tie] = ()
    ) -> None:
        super().__init__(reason)
        self.ties = tuple(ties)
        self.reject = Reject(
            task.seed.seed_id, task.round, step, reason, task.operation, task.instruction, tuple(candidates)
        )


def catch(steps: Steps[T], task: Task) -> Steps[T | NoPair]:
    """Run a round and return what ended it if it gave no pair, be it a call of the task that failed for good."""
    try:
        return (yield from steps)
    except NoPair as ended:
        return ended
    except CallFailed as failure:
        return NoPair(task, "call", failure.reason)
