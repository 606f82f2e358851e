"""What can still be read of a response store whose file is damaged or cut off.

SQLite stops at the first page that does not fit. This reads the pages one by one instead, by the file format as
https://www.sqlite.org/fileformat2.html describes it: of the database, and of the log of writes beside it. It can do
so because a response proves itself: its key is the SHA-256 of the request and the model that it belongs to.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from ecd_data.calls.store import StoredCall, unpack
from ecd_data.core.errors import StoreError
from ecd_data.core.request import Model, Request, Response, request_key

TABLE_LEAF = 13  # the kind of page that holds rows
BLOB, TEXT = 12, 13  # the smallest serial types of these; each byte more adds 2
INTEGER_BYTES = {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 8: 0, 9: 0}  # by serial type
SIZES = {1: 65536} | {2**n: 2**n for n in range(9, 16)}  # of a page, as the file's header gives it
PAGE_SIZE = 4096  # where that is lost
LOG_HEADER, FRAME_HEADER = 32, 24

Values = list[bytes | str | int]


def readable(path: Path) -> Iterator[StoredCall]:
    """The responses and failures that can be read of the store at `path`, which stays as it is.

    Raises:
        StoreError: the models that answered cannot be read.
    """
    with ExitStack() as opened:
        log_path = path.with_name(f"{path.name}-wal")
        log = opened.enter_context(open(log_path, "rb")) if log_path.exists() else None
        pages = _Pages(opened.enter_context(open(path, "rb")), log)
        rows = [(row[0], row[1]) for row in _rows(pages) if len(row) == 2 and all(isinstance(v, str) for v in row)]
        models = [Model(str(id_), str(revision)) for id_, revision in dict.fromkeys(rows)]
        if not models:
            raise StoreError(f"{path}: nothing can be read of it; restore a copy.")
        seen: set[object] = set()
        for row in _rows(pages):
            if len(row) == 4 and row[0] not in seen and (found := _stored(row, models)):
                seen.add(row[0])
                yield found


def _stored(row: Values, models: list[Model]) -> StoredCall | None:
    """A row of the table of responses or of failures, if it is what its key says."""
    key, _, request, outcome = row
    try:
        assert isinstance(key, bytes) and isinstance(request, bytes) and not isinstance(outcome, int)  # noqa: PT018
        asked = unpack(request)
        asking = Request.from_canonical(json.loads(asked))
        model = next(model for model in models if request_key(model, asking) == key.hex())
        if isinstance(outcome, str):
            return StoredCall(key.hex(), model, asked, "", outcome)
        Response(**json.loads(unpack(outcome)))
        return StoredCall(key.hex(), model, asked, unpack(outcome), "")
    except (AssertionError, ValueError, TypeError, KeyError, StopIteration, zlib.error):
        return None


def _rows(pages: _Pages) -> Iterator[Values]:
    """The values of each row on a page that holds rows."""
    for page in pages:
        for i in range(int.from_bytes(page[3:5], "big") if page[:1] == bytes([TABLE_LEAF]) else 0):
            at = int.from_bytes(page[8 + 2 * i : 10 + 2 * i], "big")
            try:
                length, at = _varint(page, at)
                _, at = _varint(page, at)  # its number
                yield _values(_payload(page, at, length, pages))
            except (IndexError, KeyError, ValueError, OSError, OverflowError):
                continue  # no row


def _values(payload: bytes) -> Values:
    types, at = _types(payload)
    values: Values = []
    for kind in types:
        size = INTEGER_BYTES[kind] if kind < BLOB else (kind - BLOB - kind % 2) // 2
        value = payload[at : at + size]
        if len(value) < size:
            raise ValueError("cut off")
        values.append(int.from_bytes(value, "big") if kind < BLOB else value.decode() if kind % 2 else value)
        at += size
    return values


class _Pages:
    """The pages of a database and of the log of writes beside it; by number, the newest."""

    def __init__(self, file: BinaryIO, log: BinaryIO | None) -> None:
        self._file, self._log = file, log
        self._bytes = os.fstat(file.fileno()).st_size
        header = file.read(100)
        size = int.from_bytes(header[16:18], "big")
        known = header.startswith(b"SQLite format 3\0") and size in SIZES
        self.size = SIZES[size] if known else PAGE_SIZE
        self.number = int.from_bytes(header[28:32], "big") if known else self._bytes // self.size  # of pages, once
        self._frames: dict[int, int] = {}  # where the log has a page
        if log:
            salt = log.read(LOG_HEADER)[16:24]
            step = FRAME_HEADER + self.size
            for start in range(LOG_HEADER, os.fstat(log.fileno()).st_size - step + 1, step):
                log.seek(start)
                frame = log.read(FRAME_HEADER)
                if frame[8:16] == salt:  # else of an earlier log, overwritten up to here
                    self._frames[int.from_bytes(frame[:4], "big")] = start + FRAME_HEADER

    def __iter__(self) -> Iterator[bytes]:
        """Every page, the newest of each first."""
        for number in self._frames:
            yield self[number]
        for start in range(0, self._bytes, self.size):
            yield self._at(self._file, start)

    def __getitem__(self, number: int) -> bytes:
        if self._log and number in self._frames:
            return self._at(self._log, self._frames[number])
        return self._at(self._file, (number - 1) * self.size)

    def _at(self, file: BinaryIO, start: int) -> bytes:
        file.seek(start)
        return file.read(self.size)


def _payload(page: bytes, at: int, length: int, pages: _Pages) -> bytes:
    """A row's bytes: on its page, and when they are too many on a chain of pages that hold nothing else."""
    most = pages.size - 35
    if length <= most:
        return page[at : at + length]
    least = (pages.size - 12) * 32 // 255 - 23
    here = least + (length - least) % (pages.size - 4)
    here = here if here <= most else least
    parts, missing, seen = [page[at : at + here]], length - here, set()
    following = int.from_bytes(page[at + here : at + here + 4], "big")
    while missing > 0:
        if following < 2 or following in seen or len(more := pages[following]) < pages.size:
            raise ValueError("the chain is broken")
        seen.add(following)
        parts.append(more[4 : 4 + missing])
        missing -= len(parts[-1])
        following = int.from_bytes(more[:4], "big")
    return b"".join(parts)


def _types(payload: bytes) -> tuple[list[int], int]:
    """The serial types of a row's columns, and where their values begin."""
    end, at = _varint(payload, 0)
    types = []
    while at < end:
        kind, at = _varint(payload, at)
        types.append(kind)
    return types, end


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of 1 to 9 bytes, and where it ends."""
    value = 0
    for i in range(8):
        byte = data[at + i]
        value = value << 7 | byte & 127
        if byte < 128:
            return value, at + i + 1
    return value << 8 | data[at + 8], at + 9
