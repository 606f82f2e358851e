"""The provenance of a build: all that its rows depend on, apart from the responses themselves."""

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
    """The model that votes, its calibration, and whether that meets the recipe's `judge_accuracy`."""

    model: Model
    calibration: Calibration
    is_reliable: bool


@dataclass(frozen=True)
class Provenance:
    """The inputs of a build.

    recipe, corpus: as they were read.
    models: by the names that requests give them; the one without a name is the model itself.
    contamination: the runs of words that no instruction may share with evaluations, with `--decontaminate`.
    judge: where the recipe draws judged operations, once the judge has been tried.
    """

    recipe: Recipe
    corpus: Corpus
    models: Mapping[str, Model]
    contamination: Contamination | None = None
    judge: Judge | None = None

    @property
    def model(self) -> Model:
        """The model without a name."""
        return self.models[""]

    @property
    def hashes(self) -> dict[str, str]:
        """Hashes of what shapes the data beside the recipe: corpus, prompts, taxonomy and evaluations."""
        hashes = {"seeds": self.corpus.sha256, "prompts": prompts_hash(), "taxonomy": taxonomy_hash()}
        return hashes | ({"decontamination": self.contamination.sha256} if self.contamination else {})

    @property
    def fingerprint(self) -> str:
        """A hash of all that the rows depend on, apart from the responses themselves."""
        models = {name: str(model) for name, model in self.models.items()}
        return sha256(canonical_json([self.recipe.to_yaml(), self.hashes, models]))
