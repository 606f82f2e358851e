"""The manifest: what a build was made from, what is in it, and the hashes to prove it. No timestamps, no paths."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec

from ecd_data.artifact.distributions import make_distributions
from ecd_data.artifact.funnel import length_ratios, make_funnel
from ecd_data.artifact.parquet import every_row, read_rows
from ecd_data.artifact.provenance import Judge, Provenance
from ecd_data.artifact.rankings import CONFIG as RANKING
from ecd_data.artifact.rankings import make_rankings
from ecd_data.artifact.schema import ECD, configs, schemas_hash
from ecd_data.core.errors import BuildError
from ecd_data.core.hashing import canonical_json, file_sha256, sha256
from ecd_data.core.request import Model
from ecd_data.requirements.taxonomy import class_of

FORMAT = 1
NAME = "manifest.json"
CARD = "README.md"
SHAPING_LIBRARIES = ("ecd-data", "datasets", "pyarrow")  # another version of these may give other bytes
PACKAGE = Path(__file__).parents[1]
SHAPING_CODE = ("artifact", "builders", "core", "corpus", "generation", "methods", "requirements")


def make_manifest(build: Path, provenance: Provenance) -> dict[str, Any]:
    """Return the manifest of a build whose data and responses are in place, without `configs` and `files`.

    The rows are counted and hashed when they are checked (`validation.check_rows`), and the files listed when the
    figures, which show what is in the manifest, are among them: see `list_files`.
    """
    return {**provenance_part(provenance), **statistics_from_files(build, provenance.recipe.builder)}


def list_files(build: Path) -> dict[str, dict[str, Any]]:
    """Hash and size of every file of a build but the manifest, which holds this list, and the card, made from it."""
    files = sorted(path for path in build.rglob("*") if path.is_file() and path.name not in (NAME, CARD))
    return {
        path.relative_to(build).as_posix(): {"sha256": file_sha256(path), "size": path.stat().st_size}
        for path in files
    }


def statistics_from_files(build: Path, builder: str = ECD) -> dict[str, Any]:
    """Return the numbers of a manifest, counted from the rows and responses of a build."""
    counts = _counts(build)
    return {
        "counts": counts,
        "funnel": make_funnel(build, builder),
        "length_ratio": length_ratios(build),
        "distributions": make_distributions(build),
        **({"rankings": make_rankings(build)} if RANKING in configs(builder) else {}),
        "calls": _calls(build, counts["pairs"]),
    }


def provenance_part(provenance: Provenance) -> dict[str, Any]:
    """Return what a build depends on, apart from the responses: the first part of its manifest."""
    recipe, corpus, contamination = provenance.recipe, provenance.corpus, provenance.contamination
    return {
        "format": FORMAT,
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
        "judge": provenance.judge and _judge(provenance.judge),
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """The versions here of the libraries that shape the data."""
    return {name: metadata.version(name) for name in SHAPING_LIBRARIES}


@cache
def code_hash() -> str:
    """SHA-256 over the code that shapes the data."""
    files = [path for folder in SHAPING_CODE for path in (PACKAGE / folder).rglob("*.py")]
    return sha256(canonical_json({path.relative_to(PACKAGE).as_posix(): file_sha256(path) for path in files}))


def _judge(judge: Judge) -> dict[str, Any]:
    """Who judged and how reliable they are."""
    return {
        "model": _model(judge.model),
        "used": judge.is_reliable,
        "calibration": dataclasses.asdict(judge.calibration),
    }


def _model(model: Model) -> dict[str, str]:
    return {"id": model.id, "revision": model.revision}


def read_manifest(build: Path) -> dict[str, Any]:
    """The manifest of a build directory.

    Raises:
        BuildError: there is none, or it is of another format.
    """
    try:
        manifest = json.loads((build / NAME).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BuildError(f"{build}: no {NAME} in it, so it is no build. Make one with `ecd generate`.") from None
    except (OSError, ValueError) as error:
        raise BuildError(f"{build / NAME}: cannot be read ({error}). Build it again.") from None
    if not _is_ours(manifest):
        raise BuildError(f"{build / NAME}: not a manifest of format {FORMAT}. Build it again with this version.")
    return dict(manifest)


def _is_ours(manifest: Any) -> bool:
    """Whether it has the shape of ours: another program may call its file the same."""
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        return False
    parts = [manifest.get(name) for name in ("versions", "files", "configs", "counts", "recipe")]
    if not all(isinstance(part, dict) for part in parts) or "ecd-data" not in manifest["versions"]:
        return False
    told_of = manifest["configs"].values()
    if "preference" not in manifest["configs"] or not all(isinstance(splits, dict) for splits in told_of):
        return False
    splits = [split for splits in told_of for split in splits.values()]
    return all(isinstance(split, dict) and {"rows", "rows_sha256"} <= split.keys() for split in splits) and all(
        isinstance(file, dict) and isinstance(file.get("sha256"), str) for file in manifest["files"].values()
    )


def write_manifest(build: Path, manifest: Mapping[str, Any]) -> None:
    """Writes the manifest, readable, in the order it was made in: that of the routes has a meaning."""
    text = json.dumps(manifest, ensure_ascii=False, indent=2)
    (build / NAME).write_text(text + "\n", encoding="utf-8")


def _counts(build: Path) -> dict[str, Any]:
    """Rounds attempted = those with a pair + rejects, and how the pairs came about."""

    columns = ("operation", "round", "gap", "evolved_by", "adapted_by")
    pairs: dict[str, Counter[Any]] = {column: Counter() for column in columns}
    for row in every_row(build, "preference", columns):
        for column in columns:
            pairs[column][row[column]] += 1
    rejects = Counter((row["step"], row["reason"]) for row in every_row(build, "rejects", ["step", "reason"]))
    classes: Counter[str] = Counter()
    for operation, n in pairs["operation"].items():
        classes[class_of(operation)] += n

    chains = [row["rounds"] for row in every_row(build, "chains", ["rounds"])]

    def tally(column: str) -> dict[str, int]:
        return {str(key): n for key, n in sorted(pairs[column].items())}

    return {
        "seeds": len(chains),
        "rounds": sum(chains),
        "pairs": pairs["gap"].total(),
        "rejects": {f"{step}/{reason}": n for (step, reason), n in sorted(rejects.items())},
        "by_gap": tally("gap"),
        "by_round": tally("round"),
        "by_class": dict(sorted(classes.items())),
        "by_operation": tally("operation"),
        "evolved_by": tally("evolved_by"),
        "adapted_by": tally("adapted_by"),
    }


def _calls(build: Path, pairs: int) -> dict[str, Any]:
    """Calls and tokens behind the build, from the responses in it: the same however often they were replayed."""
    roles: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    prompt_tokens = completion_tokens = 0
    for row in read_rows(sorted((build / "responses").glob("*.parquet")), ["role", "response", "failure"]):
        if row["failure"]:
            failed[row["failure"]] += 1
            continue
        used = msgspec.json.decode(row["response"], type=_Used)
        roles[row["role"]] += 1
        prompt_tokens += used.prompt_tokens
        completion_tokens += used.completion_tokens
    spent = {"total": roles.total(), "prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens}
    per_pair = {name: round(number / pairs, 1) for name, number in spent.items()} if pairs else {}
    return {
        **spent,
        "by_role": dict(sorted(roles.items())),
        "failed": dict(sorted(failed.items())),
        "per_pair": per_pair,
    }


class _Used(msgspec.Struct):
    """What is read of a response."""

    prompt_tokens: int
    completion_tokens: int
