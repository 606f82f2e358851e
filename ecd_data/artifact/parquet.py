"""Reads the Parquet files of a build: rows as plain values, and their hash."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ecd_data.artifact.schema import CONFIGS
from ecd_data.core.errors import BuildError
from ecd_data.core.hashing import canonical_bytes

BATCH = 1000  # rows in memory at a time


def data_files(build: Path, config: str) -> dict[str, list[Path]]:
    """Return the Parquet files of a config by split, shards in order."""
    files: dict[str, list[Path]] = {}
    for path in sorted((build / "data" / config).glob("*.parquet")):
        files.setdefault(path.name.split("-")[0], []).append(path)
    return files


def data_configs(*builds: Path) -> list[str]:
    """Return the configs that have files in any of the builds, those that every builder has first."""
    names = sorted({path.name for build in builds for path in (build / "data").glob("*")})
    return [*(name for name in CONFIGS if name in names), *(name for name in names if name not in CONFIGS)]


def read_rows(paths: Sequence[Path], columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """Yield the rows of some files, in order; all columns by default.

    Raises:
        BuildError: a file is missing or is not a Parquet file.
    """
    for path in paths:
        try:
            with pq.ParquetFile(path) as file:
                for group in range(file.num_row_groups):  # read all at once, they take memory that grows with the file
                    for batch in file.iter_batches(batch_size=BATCH, row_groups=[group], columns=columns):
                        yield from batch.to_pylist()
        except (OSError, pa.ArrowException) as error:
            raise BuildError(f"{path}: cannot be read ({' '.join(str(error).split())}). Build it again.") from None


def every_row(build: Path, config: str, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """Yield the rows of all splits of a config."""
    for paths in data_files(build, config).values():
        yield from read_rows(paths, columns)


class RowsHash:
    """A hash of rows by their values, so that it does not depend on the Parquet writer."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def add(self, row: Mapping[str, Any]) -> None:
        """Add the next row."""
        self._digest.update(canonical_bytes(row) + b"\n")

    def hexdigest(self) -> str:
        """Return the hex SHA-256 of the rows so far."""
        return self._digest.hexdigest()
