"""Validation of a whole build: the schema gate on every row, and what a schema cannot say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecd_data.artifact.manifest import CARD, NAME, read_manifest
from ecd_data.artifact.schema import CONFIGS, gate
from ecd_data.artifact.tables import data_files, file_sha256, read_rows
from ecd_data.errors import GateError
from ecd_data.requirements.checks import check
from ecd_data.requirements.taxonomy import load_taxonomy
from ecd_data.values import Requirement

GITATTRIBUTES = ".gitattributes"  # a downloaded dataset has one
SHOWN = 10  # problems listed before the rest is counted


@dataclass(frozen=True)
class Report:
    """What was validated: rows per config and split, and the code checks that were run again."""

    rows: dict[str, dict[str, int]]
    rechecked: int


def validate_build(build: Path) -> Report:
    """Validates a build directory.

    Raises:
        BuildError: it is no build, or a file cannot be read.
        GateError: lists what is wrong, by row.
    """
    manifest = read_manifest(build)
    problems = list(_changed_files(build, manifest))
    rows: dict[str, dict[str, int]] = {}
    split_of_seed: dict[str, str] = {}
    rechecked = 0
    for config in CONFIGS:
        ids: set[str] = set()
        rows[config] = {}
        for split, paths in data_files(build, config).items():
            rows[config][split] = 0
            for row in read_rows(paths):
                rows[config][split] += 1
                try:
                    gate(config, row)
                except GateError as error:
                    problems.append(str(error))
                    continue
                where = f"{config} row {row['id']!r}"
                if row["id"] in ids:
                    problems.append(f"{where}: the id is there twice")
                ids.add(row["id"])
                seed = row["seed_id"] if "seed_id" in row else row["id"]
                if split_of_seed.setdefault(seed, split) != split:
                    problems.append(f"{where}: seed {seed} is in {split_of_seed[seed]} and in {split}")
                if config == "preference":
                    rechecked += sum(requirement["check"] == "code" for requirement in row["requirements"])
                    problems += [f"{where}: {problem}" for problem in _pair_problems(row)]
    if not problems:
        problems += _unaccounted(build, rows, manifest)
    if problems:
        more = f"\n... and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        raise GateError(f"{build} is not valid:\n" + "\n".join(problems[:SHOWN]) + more)
    return Report(rows, rechecked)


def _changed_files(build: Path, manifest: dict[str, Any]) -> Iterator[str]:
    for name, recorded in manifest["files"].items():
        path = build / name
        if not path.is_file():
            yield f"{name}: missing"
        elif file_sha256(path) != recorded["sha256"]:
            yield f"{name}: changed since it was built"
    if not (build / CARD).is_file():
        yield f"{CARD}: missing"
    known = {NAME, CARD, GITATTRIBUTES, *manifest["files"]}
    for path in sorted(build.rglob("*")):
        name = path.relative_to(build).as_posix()
        if path.is_file() and name not in known:
            yield f"{name}: not in the manifest; remove it"


def _pair_problems(row: dict[str, Any]) -> Iterator[str]:
    chosen, rejected = row["chosen"][0]["content"], row["rejected"][0]["content"]
    if chosen == rejected:
        yield "chosen and rejected are the same"
    lengths = {len(row[name]) for name in ("chosen_met", "rejected_met", "chosen_votes", "rejected_votes")}
    if lengths != {len(row["requirements"])}:
        yield "requirements, verdicts and votes differ in number"
        return
    for i, stored in enumerate(row["requirements"]):
        if stored["check"] != "code":
            continue
        if stored["id"] not in load_taxonomy():
            yield f"requirement {stored['id']!r} is not in the taxonomy"
            continue
        for side, text in [("chosen", chosen), ("rejected", rejected)]:
            try:
                requirement = Requirement(**{**stored, "kwargs": json.loads(stored["kwargs"])})
                verdict = check(requirement, text)
            except (TypeError, ValueError, LookupError, AttributeError) as error:
                yield f"{stored['id']}: its kwargs do not fit the check ({error})"
                break
            if verdict.met != row[f"{side}_met"][i]:
                yield f"{side} is marked met={row[f'{side}_met'][i]} for {requirement.id}, but: {verdict.reason}"


def _unaccounted(build: Path, rows: dict[str, dict[str, int]], manifest: dict[str, Any]) -> Iterator[str]:
    """There are pairs, as many rows as the manifest says, and pairs and rejects make up the rounds attempted."""
    recorded = {
        config: {split: info["rows"] for split, info in manifest["configs"][config].items()} for config in rows
    }
    if rows != recorded or not rows["preference"]:
        yield f"rows differ from the manifest's: {rows} instead of {recorded}"
    chains = [path for paths in data_files(build, "chains").values() for path in paths]
    attempted = sum(row["rounds"] for row in read_rows(chains, ["rounds"]))
    pairs, rejects = (sum(rows[config].values()) for config in ("preference", "rejects"))
    if pairs + rejects != attempted:
        yield f"{pairs} pairs and {rejects} rejects do not add up to the {attempted} rounds attempted"
