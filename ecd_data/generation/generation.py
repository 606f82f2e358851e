"""A generation: a seed corpus, a recipe and models. Once prepared, it yields finished chains."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple

from ecd_data.artifact.provenance import Judge, Provenance
from ecd_data.calls.scheduler import Call, ModelSource, Stats, run
from ecd_data.calls.store import Store
from ecd_data.core.recipe import Recipe
from ecd_data.core.request import JUDGE, Model, Steps, T
from ecd_data.core.values import Chain
from ecd_data.corpus.contamination import Contamination
from ecd_data.corpus.seeds import Corpus
from ecd_data.methods import make_plan, method_of
from ecd_data.methods.judging import try_judge
from ecd_data.methods.plan import Plan
from ecd_data.requirements.calibration import calibration, items

CHAINS, TRIAL = "chains", "judge trial"  # the stages of a run


@dataclass(frozen=True)
class Usage:
    """The calls that a chain or a question to the judge used, from the store or an endpoint, and their tokens."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True)
class Listener:
    """Functions that are called as a generation goes on, to show its progress.

    on_stage: when a stage begins, with its name and the number of its results.
    on_result: with each result (a chain, or a question to the judge with its ruling) and its usage.
    on_call: after each call, with the totals of the stage.
    """

    on_stage: Callable[[str, int], None] | None = None
    on_result: Callable[[object, Usage], None] | None = None
    on_call: Callable[[Stats], None] | None = None


@dataclass(frozen=True)
class Generation:
    """The inputs of chains, and the models that generate them.

    corpus, recipe: with the responses, they determine the chains.
    source: the model, with the endpoints for responses that the store does not hold. Without endpoints it is a replay,
        and the store must hold every response.
    store: the response store.
    extra_models: more models by the names that requests give them. `judge` votes on requirements that code cannot
        check and compares answers; by default the model itself does.
    contamination: the runs of words that no instruction may share with evaluations.
    listener: shows progress.
    """

    corpus: Corpus
    recipe: Recipe
    source: ModelSource
    store: Store
    extra_models: Mapping[str, ModelSource] = field(default_factory=dict)
    contamination: Contamination | None = None
    listener: Listener = Listener()

    @property
    def models(self) -> dict[str, Model]:
        """All models by the names that requests give them; the one of `source` has none."""
        return {"": self.source.model, **{name: source.model for name, source in self.extra_models.items()}}

    def provenance(self, judge: Judge | None = None) -> Provenance:
        """Return the provenance of its build."""
        return Provenance(self.recipe, self.corpus, self.models, self.contamination, judge)

    def prepare(self) -> PreparedGeneration:
        """Return the generation with the plan of its chains.

        Where the recipe draws judged operations, the judge is tried first; if it is not reliable, they are left out.

        Raises:
            EndpointError, StoreError: see `ecd_data.calls`.
            RecipeError: the recipe names a method, an option or an operation that does not exist, or draws judged
                operations only and the judge is not reliable.
        """
        plan = make_plan(self.recipe, self.contamination)
        if not any(operation.check == "judge" for operation in plan.operations):
            return PreparedGeneration(self, plan)
        trial = self.try_judge(plan)
        return PreparedGeneration(self, plan if trial.judge.is_reliable else plan.without_judge(), trial)

    def try_judge(self, plan: Plan) -> JudgeTrial:
        """Ask the judge questions whose answer code knows.

        Raises:
            EndpointError, StoreError: see `ecd_data.calls`.
        """
        questions = items(self.recipe.judge_items)
        ruled = list(self.run(TRIAL, len(questions), (try_judge(item, plan) for item in questions)))
        measured = calibration([finished.result for finished in ruled])
        reliable = measured.overall.balanced_accuracy >= self.recipe.judge_accuracy
        judge = Judge(self.models.get(JUDGE, self.source.model), measured, reliable)
        return JudgeTrial(judge, tuple(call.key for finished in ruled for call in finished.calls))

    def run(self, stage: str, total: int, steps: Iterable[Steps[T]]) -> Iterator[Finished[T]]:
        """Run steps, and yield their results in order, with the calls behind each.

        Args:
            stage: its name, for the listener.
            total: number of results, for the listener.

        Raises:
            EndpointError, StoreError: see `ecd_data.calls`.
        """
        listener = self.listener
        if listener.on_stage:
            listener.on_stage(stage, total)
        calls: defaultdict[int, list[Call]] = defaultdict(list)
        results = run(
            steps,
            self.store,
            self.source,
            extra_models=self.extra_models,
            max_failed=self.recipe.max_failed,
            on_call=listener.on_call,
            calls=calls,
        )
        for number, result in enumerate(results):
            finished = Finished(result, calls.pop(number, []))
            if listener.on_result:
                listener.on_result(result, finished.usage)
            yield finished


class Finished(NamedTuple, Generic[T]):
    """A result, and the calls that it used, in order."""

    result: T
    calls: Sequence[Call]

    @property
    def usage(self) -> Usage:
        """What the calls took, without those that failed."""
        return Usage(
            sum(not call.failure for call in self.calls),
            sum(call.prompt_tokens for call in self.calls),
            sum(call.completion_tokens for call in self.calls),
        )


@dataclass(frozen=True)
class JudgeTrial:
    """The judge with its calibration, and the store keys of its votes."""

    judge: Judge
    keys: tuple[str, ...]


@dataclass(frozen=True)
class PreparedGeneration:
    """A generation with its plan, and the trial of the judge where the recipe draws judged operations."""

    generation: Generation
    plan: Plan
    trial: JudgeTrial | None = None

    @property
    def provenance(self) -> Provenance:
        """The provenance of its build."""
        return self.generation.provenance(self.trial.judge if self.trial else None)

    def chains(self, part: int = 0, parts: int = 1) -> Iterator[Finished[Chain]]:
        """Yield the finished chains of part `part` of `parts` equal parts of the corpus, in its order.

        Raises:
            EndpointError, StoreError: see `ecd_data.calls`.
        """
        seeds, run_chain = self.generation.corpus.seeds, method_of(self.generation.recipe).run
        of_part = seeds[len(seeds) * part // parts : len(seeds) * (part + 1) // parts]
        yield from self.generation.run(CHAINS, len(of_part), (run_chain(seed, self.plan) for seed in of_part))
