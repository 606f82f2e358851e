"""A generation: a seed corpus, a recipe, and who answers. It yields finished chains and remembers what they used."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field

from ecd_data.calls.endpoint import Endpoint
from ecd_data.calls.scheduler import Stats, run
from ecd_data.calls.store import Store
from ecd_data.corpus.contamination import Contamination
from ecd_data.corpus.seeds import Corpus
from ecd_data.method.chain import run_chain
from ecd_data.method.plan import Plan
from ecd_data.recipe import Recipe
from ecd_data.requirements.taxonomy import taxonomy_hash
from ecd_data.templates import prompts_hash
from ecd_data.values import Chain, Model, Request, Response, Seed, canonical_json, request_key, sha256


@dataclass
class Generation:
    """One run over a corpus.

    With an endpoint, the store is asked first and the endpoint second; without one (a replay) the store must hold
    every response. `keys` fills up with the store keys of all responses that the chains used, whoever gave them.

    Args:
        corpus, recipe, model: what the chains are a function of, together with the responses.
        store: the response store.
        endpoint: who answers what the store does not hold; `None` replays.
        contamination: the evaluations' prompts that no instruction may share words with.
        max_concurrency: calls in flight.
        on_chain, on_call: called with each finished chain, and with the totals after each call, to show progress.
    """

    corpus: Corpus
    recipe: Recipe
    model: Model
    store: Store
    endpoint: Endpoint | None = None
    contamination: Contamination | None = None
    max_concurrency: int = 16
    on_chain: Callable[[Chain], None] | None = None
    on_call: Callable[[Stats], None] | None = None
    keys: set[str] = field(default_factory=set)

    @property
    def hashes(self) -> dict[str, str]:
        """What shaped the data beside the recipe: hashes of corpus, prompts and taxonomy."""
        made_of = {"seeds": self.corpus.sha256, "prompts": prompts_hash(), "taxonomy": taxonomy_hash()}
        return made_of | ({"decontamination": self.contamination.sha256} if self.contamination else {})

    @property
    def fingerprint(self) -> str:
        """A hash of all that the rows depend on, apart from the responses themselves."""
        return sha256(canonical_json([self.recipe.to_yaml(), self.hashes, str(self.model)]))

    def chains(self) -> Iterator[Chain]:
        """The finished chains, in corpus order.

        Raises:
            EndpointError, StoreError: see `ecd_data.calls`.
            RecipeError: the recipe names an operation that does not exist.
        """
        plan = Plan.of(self.recipe, self.contamination)
        steps = (self._recorded(seed, plan) for seed in self.corpus.seeds)
        for chain in run(
            steps,
            self.store,
            self.model,
            self.endpoint,
            max_concurrency=self.max_concurrency,
            on_call=self.on_call,
        ):
            if self.on_chain:
                self.on_chain(chain)
            yield chain

    def _recorded(self, seed: Seed, plan: Plan) -> Generator[Sequence[Request], list[Response], Chain]:
        """The steps of one seed's chain, with the keys of its requests written down."""
        steps = run_chain(seed, plan)
        try:
            requests = next(steps)
            while True:
                self.keys.update(request_key(self.model, request) for request in requests)
                requests = steps.send((yield requests))
        except StopIteration as done:
            return done.value
