"""Finds out whether a build is what a generation would make again; then there is nothing to do."""

from pathlib import Path
from typing import Any

from ecd_data.artifact.manifest import provenance_part, read_manifest
from ecd_data.artifact.parquet import read_rows
from ecd_data.artifact.provenance import Provenance
from ecd_data.artifact.validation import validate_build
from ecd_data.calls.store import Store
from ecd_data.core.errors import BuildError, GateError, StoreError


def up_to_date_manifest(out: Path, provenance: Provenance, store: Store, is_replay: bool) -> dict[str, Any] | None:
    """Return the manifest of the build at `out` if a generation would make the same build again, else `None`.

    Then it was made from the same inputs by the same code, the store holds the same responses, no call failed that an
    endpoint could answer now, and it is valid.
    """
    try:
        manifest = read_manifest(out)
        if any(manifest.get(name) != value for name, value in provenance_part(provenance).items()):
            return None
        if manifest["calls"]["failed"] and not is_replay:
            return None
        if not _holds_its_responses(store, out):
            return None
        validate_build(out)
    except (BuildError, GateError, StoreError, OSError, KeyError, TypeError):
        return None  # whatever it is, it is built again
    return manifest


def _holds_its_responses(store: Store, build: Path) -> bool:
    for path in sorted((build / "responses").glob("*.parquet")):
        for row in read_rows([path], ["key", "response", "failure"]):
            ((_, _, _, response, failure),) = store.calls([row["key"]])
            if (row["response"], row["failure"]) != (response, failure):
                return False
    return True
