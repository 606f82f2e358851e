"""The plan of a build: which calls a recipe makes, with which prompts and seeds. A pure function of its arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from ecd_data.core.errors import RecipeError
from ecd_data.core.recipe import Recipe
from ecd_data.core.request import JUDGE, Message, Request
from ecd_data.core.rng import call_seed
from ecd_data.corpus.contamination import Contamination
from ecd_data.requirements.operation import Operation


class Place(NamedTuple):
    """Where in the plan a call stands: of which seed, in which round (0 is before the first)."""

    seed_id: str
    round: int


@dataclass(frozen=True)
class Plan:
    """A recipe, the operations that it draws from, and what no instruction may share with evaluations.

    `options` are the method's own, of the type that it names.
    """

    recipe: Recipe
    taxonomy: Mapping[str, Operation]
    operations: tuple[Operation, ...]
    contamination: Contamination | None = None
    options: Any = None

    def contaminated(self, instruction: str) -> bool:
        """Return whether an instruction shares a run of words with an evaluation's prompt."""
        return self.contamination is not None and self.contamination.shared_words(instruction) != ""

    def without_judge(self) -> Plan:
        """Return the same plan without operations that need a judge.

        Raises:
            RecipeError: none would be left.
        """
        by_code = tuple(operation for operation in self.operations if operation.check != "judge")
        if not by_code:
            raise RecipeError(
                "the recipe draws judged operations only, and the judge is not reliable enough for them. Name a "
                "better one with --judge-endpoint, add operations that code checks, or lower judge_accuracy."
            )
        return replace(self, operations=by_code)

    def request(self, place: Place, role: str, attempt: int, messages: Sequence[Message]) -> Request:
        """Return one call with the recipe's sampling and a seed of its own; `replace` changes what else it needs.

        It goes to the model itself, or to the judge where the role is `judge`.
        """
        recipe = self.recipe
        return Request(
            role=role,
            seed_id=place.seed_id,
            round=place.round,
            attempt=attempt,
            messages=tuple(messages),
            seed=call_seed(recipe.seed, place.seed_id, place.round, attempt, role),
            max_tokens=recipe.max_tokens,
            temperature=recipe.temperature,
            top_p=recipe.top_p,
            model_name=JUDGE if role == JUDGE else "",
        )

    def chat(self, *texts: str, system: str | None = None) -> list[Message]:
        """Return messages: a system prompt, by default the recipe's, then user and assistant by turns."""
        prompt = self.recipe.system if system is None else system
        before: list[Message] = [{"role": "system", "content": prompt}] if prompt else []
        roles = ("user", "assistant")
        return before + [{"role": roles[i % 2], "content": text} for i, text in enumerate(texts)]
