"""Whether a build is what a generation would make again: then there is nothing to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ecd_data.artifact.manifest import made_of, read_manifest
from ecd_data.artifact.tables import read_rows
from ecd_data.artifact.validation import validate_build
from ecd_data.errors import BuildError, GateError, StoreError
from ecd_data.generation import Generation


def current_manifest(out: Path, generation: Generation) -> dict[str, Any] | None:
    """The manifest of the build at `out`, if the generation would make the same one.

    It was made of the same things by the same code, every response in it is what the store holds, no call failed that
    an endpoint could now answer, and it is valid.
    """
    try:
        manifest = read_manifest(out)
        if any(manifest.get(name) != value for name, value in made_of(generation).items()):
            return None
        if generation.pool and manifest["calls"]["failed"]:
            return None
        if not _has_the_stores_responses(out, generation):
            return None
        validate_build(out)
    except (BuildError, GateError, StoreError, OSError, KeyError, TypeError):
        return None  # whatever it is, it is made anew
    return manifest


def _has_the_stores_responses(out: Path, generation: Generation) -> bool:
    for path in sorted((out / "responses").glob("*.parquet")):
        for row in read_rows([path], ["key", "response", "failure"]):
            ((_, _, _, response, failure),) = generation.store.stored([row["key"]])
            if (row["response"], row["failure"]) != (response, failure):
                return False
    return True
