"""Parquet files whose row groups mostly stay the same from one release to the next."""

import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

MIN_ROWS, MAX_ROWS = 200, 1000  # in a group; the last one may have fewer
BOUNDARY_EVERY = 512  # one row in so many ends its group
Row = TypeVar("Row", bound=Mapping[str, Any])


def row_groups(rows: Iterable[Row], key: str) -> Iterator[list[Row]]:
    """Yield the rows in groups, whose last row is recognised by its text in the column `key` alone.

    A row that is added or removed therefore moves the boundaries of its own group only. The groups after it hold the
    same rows as before, with the same bytes, and a release that changes little uploads little. Content-defined
    chunking achieves this for the pages of a group, but not across groups, each of which begins with a new page.
    """
    group: list[Row] = []
    for row in rows:
        group.append(row)
        ends = len(group) >= MIN_ROWS and zlib.crc32(row[key].encode()) % BOUNDARY_EVERY == 0
        if len(group) == MAX_ROWS or ends:
            yield group
            group = []
    if group:
        yield group


def write_rows(rows: Iterable[Mapping[str, Any]], key: str, schema: pa.Schema, path: Path) -> int:
    """Write rows to one Parquet file, in their order and in groups by the column `key`, and return their number."""
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
