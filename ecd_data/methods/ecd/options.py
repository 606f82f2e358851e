"""The parameters of ECD beside the recipe's own."""

from collections.abc import Sequence
from dataclasses import dataclass

from ecd_data.core.errors import RecipeError
from ecd_data.core.values import EVOLVED, STUDENT, Negative
from ecd_data.methods.ecd.refinement import Search


@dataclass(frozen=True)
class Options(Search):
    """Parameters of the method: those of the search that the route `refined` makes, and

    negatives: what a chosen answer is contrasted with. `evolved` is the answer before it, without which there is no
        round. Each other one takes a call, and votes, for each round that gave a pair, and makes one more pair where
        its answer misses one or two requirements: `student` is the answer of the model behind
        `--endpoint student=URL`, `relaxed` the model's own to the instruction with one requirement less.
    """

    negatives: tuple[Negative, ...] = (EVOLVED,)

    def __post_init__(self) -> None:
        super().__post_init__()
        if EVOLVED not in self.negatives or len(set(self.negatives)) < len(self.negatives):
            raise RecipeError(
                f"recipe: options.negatives is {list(self.negatives)}; it names `{EVOLVED}` and each other one once."
            )


def models(options: Options) -> Sequence[str]:
    """Return the names of the models that are asked: the model itself, and the student where there is one."""
    return ["", STUDENT] if STUDENT in options.negatives else [""]
