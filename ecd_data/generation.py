"""A generation: a seed corpus, a recipe, and who answers. It yields finished chains and remembers what they used."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from builders import find
from ecd_data.calls.scheduler import Answerer, Pool, Stats, run
from ecd_data.calls.store import Store
from ecd_data.canonical import canonical_json, sha256
from ecd_data.corpus.contamination import Contamination
from ecd_data.corpus.seeds import Corpus
from ecd_data.errors import CallFailed, StoreError
from ecd_data.method.plan import Plan
from ecd_data.method.trial import try_judge
from ecd_data.recipe import Recipe
from ecd_data.request import JUDGE, Model, Steps, T
from ecd_data.requirements.calibration import Calibration, calibration, items
from ecd_data.requirements.taxonomy import taxonomy_hash
from ecd_data.templates import prompts_hash
from ecd_data.values import Chain

CHAINS, TRIAL = "chains", "judge trial"  # the stages of a run


@dataclass(frozen=True)
class Usage:
    """The responses that a chain, or a question to the judge, took, whoever gave them."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass
class Generation:
    """One run over a corpus.

    With a pool of endpoints, the store is asked first and they second; without one (a replay) the store must hold
    every response. `calibration` and `trial_keys`, the store keys behind it, are there once the judge has been tried.
    `failed` are the calls that failed for good in the last stage: their keys, with the reason of each.

    Args:
        corpus, recipe, model: what the chains are a function of, together with the responses.
        store: the response store.
        pool: who answers what the store does not hold; `None` replays.
        others: more models by the names that requests give them. `judge` is who votes on requirements that code cannot
            check and compares answers; by default the model itself.
        contamination: the evaluations' prompts that no instruction may share words with.
        on_stage, on_result, on_call: to show progress. Called with a stage's name and the number of its results, with
            each result (a chain, or a question to the judge with its ruling) and what it took, and with the stage's
            totals after each call.
        on_judge: called with the judge's calibration when there is one, before the first chain.
    """

    corpus: Corpus
    recipe: Recipe
    model: Model
    store: Store
    pool: Pool | None = None
    others: Mapping[str, Answerer] = field(default_factory=dict)
    contamination: Contamination | None = None
    on_stage: Callable[[str, int], None] | None = None
    on_result: Callable[[object, Usage], None] | None = None
    on_call: Callable[[Stats], None] | None = None
    on_judge: Callable[[Calibration], None] | None = None
    calibration: Calibration | None = None
    trial_keys: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def hashes(self) -> dict[str, str]:
        """What shaped the data beside the recipe: hashes of corpus, prompts and taxonomy."""
        made_of = {"seeds": self.corpus.sha256, "prompts": prompts_hash(), "taxonomy": taxonomy_hash()}
        return made_of | ({"decontamination": self.contamination.sha256} if self.contamination else {})

    @property
    def fingerprint(self) -> str:
        """A hash of all that the rows depend on, apart from the responses themselves."""
        models = {name: str(model) for name, model in self.models.items()}
        return sha256(canonical_json([self.recipe.to_yaml(), self.hashes, models]))

    @property
    def models(self) -> dict[str, Model]:
        """All models by the names that requests give them; the one without a name is the model itself."""
        return {"": self.model, **{name: answerer.model for name, answerer in self.others.items()}}

    @property
    def judge_model(self) -> Model:
        """The model that votes."""
        return self.models.get(JUDGE, self.model)

    @property
    def judge_is_reliable(self) -> bool:
        """Whether the judge is as often right, where code knows, as the recipe asks for; False before its trial."""
        asked = self.recipe.judge_accuracy
        return self.calibration is not None and self.calibration.overall.balanced_accuracy >= asked

    @cached_property
    def plan(self) -> Plan:
        """The plan of all chains.

        When the recipe draws judged operations, the judge is tried for it, and they are left out if it fails.

        Raises:
            EndpointError, StoreError: see `ecd_data.calls`.
            RecipeError: the recipe names an operation that does not exist.
        """
        plan = Plan.of(self.recipe, self.contamination)
        if not any(operation.check == "judge" for operation in plan.operations):
            return plan
        self.calibrate(plan)
        return plan if self.judge_is_reliable else plan.without_judge()

    def chains(self, part: int = 0, parts: int = 1) -> Iterator[tuple[Chain, list[str]]]:
        """The finished chains of one of `parts` equal parts of the corpus, in its order.

        Each comes with the store keys of the responses it used, in the order of their use. Raises as `plan` does.
        """
        seeds, plan, steps = self.corpus.seeds, self.plan, find(self.recipe.builder).run
        mine = seeds[len(seeds) * part // parts : len(seeds) * (part + 1) // parts]
        yield from self._run(CHAINS, len(mine), (steps(seed, plan) for seed in mine))

    def is_stored(self) -> bool:
        """Whether a replay finds all that the chains ask of these models in the store."""
        try:
            for _ in self.chains():
                pass
        except StoreError:
            return False
        return True

    def calibrate(self, plan: Plan) -> Calibration:
        """Tries the judge on items whose truth code knows.

        Raises:
            EndpointError, StoreError: see `ecd_data.calls`.
        """
        asked = items(self.recipe.judge_items)
        tried = list(self._run(TRIAL, len(asked), (try_judge(item, plan) for item in asked)))
        self.trial_keys = [key for _, keys in tried for key in keys]
        self.calibration = calibration([ruled for ruled, _ in tried])
        if self.on_judge:
            self.on_judge(self.calibration)
        return self.calibration

    def _run(self, stage: str, total: int, steps: Iterable[Steps[T]]) -> Iterator[tuple[T, list[str]]]:
        """The results of `steps`; beside each, the keys of its requests."""
        if self.on_stage:
            self.on_stage(stage, total)
        self.failed.clear()
        keys: defaultdict[int, list[str]] = defaultdict(list)
        results = run(
            map(_measured, steps),
            self.store,
            Answerer(self.model, self.pool),
            others=self.others,
            max_failed=self.recipe.max_failed,
            on_call=self.on_call,
            on_key=lambda number, key: keys[number].append(key),
            on_failed=self.failed.__setitem__,
        )
        for number, (result, usage) in enumerate(results):
            if self.on_result:
                self.on_result(result, usage)
            yield result, keys.pop(number, [])


def _measured(steps: Steps[T]) -> Steps[tuple[T, Usage]]:
    """The same steps; beside their result, what they took."""
    calls = prompt_tokens = completion_tokens = 0
    try:
        requests = next(steps)
        while True:
            try:
                responses = yield requests
            except CallFailed as failure:
                requests = steps.throw(failure)
                continue
            calls += len(responses)
            prompt_tokens += sum(response.prompt_tokens for response in responses)
            completion_tokens += sum(response.completion_tokens for response in responses)
            requests = steps.send(responses)
    except StopIteration as done:
        return done.value, Usage(calls, prompt_tokens, completion_tokens)
