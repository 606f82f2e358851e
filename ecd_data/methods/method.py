"""What every method has: a name, a paper, options, the models that it asks, and how it makes a chain from a seed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ecd_data.core.request import Steps
from ecd_data.core.values import Chain, Seed
from ecd_data.methods.plan import Plan


@dataclass(frozen=True)
class Method:
    """A way to make preference data.

    name: what recipes call it.
    title, arxiv: of its paper.
    options: a frozen dataclass of its own parameters; where `requirements` is among them, 0 draws no operation.
    run: makes the chain of a seed. A generator without I/O: it yields the requests it wants answered, is sent their
        responses and returns the chain.
    models: the names of the models that it asks, given its options; the first one is the build's `model`. An empty
        name is the model of `--endpoint URL`, which most methods ask alone, any other that of `--endpoint NAME=URL`.
    evolves: whether each round makes the instruction of the round before harder, as ECD does. Otherwise every round
        stands alone.
    default_config: the config that `load_dataset` gives when it is asked for none.
    """

    name: str
    title: str
    arxiv: str
    options: type
    run: Callable[[Seed, Plan], Steps[Chain]]
    models: Callable[[Any], Sequence[str]] = lambda options: [""]
    evolves: bool = False
    default_config: str = "preference"

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages that its rounds go through, from the attempt to the pair."""
        if self.evolves:
            return ("attempted", "evolved", "adapted", "passed", "pairs")
        return ("attempted", "answered", "pairs")
