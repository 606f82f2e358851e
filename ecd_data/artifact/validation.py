"""Validation of a whole build: the schema gate on every row, and what a schema cannot say."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecd_data.artifact.manifest import CARD, NAME, read_manifest
from ecd_data.artifact.schema import CONFIGS, gate
from ecd_data.artifact.tables import RowsHash, data_files, file_sha256, read_rows
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
    rows = _Rows(manifest["recipe"]["rounds"])
    for config in CONFIGS:
        for split, paths in data_files(build, config).items():
            problems += rows.read(config, split, paths)
        rows.forget(config)
    if not problems:
        problems += [*rows.unaccounted(manifest), *rows.of_chains, *rows.unlinked()]
    if problems:
        more = f"\n... and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        raise GateError(f"{build} is not valid:\n" + "\n".join(problems[:SHOWN]) + more)
    return Report(rows.counts, rows.rechecked)


class _Rows:
    """What one pass over the rows of a build finds.

    counts, hashes: rows and their hash, per config and split.
    rechecked: code checks that were run again.
    of_chains: what is wrong with chains.
    """

    def __init__(self, rounds: int) -> None:
        self.counts: dict[str, dict[str, int]] = {config: {} for config in CONFIGS}
        self.hashes: dict[str, dict[str, RowsHash]] = {config: {} for config in CONFIGS}
        self.rechecked = 0
        self.of_chains: list[str] = []
        self._rounds = rounds
        self._ids: dict[str, set[str]] = {config: set() for config in CONFIGS}
        self._listed: dict[str, set[str]] = {"preference": set(), "rejects": set()}  # by the chains
        self._split_of_seed: dict[str, str] = {}

    def read(self, config: str, split: str, paths: Sequence[Path]) -> Iterator[str]:
        """Reads the rows of a split; what is wrong with them, one by one."""
        self.counts[config][split] = 0
        self.hashes[config][split] = RowsHash()
        for row in read_rows(paths):
            self.counts[config][split] += 1
            try:
                gate(config, row)
            except GateError as error:
                yield str(error)
                continue
            self.hashes[config][split].add(row)
            where = f"{config} row {row['id']!r}"
            if row["id"] in self._ids[config]:
                yield f"{where}: the id is there twice"
            self._ids[config].add(row["id"])
            seed = row["seed_id"] if "seed_id" in row else row["id"]
            if self._split_of_seed.setdefault(seed, split) != split:
                yield f"{where}: seed {seed} is in {self._split_of_seed[seed]} and in {split}"
            if config == "preference":
                self.rechecked += sum(requirement["check"] == "code" for requirement in row["requirements"])
                yield from (f"{where}: {problem}" for problem in _pair_problems(row))
            elif config == "chains":
                self.of_chains += _chain_problems(row, self._rounds)
                self._listed["preference"].update(row["pairs"])
                self._listed["rejects"].update(row["rejects"])

    def forget(self, config: str) -> None:
        """All rows of a config are read: only ids that chains name are looked at again."""
        if config not in self._listed:
            self._ids[config] = set()

    def unaccounted(self, manifest: dict[str, Any]) -> Iterator[str]:
        """There are pairs, and of each split the rows that the manifest tells of."""
        if not self.counts["preference"]:
            yield "there is no pair in it"
        for config in CONFIGS:
            recorded = manifest["configs"][config]
            counted = {split: info["rows"] for split, info in recorded.items()}
            if self.counts[config] != counted:
                yield f"{config}: rows differ from the manifest's: {self.counts[config]} instead of {counted}"
                continue
            for split, digest in self.hashes[config].items():
                if digest.hexdigest() != recorded[split]["rows_sha256"]:
                    yield f"{config}: the {split} rows are not those that the manifest's rows_sha256 was made of"

    def unlinked(self) -> Iterator[str]:
        """The chains name the pairs and rejects that there are."""
        for config, listed in self._listed.items():
            for id_ in sorted(listed - self._ids[config]):
                yield f"{config} row {id_!r}: missing; its chain names it"
            for id_ in sorted(self._ids[config] - listed):
                yield f"{config} row {id_!r}: no chain names it"


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
        for side in ("chosen", "rejected"):
            met, votes = row[f"{side}_met"][i], row[f"{side}_votes"][i]
            if met != (votes > 0.5) or (stored["check"] == "code" and votes not in (0.0, 1.0)):
                yield f"{side} is marked met={met} for {stored['id']}, but its share of votes is {votes}"
        operation = load_taxonomy().get(stored["id"])
        if operation is None:
            yield f"requirement {stored['id']!r} is not in the taxonomy"
            continue
        if (stored["check"] == "judge") != (operation.check == "judge"):
            yield f"requirement {stored['id']!r} is marked as checked by {stored['check']}, which it is not"
        if stored["check"] != "code" or operation.check == "judge":
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


def _chain_problems(chain: dict[str, Any], rounds: int) -> Iterator[str]:
    """It attempted all rounds, or one if it never began, and says so."""
    adjacent = [id_ for id_ in chain["pairs"] if "-g" not in id_]
    planned = range(1, rounds + 1) if chain["turns"] else [0]
    if sorted(adjacent + chain["rejects"]) != sorted(f"{chain['id']}-r{number}" for number in planned):
        named = ", ".join(adjacent + chain["rejects"]) or "none"
        yield f"chain {chain['id']!r}: its pairs and rejects ({named}) are not one for each round"
    if chain["rounds"] != len(planned):
        yield f"chain {chain['id']!r}: says {chain['rounds']} rounds instead of {len(planned)}"
