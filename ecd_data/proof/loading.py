"""Calls `load_dataset` as users do, for every config and split, streamed too, and compares its rows with the files."""

import tempfile
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

import datasets

from ecd_data.artifact.parquet import BATCH, data_files, read_rows
from ecd_data.artifact.row_checks import row_name


def load_problems(
    build: Path, source: str, revision: str | None, configs: Mapping[str, Any], default: str
) -> Iterator[str]:
    """Yield the calls of `load_dataset` that fail or give other rows than the files.

    Args:
        build: the directory with the files.
        source, revision: what `load_dataset` is given.
        configs: of the manifest, by name, with their splits.
        default: the config that is loaded without a name.
    """
    for config in (name for name, splits in configs.items() if splits):
        for streaming in (False, True):
            name = None if config == default else config
            call = f'load_dataset("{source}"{f", {name!r}" if name else ""}{", streaming=True" if streaming else ""})'
            # With a cache of its own: what was loaded before proves nothing.
            with tempfile.TemporaryDirectory(prefix="ecd-load-") as cache:
                try:
                    loaded = datasets.load_dataset(
                        source, name, revision=revision, streaming=streaming, cache_dir=cache
                    )
                    yield from (f"{call}: {problem}" for problem in _problems(build, config, loaded))
                except Exception as error:  # whatever the Hub client, the file readers or the network raise
                    cause = error.__cause__ or error
                    yield f"{call} fails: {type(cause).__name__}: {' '.join(str(cause).split())[:300]}"


def _problems(build: Path, config: str, loaded: Mapping[str, Any]) -> Iterator[str]:
    files = data_files(build, config)
    if loaded.keys() != files.keys():
        yield f"gives the splits {', '.join(loaded)} instead of {', '.join(files)}"
        return
    for split, paths in files.items():
        tables = loaded[split].with_format("arrow").iter(batch_size=BATCH)
        rows = (row for table in tables for row in table.to_pylist())
        for expected, row in zip_longest(read_rows(paths), rows):
            if row != expected:
                yield f"{row_name(config, split, (expected or row)['id'])} is not as in the files"
                break
