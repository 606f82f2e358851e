"""The inputs of a generation: read from the sources that a user names, and combined with the models that answer."""

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
    """The sources of a generation, and its recipe.

    seeds: files, URLs, Hub datasets or `bundled`.
    columns: names of the columns with instruction, input and response.
    limit: takes the first so many seeds.
    decontaminate: evaluations whose prompts are kept out, named like seeds.

    Raises:
        SeedError: there are no seeds.
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
        """Read the seeds, and the prompts of the evaluations.

        Raises:
            RecipeError: the recipe names a method or an option that does not exist.
            SeedError: a source cannot be read.
        """
        options_of(self.recipe)
        corpus = read_corpus(self.seeds, self.columns, self.limit)
        ngram = self.recipe.decontaminate_ngram
        contamination = read_contamination(self.decontaminate, ngram) if self.decontaminate else None
        return Inputs(self.recipe, corpus, contamination)


@dataclass(frozen=True)
class Inputs:
    """The recipe, the seeds, and the runs of words that no instruction may share with evaluations."""

    recipe: Recipe
    corpus: Corpus
    contamination: Contamination | None = None


def make_generation(inputs: Inputs, models: ModelSettings, store: Store, listener: Listener) -> Generation:
    """Return the generation from some inputs by the models that the settings name.

    Raises:
        EndpointError, StoreError: see `calls.model_sources.connect`.
    """
    names = method_of(inputs.recipe).models(options_of(inputs.recipe))
    judge = connect_judge(models, store)
    sources = connect(models, store, names, judge)
    extra = {name: source for name, source in {**sources, JUDGE: judge}.items() if name and source}
    return Generation(inputs.corpus, inputs.recipe, sources[names[0]], store, extra, inputs.contamination, listener)
