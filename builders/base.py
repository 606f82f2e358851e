"""The base of all builders: a `datasets` builder whose rows are those of its method's chains, by way of a spool."""

import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import datasets
import pyarrow as pa

from ecd_data.artifact.schema import configs, description, gate, schemas_hash
from ecd_data.builders.rows import FEATURES, Row, chain_rows
from ecd_data.core.hashing import canonical_json, sha256
from ecd_data.core.row_groups import row_groups
from ecd_data.core.values import Chain
from ecd_data.generation.generation import Generation
from ecd_data.generation.spool import Spool
from ecd_data.methods.method import Method

ROWS_VERSION = "1.0.0"  # of the row layout: it is part of the builder's cache key


class Builder(datasets.ArrowBasedBuilder):
    """Turns the chains of a corpus into rows; it generates them on first use, in place of a download.

    `download_and_prepare(num_proc=4)` does so in four processes. A subclass names its method (`METHOD`), and its
    columns and rows where they are not the common ones (`FEATURES`, `rows`).

    Args:
        config_name: `preference`, `sft`, `chains`, `rejects`, or a config that only this builder has.
        generation: the corpus, the recipe and the models that answer.
        spool: where the rows are until they are Parquet; a temporary one by default. Builders with the same spool
            generate once.

    Raises:
        GateError, EndpointError, StoreError: as the `__cause__` of the `DatasetGenerationError` that `datasets` raises
            where they occur while rows are written.
    """

    METHOD: ClassVar[Method]
    FEATURES: ClassVar[Mapping[str, datasets.Features]] = FEATURES
    VERSION = datasets.Version(ROWS_VERSION)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        name = cls.METHOD.name
        cls.DEFAULT_CONFIG_NAME = cls.METHOD.default_config
        # Configs have no parameters: recipe and corpus are in the builder's hash, endpoint and token must not be.
        cls.BUILDER_CONFIGS = [
            datasets.BuilderConfig(name=config, description=description(config, name)) for config in configs(name)
        ]

    def __init__(
        self, config_name: str | None = None, *, generation: Generation, spool: Spool | None = None, **kwargs: Any
    ) -> None:
        self.generation = generation
        self._spool = spool
        name = self.METHOD.name
        fingerprint = [generation.provenance().fingerprint, schemas_hash(name), ROWS_VERSION]
        super().__init__(
            config_name=config_name, dataset_name=name, hash=sha256(canonical_json(fingerprint)), **kwargs
        )

    @staticmethod
    def rows(chain: Chain, models: Mapping[str, str]) -> dict[str, list[Row]]:
        """Return the rows of one chain, per config, given the models by the names in the chain."""
        return chain_rows(chain, models)

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(features=self.FEATURES[self.config.name])

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
        processes = dl_manager.download_config.num_proc or 1
        if self._spool is None:
            folder = tempfile.mkdtemp(prefix="ecd-spool-")
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
            self._spool = Spool(Path(folder), self.generation.recipe, self.rows, processes)
        spool = self._spool
        if spool.missing():
            spool.fill(self.generation.prepare(), processes)
        parts = list(range(spool.parts + 1))
        return [
            datasets.SplitGenerator(split, {"parts": parts, "split": split})
            for split in spool.recipe.splits
            if any(True for part in parts for _ in spool.rows(self.config.name, split, part))
        ]

    def _generate_tables(self, parts: Sequence[int], split: str) -> Iterator[tuple[int, pa.Table]]:
        # A GeneratorBasedBuilder encodes row by row, which takes many times as long.
        schema = self.info.features.arrow_schema
        for number, group in enumerate(row_groups(self._valid_rows(parts, split), "id")):
            yield number, pa.Table.from_pylist(group, schema)

    def _valid_rows(self, parts: Sequence[int], split: str) -> Iterator[Row]:
        for part in parts:
            for row in self._spool.rows(self.config.name, split, part) if self._spool else ():
                gate(self.config.name, row, self.METHOD.name)
                yield row
