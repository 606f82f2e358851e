"""`load_dataset` as its users call it, on every config and split, streamed too, against the rows of the files."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

import datasets

from ecd_data.artifact.parquet import BATCH, data_files, read_rows
from ecd_data.artifact.validation import row_name


def load_problems(
    build: Path, source: str, revision: str | None, configs: Mapping[str, Any], default: str
) -> Iterator[str]:
    """What is wrong with what `load_dataset` gives.

    Args:
        build: the files, whose rows are what is expected.
        source, revision: what `load_dataset` is asked for.
        configs: of the manifest, by name, with their splits.
        default: the config that is asked for by no name.
    """
    for config in (name for name, splits in configs.items() if splits):
        for streaming in (False, True):
            name = None if config == default else config
            call = f'load_dataset("{source}"{f", {name!r}" if name else ""}{", streaming=True" if streaming else ""})'
            # A cache of its own: what was loaded before proves nothing, and nothing of it stays.
            with tempfile.TemporaryDirectory(prefix="ecd-load-") as cache:
                try:
                    loaded = datasets.load_dataset(
                        source, name, revision=revision, streaming=streaming, cache_dir=cache
                    )
                    yield from (f"{call}: {problem}" for problem in _problems(build, config, loaded))
                except Exception as error:  # whatever the Hub client, the file readers or the network raise
                    said = " ".join(str(error.__cause__ or error).split())[:300]
                    yield f"{call} fails: {type(error.__cause__ or error).__name__}: {said}"


def _problems(build: Path, config: str, loaded: Mapping[str, Any]) -> Iterator[str]:
    files = data_files(build, config)
    if loaded.keys() != files.keys():
        yield f"gives the splits {', '.join(loaded)} instead of {', '.join(files)}"
        return
    for split, paths in files.items():
        tables = loaded[split].with_format("arrow").iter(batch_size=BATCH)
        rows = (row for table in tables for row in table.to_pylist())
        for expected, found in zip_longest(read_rows(paths), rows):
            if expected != found:
                yield f"{row_name(config, split, (expected or found)['id'])} is another one than in the files"
                break
