"""What a generation is made of: sources that a user names, read, and brought together with the models that answer."""

from __future__ import annotations

from dataclasses import dataclass

from ecd_data.calls.model_sources import ModelSettings, connect, connect_judge
from ecd_data.calls.store import Store
from ecd_data.core.errors import SeedError
from ecd_data.core.recipe import Recipe
from ecd_data.core.request import JUDGE
from ecd_data.corpus.contamination import Contamination, read_contamination
from ecd_data.corpus.seeds import Columns, Corpus, read_corpus
from ecd_data.generation.generation import Generation, Listener
from ecd_data.methods import method_of, options_of


@dataclass(frozen=True)
class Sources:
    """What a generation reads.

    recipe: as it is.
    seeds: files, URLs, Hub datasets or `bundled`.
    columns: where instruction, input and response are.
    limit: takes the first so many seeds.
    decontaminate: prompts of evaluations, as for seeds.
    """

    recipe: Recipe
    seeds: tuple[str, ...]
    columns: Columns = Columns()  # noqa: RUF009
    limit: int | None = None
    decontaminate: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.seeds:
            raise SeedError("no seeds. Give --seeds FILE, or --seeds bundled for the ones that come with the package.")

    def read(self) -> Inputs:
        """Read the seeds and the prompts to keep out.

        Raises:
            RecipeError: the recipe names no method, or an option that is not the method's.
            SeedError: a source cannot be read.
        """
        options_of(self.recipe)
        corpus = read_corpus(self.seeds, self.columns, self.limit)
        ngram = self.recipe.decontaminate_ngram
        contamination = read_contamination(self.decontaminate, ngram) if self.decontaminate else None
        return Inputs(self.recipe, corpus, contamination)


@dataclass(frozen=True)
class Inputs:
    """What was read: the recipe, the seeds, and what no instruction may share with evaluations."""

    recipe: Recipe
    corpus: Corpus
    contamination: Contamination | None = None


def make_generation(
    inputs: Inputs,
    models: ModelSettings,
    store: Store,
    listener: Listener = Listener(),  # noqa: B008
) -> Generation:
    """Return the generation of these inputs by the models that the settings name.

    Raises:
        EndpointError, StoreError: see `calls.model_sources.connect`.
    """
    names = method_of(inputs.recipe).models(options_of(inputs.recipe))
    judge = connect_judge(models, store)
    sources = connect(models, store, names, judge)
    extra = {name: source for name, source in {**sources, JUDGE: judge}.items() if name and source}
    first = sources[names[0]]
    return Generation(inputs.corpus, inputs.recipe, first, store, extra, inputs.contamination, listener)
