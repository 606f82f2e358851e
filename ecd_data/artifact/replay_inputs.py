"""The inputs of a build, published in it so that anyone can replay it: recipe, seeds, and hashes of evaluations.

recipe.yaml
seeds/seeds.parquet             {"instruction": "Name a fruit.", "response": null}, in the order of the corpus
seeds/decontamination.parquet   {"ngram": "9c1f..."}: hashes of runs of words in evaluations, with --decontaminate
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from ecd_data.artifact.parquet import read_rows
from ecd_data.artifact.provenance import Provenance
from ecd_data.core.errors import BuildError
from ecd_data.core.recipe import Recipe, load_recipe
from ecd_data.core.row_groups import write_rows
from ecd_data.corpus.contamination import Contamination
from ecd_data.corpus.seeds import Columns, Corpus, read_corpus

RECIPE = "recipe.yaml"
SEEDS = "seeds/seeds.parquet"
DECONTAMINATION = "seeds/decontamination.parquet"
SEED_SCHEMA = pa.schema([("instruction", pa.string()), ("response", pa.string())])
NGRAM_SCHEMA = pa.schema([("ngram", pa.string())])


def write_inputs(build: Path, provenance: Provenance) -> None:
    """Write recipe, seeds and the runs of words that no instruction may share with evaluations into a build."""
    (build / RECIPE).write_text(provenance.recipe.to_yaml(), encoding="utf-8")
    (build / SEEDS).parent.mkdir()
    seeds = ({"instruction": seed.instruction, "response": seed.response} for seed in provenance.corpus.seeds)
    write_rows(seeds, "instruction", SEED_SCHEMA, build / SEEDS)
    if provenance.contamination:
        ngrams = ({"ngram": ngram} for ngram in sorted(provenance.contamination.ngrams))
        write_rows(ngrams, "ngram", NGRAM_SCHEMA, build / DECONTAMINATION)


def read_inputs(build: Path, manifest: Mapping[str, Any]) -> tuple[Recipe, Corpus, Contamination | None]:
    """Return the inputs of a build; only its manifest says where the seeds came from.

    Raises:
        BuildError: the build holds no seeds.
        RecipeError, SeedError: recipe or seeds cannot be read.
    """
    if not (build / SEEDS).is_file():
        raise BuildError(f"{build}: no {SEEDS} in it, so it cannot be replayed. Publish it again with this version.")
    recipe, recorded = load_recipe(str(build / RECIPE)), manifest["seeds"]
    corpus = read_corpus([str(build / SEEDS)], Columns("instruction", response="response"))
    corpus = replace(corpus, sources=tuple(recorded["sources"]), duplicates=recorded["duplicates"])
    if not recorded["decontaminated_from"]:
        return recipe, corpus, None
    ngrams = frozenset(row["ngram"] for row in read_rows([build / DECONTAMINATION]))
    return recipe, corpus, Contamination(ngrams, recipe.decontaminate_ngram, tuple(recorded["decontaminated_from"]))
