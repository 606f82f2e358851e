"""The plan of a build: which calls a recipe makes, with which prompts and seeds. A pure function of its arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from builders import find
from ecd_data.corpus.contamination import Contamination
from ecd_data.errors import RecipeError
from ecd_data.recipe import Recipe, typed
from ecd_data.request import JUDGE, Grammar, Message, Request
from ecd_data.requirements.taxonomy import CLASSES, Operation, load_taxonomy, select
from ecd_data.rng import call_seed


@dataclass(frozen=True)
class Plan:
    """A recipe with the operations that it draws from, and what no instruction may share with evaluations.

    `options` are the builder's own, of the type that it names.
    """

    recipe: Recipe
    taxonomy: Mapping[str, Operation]
    operations: tuple[Operation, ...]
    contamination: Contamination | None = None
    options: Any = None

    @cached_property
    def by_class(self) -> dict[str, list[Operation]]:
        """The operations of each class, in the order of the taxonomy."""
        return {
            kind: [operation for operation in self.operations if operation.id.startswith(f"{kind}/")]
            for kind in CLASSES
        }

    @classmethod
    def of(cls, recipe: Recipe, contamination: Contamination | None = None) -> Plan:
        """The plan of a recipe.

        Raises:
            RecipeError: an operation of the recipe is not in the taxonomy, or an option is not the builder's.
        """
        taxonomy = load_taxonomy()
        options: Any = typed(find(recipe.builder).OPTIONS, recipe.options, "options.")
        drawn = select(recipe.operations, taxonomy) if getattr(options, "requirements", True) else ()
        return cls(recipe, taxonomy, tuple(drawn), contamination, options)

    def contaminated(self, instruction: str) -> bool:
        """Whether an instruction shares a run of words with an evaluation's prompt."""
        return self.contamination is not None and self.contamination.shared(instruction) != ""

    def without_judge(self) -> Plan:
        """The same plan without operations that need a judge.

        Raises:
            RecipeError: then none would be left.
        """
        by_code = tuple(operation for operation in self.operations if operation.check != "judge")
        if not by_code:
            raise RecipeError(
                "the recipe draws judged operations only, and the judge is not reliable enough for them. Name a "
                "better one with --judge-endpoint, add operations that code checks, or lower judge_accuracy."
            )
        return replace(self, operations=by_code)

    def request(
        self,
        role: str,
        seed_id: str,
        round: int,
        attempt: int,
        messages: Sequence[Message],
        grammar: Grammar | None = None,
        logprobs: bool = False,
        max_tokens: int | None = None,
        temperature: float | None = None,
        by: str = "",
        top_logprobs: int = 0,
        scored: bool = False,
    ) -> Request:
        """One call, with its own sampling seed; `max_tokens` can only lower the recipe's.

        `by` names who answers: by default the model itself, and the judge where the role is `judge`.
        """
        recipe = self.recipe
        return Request(
            role=role,
            seed_id=seed_id,
            round=round,
            attempt=attempt,
            messages=tuple(messages),
            seed=call_seed(recipe.seed, seed_id, round, attempt, role),
            max_tokens=min(recipe.max_tokens, max_tokens or recipe.max_tokens),
            temperature=recipe.temperature if temperature is None else temperature,
            top_p=recipe.top_p,
            grammar=grammar,
            logprobs=logprobs,
            by=by or (JUDGE if role == JUDGE else ""),
            top_logprobs=top_logprobs,
            scored=scored,
        )

    def chat(self, *texts: str, system: str | None = None) -> list[Message]:
        """Messages that begin with a system prompt, by default the recipe's, then user and assistant in turn."""
        said = self.recipe.system if system is None else system
        before: list[Message] = [{"role": "system", "content": said}] if said else []
        roles = ("user", "assistant")
        return before + [{"role": roles[i % 2], "content": text} for i, text in enumerate(texts)]
