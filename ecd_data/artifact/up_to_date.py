"""Whether a build is what a generation would make again: then there is nothing to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ecd_data.artifact.manifest import provenance_part, read_manifest
from ecd_data.artifact.parquet import read_rows
from ecd_data.artifact.provenance import Provenance
from ecd_data.artifact.validation import validate_build
from ecd_data.calls.store import Store
from ecd_data.core.errors import BuildError, GateError, StoreError


def up_to_date_manifest(out: Path, provenance: Provenance, store: Store, is_replay: bool) -> dict[str, Any] | None:
    """Return the manifest of the build at `out`, if a generation would make the same one.

    It was made of the same things by the same code, every response in it is what the store holds, no call failed that
    an endpoint could now answer, and it is valid.
    """
    try:
        manifest = read_manifest(out)
        if any(manifest.get(name) != value for name, value in provenance_part(provenance).items()):
            return None
        if manifest["calls"]["failed"] and not is_replay:
            return None
        if not _has_the_responses_of(out, store):
            return None
        validate_build(out)
    except (BuildError, GateError, StoreError, OSError, KeyError, TypeError):
        return None  # whatever it is, it is made anew
    return manifest


def _has_the_responses_of(out: Path, store: Store) -> bool:
    for path in sorted((out / "responses").glob("*.parquet")):
        for row in read_rows([path], ["key", "response", "failure"]):
            ((_, _, _, response, failure),) = store.calls([row["key"]])
            if (row["response"], row["failure"]) != (response, failure):
                return False
    return True
