"""Canonical JSON and SHA-256 hashes of texts, files and folders, for store keys, rows and manifests."""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

_ENCODER = msgspec.json.Encoder(order="sorted")
_SAME_IN_BOTH = {str, int, bool, type(None)}  # types that msgspec and `json` spell alike; most values have one of them
_CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def canonical_json(value: object) -> str:
    """Return JSON with exactly one spelling per value: sorted keys, no spaces, characters not escaped to ASCII.

    Raises:
        ValueError: a number is not finite.
    """
    return _CANONICAL.encode(value)


def canonical_bytes(fields: Mapping[str, Any]) -> bytes:
    """Return `canonical_json` in UTF-8, several times as fast.

    Floats may be values of `fields`, items of its lists or anywhere in its mappings, but not deeper inside a list.

    Raises:
        ValueError: a number is not finite, or a text has an unpaired surrogate.
    """
    return _ENCODER.encode({name: v if type(v) in _SAME_IN_BOTH else _exact(v) for name, v in fields.items()})


def _exact(value: object) -> object:
    """Return the value, or its spelling in `json` where msgspec's may differ: 0.00001 for 1e-05, null for NaN."""
    if isinstance(value, float) and math.isfinite(value):
        return msgspec.Raw(float.__repr__(value).encode())
    # Lists are tested before mappings, since `isinstance` is slow for an abstract class such as Mapping.
    if float in map(type, value) if isinstance(value, list) else isinstance(value, (float, Mapping)):
        return msgspec.Raw(canonical_json(value).encode())
    return value


def sha256(text: str) -> str:
    """Return the hex SHA-256 of a text in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


def file_sha256(path: Path) -> str:
    """Return the hex SHA-256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files_sha256(folder: Path, paths: Iterable[Path]) -> str:
    """Return one hex SHA-256 for several files: of their names relative to `folder` and their bytes, in any order."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(f"{path.relative_to(folder).as_posix()}\n{file_sha256(path)}\n".encode())
    return digest.hexdigest()
