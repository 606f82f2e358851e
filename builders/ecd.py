"""ECD preference data as a `datasets` builder: chains in, rows of five configs out.

    from builders.ecd import Ecd
    from ecd_data.generation import Generation

    Ecd("preference", generation=Generation(...)).download_and_prepare(file_format="arrow")

One row of `preference` (shortened):

    {"id": "5f0c...-r2", "prompt": [{"role": "user", "content": "Name a fruit. Do not use any commas."}],
     "chosen": [...], "rejected": [...], "requirements": [{"id": "format/no_commas", ...}], "chosen_met": [true],
     "rejected_met": [false], "similarity": 0.97, "adapted_by": "edit", "model": "org/model@sha", ...}
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa

from builders.rows import FEATURES, Row
from builders.spool import Spool
from ecd_data.artifact.schema import CONFIGS, description, gate, schemas_hash
from ecd_data.generation import Generation
from ecd_data.row_groups import row_groups
from ecd_data.values import canonical_json, sha256

ROWS_VERSION = "1.0.0"  # of the row layout: it is part of the builder's cache key


class Ecd(datasets.ArrowBasedBuilder):
    """Generates the chains of a corpus on first use (that is this family's download) and turns them into rows.

    `download_and_prepare(num_proc=4)` does so in four processes.

    Args:
        config_name: `preference` (default), `sft`, `chains`, `rejects` or `ties`.
        generation: the corpus, the recipe and who answers. Builders that share one generation and one `spool`
            generate once.
        spool: holds the rows on their way; a temporary one by default.

    Raises:
        GateError, EndpointError, StoreError: as the `__cause__` of `datasets`' own `DatasetGenerationError` when they
            come up while rows are written.
    """

    VERSION = datasets.Version(ROWS_VERSION)
    # Without parameters of their own: recipe and corpus enter the builder's hash, endpoint and token must not.
    BUILDER_CONFIGS = [  # noqa: RUF012
        datasets.BuilderConfig(name=name, description=description(name)) for name in CONFIGS
    ]
    DEFAULT_CONFIG_NAME = "preference"

    def __init__(
        self, config_name: str | None = None, *, generation: Generation, spool: Spool | None = None, **kwargs: Any
    ) -> None:
        self.generation = generation
        self._spool = spool
        fingerprint = sha256(canonical_json([generation.fingerprint, schemas_hash(), ROWS_VERSION]))
        super().__init__(config_name=config_name, dataset_name="ecd", hash=fingerprint, **kwargs)

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(features=FEATURES[self.config.name])

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
        processes = dl_manager.download_config.num_proc or 1
        spool = self._spool or Spool(Path(tempfile.mkdtemp(prefix="ecd-spool-")), self.generation.recipe, processes)
        self._spool = spool
        spool.fill(self.generation, processes)
        parts = list(range(spool.parts + 1))
        return [
            datasets.SplitGenerator(split, {"parts": parts, "split": split})
            for split in spool.recipe.splits
            if any(True for part in parts for _ in spool.rows(self.config.name, split, part))
        ]

    def _generate_tables(self, parts: Sequence[int], split: str) -> Iterator[tuple[int, pa.Table]]:
        # By tables: encoding row by row, as a GeneratorBasedBuilder does, takes many times as long.
        for number, group in enumerate(row_groups(self._gated(parts, split), "id")):
            yield number, pa.Table.from_pylist(group, self.info.features.arrow_schema)

    def _gated(self, parts: Sequence[int], split: str) -> Iterator[Row]:
        for part in parts:
            for row in self._spool.rows(self.config.name, split, part) if self._spool else ():
                gate(self.config.name, row)
                yield row
