"""Parquet files of which an earlier release and the next one have most row groups in common."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

LEAST, MOST = 200, 1000  # rows in a group; the last may have fewer
ENDS = 512  # one row in so many ends its group
Row = TypeVar("Row", bound=Mapping[str, Any])


def row_groups(rows: Iterable[Row], key: str) -> Iterator[list[Row]]:
    """The rows in groups whose last row is told by its text under `key`, whatever stands before it.

    So a row that comes or goes moves the limits of its own group only. The groups further on hold the same rows as
    before, their bytes are the same, and a release that changes little sends little. Content-defined chunking, which
    does as much for the pages of a group, cannot do so across groups: each begins with a new page.
    """
    group: list[Row] = []
    for row in rows:
        group.append(row)
        if len(group) == MOST or (len(group) >= LEAST and zlib.crc32(row[key].encode()) % ENDS == 0):
            yield group
            group = []
    if group:
        yield group


def write_rows(rows: Iterable[Mapping[str, Any]], key: str, schema: pa.Schema, path: Path) -> int:
    """Writes rows to one Parquet file, in their order and in groups by the text under `key`; returns their number."""
    number = 0
    # With pages cut by content and an index of them, as `datasets` writes the configs.
    options = {"compression": "zstd", "use_content_defined_chunking": True, "write_page_index": True}
    with pq.ParquetWriter(path, schema, **options) as writer:
        for group in row_groups(rows, key):
            writer.write_table(pa.Table.from_pylist(group, schema))
            number += len(group)
        if not number:
            writer.write_table(schema.empty_table())
    return number
