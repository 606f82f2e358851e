"""Canonical JSON, and SHA-256 of texts, files and folders: what store keys, rows and manifests are made of."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

_ENCODER = msgspec.json.Encoder(order="sorted")
_AS_IS = {str, int, bool, type(None)}  # what msgspec and `json` spell alike; most values are one of these
_CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def canonical_json(value: object) -> str:
    """JSON with one spelling per value: sorted keys, no spaces, text as it is (not escaped to ASCII)."""
    return _CANONICAL.encode(value)


def canonical_bytes(fields: Mapping[str, Any]) -> bytes:
    """`canonical_json` as UTF-8, several times as fast.

    Floats are found in the mapping itself, in its lists and in its mappings, not in lists of mappings.
    """
    return _ENCODER.encode({name: v if type(v) in _AS_IS else _exact(v) for name, v in fields.items()})


def _exact(value: object) -> object:
    """The value, or how `json` spells it where msgspec may do otherwise: to it 1e-05 is 0.00001 and NaN is null."""
    if isinstance(value, float) and math.isfinite(value):
        return msgspec.Raw(float.__repr__(value).encode())
    # Of a list before a mapping: that is an abstract class, which takes long to look at.
    if float in map(type, value) if isinstance(value, list) else isinstance(value, (float, Mapping)):
        return msgspec.Raw(canonical_json(value).encode())
    return value


def sha256(text: str) -> str:
    """Hex SHA-256 of the UTF-8 bytes of `text`."""
    return hashlib.sha256(text.encode()).hexdigest()


def file_sha256(path: Path) -> str:
    """Hex SHA-256 of a file's bytes."""
    with open(path, "rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
        return digest.hexdigest()


def files_sha256(folder: Path, paths: Iterable[Path]) -> str:
    """Hex SHA-256 over the names inside `folder`, and the bytes, of some of its files; their order does not matter."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(f"{path.relative_to(folder).as_posix()}\n{file_sha256(path)}\n".encode())
    return digest.hexdigest()
