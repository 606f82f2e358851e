"""Validation of a whole build: the schema gate on every row, and what a schema cannot say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ecd_data.artifact.manifest import CARD, NAME, read_manifest
from ecd_data.artifact.parquet import RowsHash, data_files, read_rows
from ecd_data.artifact.rankings import extremes, ranking_problems
from ecd_data.artifact.row_checks import (
    chain_problems,
    digests_from_chain,
    operation_problems,
    pair_problems,
    requirement_problems,
    row_digest,
    tie_problems,
    verdict_problems,
)
from ecd_data.artifact.schema import configs, row_fault
from ecd_data.core.errors import BuildError, GateError
from ecd_data.core.hashing import file_sha256
from ecd_data.core.recipe import recipe_from_dict
from ecd_data.core.request import Model
from ecd_data.core.values import EVOLVED, RowId
from ecd_data.corpus.groups import split_of
from ecd_data.methods import options_of

GITATTRIBUTES = ".gitattributes"  # a downloaded dataset has one
ANSWERED = ("preference", "sft")  # configs whose model is that of an answer, of several that there may be
LINKED = ("preference", "sft", "rejects")  # configs whose rows a chain names
SHOWN = 10  # problems listed before the rest is counted


@dataclass(frozen=True)
class Report:
    """What was validated: per config and split the number of rows and their hash, and the code checks run again."""

    configs: dict[str, dict[str, dict[str, Any]]]
    rechecked: int

    @property
    def rows(self) -> dict[str, dict[str, int]]:
        """The number of rows per config and split."""
        return {config: {split: found["rows"] for split, found in of.items()} for config, of in self.configs.items()}


def validate_build(build: Path) -> Report:
    """Validates a build directory.

    Raises:
        BuildError: it is no build, or a file cannot be read.
        GateError: lists what is wrong, by row.
    """
    manifest = read_manifest(build)
    report, problems = check_rows(build, manifest)
    refuse(build, [*changed_files(build, manifest), *unaccounted(report, manifest), *problems])
    return report


def refuse(build: Path, problems: Sequence[str]) -> None:
    """Lets a build pass in which nothing is wrong.

    Raises:
        GateError: lists what is.
    """
    if problems:
        more = f"\n... and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        raise GateError(f"{build} is not valid:\n" + "\n".join(problems[:SHOWN]) + more)


def changed_files(build: Path, manifest: Mapping[str, Any]) -> list[str]:
    """Files that are missing, not those that the manifest tells of, or that it does not tell of."""
    problems = []
    for name, recorded in manifest["files"].items():
        path = build / name
        if ".." in PurePosixPath(name).parts or PurePosixPath(name).is_absolute():
            problems.append(f"{name}: is no path inside a build")
        elif not path.is_file():
            problems.append(f"{name}: missing")
        elif (file_sha256(path), path.stat().st_size) != (recorded["sha256"], recorded.get("size")):
            problems.append(f"{name}: changed since it was built")
    if not (build / CARD).is_file():
        problems.append(f"{CARD}: missing")
    known = {NAME, CARD, GITATTRIBUTES, *manifest["files"]}
    names = (path.relative_to(build).as_posix() for path in sorted(build.rglob("*")) if path.is_file())
    return problems + [f"{name}: not in the manifest; remove it" for name in names if name not in known]


def check_rows(build: Path, manifest: Mapping[str, Any]) -> tuple[Report, list[str]]:
    """Every row by itself, with the other rows of its round, and against what the manifest says it was made of.

    Raises:
        BuildError: a file cannot be read, or the manifest lacks what rows are checked against.
    """
    try:
        rows = _Rows(manifest)
    except (TypeError, ValueError, LookupError) as error:
        raise BuildError(f"{build / NAME}: not as this version writes it ({error!r}). Build it again.") from None
    problems: list[str] = []
    for config in rows.counts:
        for split, paths in data_files(build, config).items():
            problems += rows.read(config, split, paths)
    problems += [*rows.of_chains, *rows.unlinked()]
    found = {
        config: {
            split: {"rows": rows.counts[config][split], "rows_sha256": rows.hashes[config][split].hexdigest()}
            for split in splits
        }
        for config, splits in rows.counts.items()
    }
    return Report(found, rows.rechecked), problems


def unaccounted(report: Report, manifest: Mapping[str, Any]) -> Iterator[str]:
    """There are pairs, and of each split the rows that the manifest tells of."""
    if not report.configs["preference"]:
        yield "there is no pair in it"
    for config, found in report.configs.items():
        recorded = manifest["configs"].get(config, {})
        rows, expected = ({split: of["rows"] for split, of in splits.items()} for splits in (found, recorded))
        if rows != expected:
            yield f"{config}: rows differ from the manifest's: {rows} instead of {expected}"
            continue
        for split, of in found.items():
            if of["rows_sha256"] != recorded[split]["rows_sha256"]:
                yield f"{config}: the {split} rows are not those that the manifest's rows_sha256 was made of"


def row_name(config: str, split: str, id_: object) -> str:
    """How messages name a row."""
    return f"{config}/{split} row {id_!r}"


class _Rows:
    """What one pass over the rows of a build finds.

    counts, hashes: rows and their hash, per config and split.
    rechecked: requirements that code checked again on both sides of a pair.
    of_chains: what is wrong with chains.
    """

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        recipe, judge = manifest["recipe"], manifest["judge"]
        self._builder = str(recipe["builder"])
        self.counts: dict[str, dict[str, int]] = {config: {} for config in configs(self._builder)}
        self.hashes: dict[str, dict[str, RowsHash]] = {config: {} for config in self.counts}
        self.rechecked = 0
        self.of_chains: list[str] = []
        self._rounds, self._splits, self._seed = int(recipe["rounds"]), dict(recipe["splits"]), recipe["seed"]
        self._model = str(Model(**manifest["model"]))
        self._models = {self._model, *(str(Model(**model)) for model in manifest["models"].values())}
        self._judged = judge is not None and judge["used"] is True
        # What rows say of their round, by id, and what their chains say of it; None: nothing that can be read.
        self._digests: dict[str, dict[str, int | None]] = {config: {} for config in self.counts}
        self._chained: dict[str, dict[str, int]] = {config: {} for config in LINKED}
        self._split_of_seed: dict[str, str] = {}
        if "ranking" in self.counts:
            self._alpha = float(options_of(recipe_from_dict(recipe)).alpha)
            self._teacher = str(Model(**manifest["models"]["teacher"]))
            self._extremes: dict[str, dict[str, int]] = {"preference": {}, "ranking": {}}

    def read(self, config: str, split: str, paths: Sequence[Path]) -> Iterator[str]:
        """Reads the rows of a split; what is wrong with them, one by one."""
        self.counts[config][split] = 0
        self.hashes[config][split] = RowsHash()
        for row in read_rows(paths):
            self.counts[config][split] += 1
            where, digests = row_name(config, split, row.get("id")), self._digests[config]
            if fault := row_fault(config, row, self._builder):
                yield f"{where}: {fault}"
                digests[str(row.get("id"))] = None
                continue
            self.hashes[config][split].add(row)
            if row["id"] in digests:
                yield f"{where}: the id is there twice"
            digests[row["id"]] = row_digest(config, row)
            yield from (f"{where}: {problem}" for problem in self._problems(config, split, row))
            if "ranking" in self.counts and config in self._extremes:
                self._extremes[config][row["id"]] = hash(extremes(row))
            if config == "chains":
                self.of_chains += (
                    f"{where}: {problem}" for problem in chain_problems(row, self._rounds, self._builder)
                )
                for linked, ids in digests_from_chain(row, self._builder).items():
                    self._chained[linked].update(ids)

    def _problems(self, config: str, split: str, row: dict[str, Any]) -> Iterator[str]:
        seed = row.get("seed_id", row["id"])
        if self._split_of_seed.setdefault(seed, split) != split:
            yield f"seed {seed} is in {self._split_of_seed[seed]} and in {split}"
        if (other := row.get("rejected_model", self._model)) not in self._models:
            yield f"rejected_model is {other!r}, which is none of the manifest's"
        if row["model"] not in (self._models if config in ANSWERED else {self._model}):
            yield f"model is {row['model']!r}, but the manifest's {self._model!r}"
        if config == "chains":
            if split != split_of(row["group"], self._splits, self._seed):
                yield f"its group belongs into {split_of(row['group'], self._splits, self._seed)}"
            return
        if "round" not in row:
            return  # of a config that only its builder has
        id_ = RowId(seed, row["round"], row.get("gap", 1), row.get("negative", EVOLVED))
        if row["id"] != str(id_) and not (config == "ties" and row["id"].startswith(f"{id_.round_id}-t")):
            yield f"it is of seed {seed} and round {row['round']}"
        if "requirements" in row:
            yield from requirement_problems(row, self._judged)
            yield from operation_problems(row, self._builder)
        if config == "preference":
            self.rechecked += sum(requirement["check"] == "code" for requirement in row["requirements"])
            yield from pair_problems(row)
        elif config == "ties":
            yield from tie_problems(row)
        elif config == "ranking":
            self.rechecked += sum(requirement["check"] == "code" for requirement in row["requirements"])
            yield from ranking_problems(row, self._alpha, self._teacher)
        elif config == "sft" and row["id"] not in self._digests["preference"]:  # else it is the chosen answer of that
            met = [True] * len(row["requirements"])
            yield from verdict_problems("completion", row["completion"][0]["content"], row["requirements"], met)

    def unlinked(self) -> Iterator[str]:
        """The chains name the rows that there are, and tell the same of their rounds."""
        for config, chained in self._chained.items():
            rows = self._digests[config]
            for id_ in sorted(rows.keys() | chained.keys()):
                where = row_name(config, self._split_of_seed.get(id_.partition("-")[0], "?"), id_)
                if id_ not in rows:
                    yield f"{where}: missing; its chain names it"
                elif id_ not in chained:
                    yield f"{where}: no chain names it"
                elif rows[id_] not in (None, chained[id_]):
                    yield f"{where}: its chain tells other texts, requirements or routes of this round"
        if "ranking" in self.counts:
            pairs, rankings = self._extremes.values()
            for id_ in sorted(pairs.keys() | rankings.keys()):
                if pairs.get(id_) != rankings.get(id_):
                    yield f"ranking {id_!r}: its most and its least preferred responses are not the pair of that id"
