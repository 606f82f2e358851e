"""Where a build comes from: all that its rows depend on, apart from the responses themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ecd_data.core.hashing import canonical_json, sha256
from ecd_data.core.recipe import Recipe
from ecd_data.core.request import Model
from ecd_data.corpus.contamination import Contamination
from ecd_data.corpus.seeds import Corpus
from ecd_data.methods.prompts import prompts_hash
from ecd_data.requirements.calibration import Calibration
from ecd_data.requirements.taxonomy import taxonomy_hash


@dataclass(frozen=True)
class Judge:
    """The model that votes, how it did on questions with a known answer, and whether that is enough for the recipe."""

    model: Model
    calibration: Calibration
    is_reliable: bool


@dataclass(frozen=True)
class Provenance:
    """What a build is made from.

    recipe, corpus: as they were read.
    models: by the names that requests give them; the one without a name is the model itself.
    contamination: what no instruction may share with evaluations, if that was asked for.
    judge: where the recipe draws judged operations, once the judge has been tried.
    """

    recipe: Recipe
    corpus: Corpus
    models: Mapping[str, Model]
    contamination: Contamination | None = None
    judge: Judge | None = None

    @property
    def model(self) -> Model:
        """The model itself."""
        return self.models[""]

    @property
    def hashes(self) -> dict[str, str]:
        """What shaped the data beside the recipe: hashes of corpus, prompts and taxonomy."""
        hashes = {"seeds": self.corpus.sha256, "prompts": prompts_hash(), "taxonomy": taxonomy_hash()}
        return hashes | ({"decontamination": self.contamination.sha256} if self.contamination else {})

    @property
    def fingerprint(self) -> str:
        """A hash of all that the rows depend on, apart from the responses themselves."""
        models = {name: str(model) for name, model in self.models.items()}
        return sha256(canonical_json([self.recipe.to_yaml(), self.hashes, models]))
