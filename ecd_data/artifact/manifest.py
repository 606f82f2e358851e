"""The manifest: what a build was made from, what is in it, and the hashes to prove it. No timestamps, no paths."""

import dataclasses
import json
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import msgspec

from ecd_data.artifact.provenance import Judge, Provenance
from ecd_data.artifact.schema import schemas_hash
from ecd_data.artifact.statistics import statistics_from_files
from ecd_data.core.errors import BuildError
from ecd_data.core.hashing import canonical_json, file_sha256, sha256
from ecd_data.core.request import Model

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
CARD = "README.md"
SHAPING_LIBRARIES = ("ecd-data", "datasets", "pyarrow")  # another version of these may give other bytes
SHAPING_CODE = ("artifact", "builders", "core", "corpus", "generation", "methods", "requirements")
PACKAGE = Path(__file__).parents[1]


def make_manifest(build: Path, provenance: Provenance) -> dict[str, Any]:
    """Return the manifest of a build whose data and responses are in place, without `configs` and `files`.

    The rows are counted and hashed when they are checked (`validation.check_rows`), and the files are listed
    (`list_files`) once the figures, which are drawn from the manifest, are among them.
    """
    return {**provenance_part(provenance), **statistics_from_files(build, provenance.recipe.builder)}


def list_files(build: Path) -> dict[str, dict[str, Any]]:
    """Return hash and size of every file of a build except the manifest, which holds this list, and the card."""
    files = sorted(path for path in build.rglob("*") if path.is_file() and path.name not in (MANIFEST, CARD))
    return {
        path.relative_to(build).as_posix(): {"sha256": file_sha256(path), "size": path.stat().st_size}
        for path in files
    }


def provenance_part(provenance: Provenance) -> dict[str, Any]:
    """Return what a build depends on, apart from the responses: the first part of its manifest."""
    recipe, corpus, contamination = provenance.recipe, provenance.corpus, provenance.contamination
    return {
        "format": FORMAT_VERSION,
        "recipe": recipe.to_dict(),
        "seeds": {
            "sources": list(corpus.sources),
            "count": len(corpus.seeds),
            "duplicates": corpus.duplicates,
            "groups": len({seed.group for seed in corpus.seeds}),
            "decontaminated_from": list(contamination.sources) if contamination else [],
        },
        "hashes": {**provenance.hashes, "schemas": schemas_hash(recipe.builder), "code": code_hash()},
        "model": _model(provenance.model),
        "models": {name: _model(model) for name, model in provenance.models.items() if name},
        "judge": _judge(provenance.judge) if provenance.judge else None,
        "versions": versions(),
    }


def _model(model: Model) -> dict[str, str]:
    return {"id": model.id, "revision": model.revision}


def _judge(judge: Judge) -> dict[str, Any]:
    return {
        "model": _model(judge.model),
        "used": judge.is_reliable,
        "calibration": dataclasses.asdict(judge.calibration),
    }


def versions() -> dict[str, str]:
    """Return the installed versions of the libraries that shape the data."""
    return {name: metadata.version(name) for name in SHAPING_LIBRARIES}


@cache
def code_hash() -> str:
    """Return the SHA-256 of the code that shapes the data."""
    files = [path for folder in SHAPING_CODE for path in (PACKAGE / folder).rglob("*.py")]
    return sha256(canonical_json({path.relative_to(PACKAGE).as_posix(): file_sha256(path) for path in files}))


def read_manifest(build: Path) -> dict[str, Any]:
    """Return the manifest of a build directory.

    Raises:
        BuildError: it has none, or one of another format.
    """
    path = build / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BuildError(
            f"{build} is not a build directory: it has no {MANIFEST}. Make one with `ecd generate`."
        ) from None
    except (OSError, ValueError) as error:
        raise BuildError(f"{path}: cannot be read ({error}). Build it again.") from None
    if not _is_manifest(manifest):
        raise BuildError(f"{path}: not a manifest of format {FORMAT_VERSION}. Build it again with this version.")
    return dict(manifest)


class _File(msgspec.Struct):
    sha256: str


class _Split(msgspec.Struct):
    rows: Any
    rows_sha256: Any


class _Manifest(msgspec.Struct):
    """The shape by which a manifest is recognised: other programs have files of that name."""

    format: Literal[1]
    versions: dict[str, Any]
    files: dict[str, _File]
    configs: dict[str, dict[str, _Split]]
    counts: dict[str, Any]
    recipe: dict[str, Any]


def _is_manifest(value: Any) -> bool:
    try:
        manifest = msgspec.convert(value, _Manifest)
    except msgspec.ValidationError:
        return False
    return "ecd-data" in manifest.versions and "preference" in manifest.configs


def write_manifest(build: Path, manifest: Mapping[str, Any]) -> None:
    """Write the manifest as readable JSON, its keys as they stand: the order of the recipe's routes has a meaning."""
    text = json.dumps(manifest, ensure_ascii=False, indent=2)
    (build / MANIFEST).write_text(text + "\n", encoding="utf-8")
