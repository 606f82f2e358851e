"""Validation of a whole build: its files, the schema of every row, and what no schema can say."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ecd_data.artifact.cross_checks import CrossChecks
from ecd_data.artifact.manifest import CARD, MANIFEST, read_manifest
from ecd_data.artifact.parquet import RowsHash, data_files, read_rows
from ecd_data.artifact.row_checks import Expected, row_name, row_problems
from ecd_data.artifact.schema import configs, row_fault
from ecd_data.artifact.statistics import RANKING
from ecd_data.core.errors import BuildError, GateError
from ecd_data.core.hashing import file_sha256

GITATTRIBUTES = ".gitattributes"  # a downloaded dataset has one
SHOWN = 10  # problems that a message lists before it counts the rest


@dataclass(frozen=True)
class Report:
    """The result of a validation.

    configs: number of `rows` and their hash (`rows_sha256`) per config and split, as in a manifest.
    rechecked: number of requirements that code checked again, on every answer of their row.
    """

    configs: dict[str, dict[str, dict[str, Any]]]
    rechecked: int

    @property
    def rows(self) -> dict[str, dict[str, int]]:
        """The number of rows per config and split."""
        return {
            config: {split: recorded["rows"] for split, recorded in splits.items()}
            for config, splits in self.configs.items()
        }


def validate_build(build: Path) -> Report:
    """Validate a build directory.

    Raises:
        BuildError: it is not a build directory, or a file cannot be read.
        GateError: it is not valid; the message lists what is wrong, by row.
    """
    manifest = read_manifest(build)
    report, problems = check_rows(build, manifest)
    require_valid(build, [*file_problems(build, manifest), *count_problems(report, manifest), *problems])
    return report


def require_valid(build: Path, problems: Sequence[str]) -> None:
    """Raise a GateError that lists the problems of a build, unless it has none."""
    if problems:
        more = f"\n... and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        raise GateError(f"{build} is not valid:\n" + "\n".join(problems[:SHOWN]) + more)


def file_problems(build: Path, manifest: Mapping[str, Any]) -> list[str]:
    """Return which files are missing, changed since the manifest was written, or not in it."""
    problems = []
    for name, recorded in manifest["files"].items():
        path = build / name
        if ".." in PurePosixPath(name).parts or PurePosixPath(name).is_absolute():
            problems.append(f"{name}: not a path inside a build")
        elif not path.is_file():
            problems.append(f"{name}: missing")
        elif (file_sha256(path), path.stat().st_size) != (recorded["sha256"], recorded.get("size")):
            problems.append(f"{name}: changed since it was built")
    if not (build / CARD).is_file():
        problems.append(f"{CARD}: missing")
    allowed = {MANIFEST, CARD, GITATTRIBUTES, *manifest["files"]}
    names = (path.relative_to(build).as_posix() for path in sorted(build.rglob("*")) if path.is_file())
    return problems + [f"{name}: not in the manifest; remove it" for name in names if name not in allowed]


def check_rows(build: Path, manifest: Mapping[str, Any]) -> tuple[Report, list[str]]:
    """Check every row by itself, against the other rows, and against what the manifest says it was made from.

    Returns:
        What was checked, and what is wrong.

    Raises:
        BuildError: a file cannot be read, or the manifest lacks what rows are checked against.
    """
    try:
        expected = Expected.from_manifest(manifest)
    except (TypeError, ValueError, LookupError) as error:
        raise BuildError(f"{build / MANIFEST}: not as this version writes it ({error!r}). Build it again.") from None
    builder, cross_checks = expected.method.name, CrossChecks(expected)
    counts: dict[str, dict[str, dict[str, Any]]] = {config: {} for config in configs(builder)}
    problems: list[str] = []
    rechecked = 0
    for config, splits in counts.items():
        for split, paths in data_files(build, config).items():
            number, rows_hash = 0, RowsHash()
            for row in read_rows(paths):
                number += 1
                if fault := row_fault(config, row, builder):
                    cross_checks.add_invalid(config, row)
                    of_row = [fault]
                else:
                    rows_hash.add(row)
                    of_row = cross_checks.add(config, split, row)
                    of_row += row_problems(config, split, row, expected, cross_checks.has_pair(row["id"]))
                    if config in ("preference", RANKING):
                        rechecked += sum(requirement["check"] == "code" for requirement in row["requirements"])
                problems += (f"{row_name(config, split, row.get('id'))}: {problem}" for problem in of_row)
            splits[split] = {"rows": number, "rows_sha256": rows_hash.hexdigest()}
    problems += cross_checks.problems()
    return Report(counts, rechecked), problems


def count_problems(report: Report, manifest: Mapping[str, Any]) -> Iterator[str]:
    """Yield whether a build has no pair, and in which config and split its rows are not those of the manifest."""
    if not report.configs["preference"]:
        yield "it has no preference pairs"
    for config, splits in report.rows.items():
        recorded = manifest["configs"].get(config, {})
        expected = {split: of_split["rows"] for split, of_split in recorded.items()}
        if splits != expected:
            yield f"{config}: rows differ from the manifest's: {splits} instead of {expected}"
            continue
        for split in splits:
            if report.configs[config][split]["rows_sha256"] != recorded[split]["rows_sha256"]:
                yield f"{config}: the {split} rows do not have the manifest's rows_sha256"
