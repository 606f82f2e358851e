"""Verification of a release: all that its files prove by themselves, and with a replay the rest.

    for check in verify(build, "org/ecd", revision):
        print(check.name, check.looked_at, check.problems)

Where the seeds came from, and how many repeated others, is in the manifest and the card alone: no file proves it.
"""

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import pyarrow.parquet as pq
from huggingface_hub import DatasetCard
from jinja2 import UndefinedError

from ecd_data.artifact.card import card_text
from ecd_data.artifact.figures import FIGURES, figures
from ecd_data.artifact.manifest import CARD, MANIFEST, code_hash, read_manifest, versions
from ecd_data.artifact.parquet import data_files, read_rows
from ecd_data.artifact.replay_inputs import RECIPE, read_inputs
from ecd_data.artifact.row_checks import row_name
from ecd_data.artifact.schema import configs, schemas_hash
from ecd_data.artifact.statistics import statistics_from_files
from ecd_data.artifact.validation import GITATTRIBUTES, check_rows, count_problems, file_problems
from ecd_data.calls.exchange import read_parquet
from ecd_data.core.errors import EcdError
from ecd_data.core.hashing import canonical_json, file_sha256, sha256
from ecd_data.core.recipe import Recipe, load_recipe
from ecd_data.core.request import JUDGE, Model, Response, request_key
from ecd_data.methods import METHODS, make_plan
from ecd_data.methods.judging import try_judge
from ecd_data.methods.prompts import prompts_hash
from ecd_data.proof.comparison import changed_rows
from ecd_data.proof.differences import line_difference, row_difference, shortened, value_differences
from ecd_data.proof.loading import load_problems
from ecd_data.release.naming import fill_in, filled_in
from ecd_data.requirements.calibration import Calibration, calibration, items
from ecd_data.requirements.taxonomy import taxonomy_hash

# Parts of a manifest that are not statistics counted from the files.
OTHER_PARTS = ("format", "recipe", "seeds", "hashes", "model", "models", "judge", "versions", "configs", "files")

Manifest = Mapping[str, Any]
Result = tuple[str, list[str]]  # of a check: what was looked at, and the problems


@dataclass(frozen=True)
class Check:
    """One check of a release: its name, what it looked at, and the problems, each in words."""

    name: str
    looked_at: str
    problems: tuple[str, ...] = ()


def verify(
    build: Path,
    source: str,
    revision: str | None = None,
    replay: Callable[[Path], Path] | None = None,
    on_check: Callable[[str], None] = lambda name: None,
) -> Iterator[Check]:
    """Yield the checks of a release, one by one as they are made.

    Args:
        build: the release as a directory.
        source, revision: what its users give to `load_dataset`.
        replay: makes the build again from what it publishes, and returns where; without it that check is left out.
        on_check: called with the name of each check before it is made.

    Raises:
        BuildError: it is not a build directory.
    """
    manifest = read_manifest(build)
    checks: dict[str, Callable[[], Result]] = {
        "code": lambda: _check_code(manifest),
        "files": lambda: (f"{len(manifest['files'])} files by their hashes", file_problems(build, manifest)),
        "rows": lambda: _check_rows(build, manifest),
        "inputs": lambda: _check_inputs(build, manifest),
        "responses": lambda: _check_responses(build, manifest),
        "manifest": lambda: _check_statistics(build, manifest),
        "card": lambda: _check_card(build, manifest),
        "load_dataset": lambda: _check_loading(build, source, revision, manifest),
    }
    if replay:
        checks["replay"] = lambda: _check_replay(build, replay(build))
    for name, check in checks.items():
        on_check(name)
        try:
            looked_at, problems = check()
        except EcdError as error:
            looked_at, problems = "stopped", [str(error)]
        except (OSError, TypeError, ValueError, LookupError, AttributeError, UndefinedError) as error:
            # A manifest that was edited by hand may have any value anywhere.
            looked_at, problems = (
                "stopped",
                [f"cannot be checked: a value has an unexpected form ({shortened(error)})"],
            )
        yield Check(name, looked_at, tuple(problems))


def _check_code(manifest: Manifest) -> Result:
    """Compare schemas, prompts and taxonomy with those of this code, unless other code made the build."""
    differing = [
        f"{name} {version}" for name, version in versions().items() if manifest["versions"].get(name) != version
    ]
    if differing or manifest["hashes"]["code"] != code_hash():
        made_by = ", ".join(f"{name} {version}" for name, version in manifest["versions"].items())
        here = ", ".join(differing) or "another state of its code"
        return f"made by other code, {made_by}; here: {here}", []
    schemas = schemas_hash(manifest["recipe"]["builder"])
    hashes = {"schemas": schemas, "prompts": prompts_hash(), "taxonomy": taxonomy_hash()}
    recorded = {name: manifest["hashes"][name] for name in hashes}
    problems = list(value_differences(recorded, hashes, "the code here", "hashes"))
    return "as here, with schemas, prompts and taxonomy", problems


def _check_rows(build: Path, manifest: Manifest) -> Result:
    report, problems = check_rows(build, manifest)
    problems = [*count_problems(report, manifest), *problems]
    rows = sum(number for splits in report.rows.values() for number in splits.values())
    return f"{rows:,} rows; {report.rechecked:,} requirements checked again by code on both sides", problems


def _check_inputs(build: Path, manifest: Manifest) -> Result:
    """Compare recipe, seeds and schemas with the manifest, and the seeds with the chains."""
    recipe, corpus, contamination = read_inputs(build, manifest)
    schemas = {
        config: (build / "schema" / f"{config}.schema.json").read_text(encoding="utf-8")
        for config in configs(recipe.builder)
        if config in manifest["configs"]  # older releases have no ties
    }
    hashes, seeds = manifest["hashes"], manifest["seeds"]
    recorded_and_expected = {
        "recipe": (manifest["recipe"], recipe.to_dict()),
        "hashes.seeds": (hashes["seeds"], corpus.sha256),
        "hashes.decontamination": (hashes.get("decontamination"), contamination.sha256 if contamination else None),
        "hashes.schemas": (hashes["schemas"], sha256(canonical_json(schemas))),
        "seeds.count": (seeds["count"], len(corpus.seeds)),
        "seeds.groups": (seeds["groups"], len({seed.group for seed in corpus.seeds})),
    }
    problems: list[str] = []
    for path, (recorded, expected) in recorded_and_expected.items():
        problems += value_differences(recorded, expected, "recipe.yaml, seeds/ and schema/", path)
    for name, kind in (("sources", list), ("duplicates", int), ("decontaminated_from", list)):
        if type(seeds[name]) is not kind:
            problems.append(f"seeds.{name}: is {shortened(seeds[name])}, which is not of type {kind.__name__}")
    groups = {seed.seed_id: seed.group for seed in corpus.seeds}
    for split, paths in data_files(build, "chains").items():
        for chain in read_rows(paths, ["id", "group"]):
            if (group := groups.pop(chain["id"], None)) != chain["group"]:
                reason = f"its group is {group}, not {chain['group']}" if group else "has no seed, or occurs twice"
                problems.append(f"{row_name('chains', split, chain['id'])}: {reason}")
    problems += (f"seed {id_} has no chain" for id_ in groups)
    return f"recipe, schemas, {len(corpus.seeds):,} seeds, their groups and splits", problems


def _check_responses(build: Path, manifest: Manifest) -> Result:
    """Compute the keys of all requests again, and compare who answered with the models of the manifest."""
    models = {name: Model(**model) for name, model in manifest["models"].items()}
    unnamed = Model(**manifest["model"])
    judge = models.pop(JUDGE, unnamed)
    writers = {unnamed, *models.values()}
    number, problems = 0, []
    for file in sorted((build / "responses").glob("*.parquet")):
        for call in read_parquet(file):
            number += 1
            if call.model not in ({judge} if call.decode_request().role == JUDGE else writers):
                problems.append(
                    f"{file.name}: response {call.key[:16]}... is of {call.model}, not of the manifest's model"
                )
    return f"{number:,} responses by the keys of their requests", problems


def _check_statistics(build: Path, manifest: Manifest) -> Result:
    """Count the manifest's numbers again from the files, and the judge's calibration from its votes."""
    statistics = statistics_from_files(build, manifest["recipe"]["builder"])
    parts = {*OTHER_PARTS, *statistics}
    problems = [f"{name}: is not a part of a manifest" for name in manifest if name not in parts]
    problems += value_differences({name: manifest.get(name) for name in statistics}, statistics, "the files")
    recipe, judge = load_recipe(str(build / RECIPE)), manifest["judge"]
    drawn = make_plan(recipe).operations
    if (judge is not None) != any(operation.check == "judge" for operation in drawn):
        problems.append("judge: the recipe draws judged operations, or the manifest has a judge, but not both")
    if judge:
        measured = _calibration(build, recipe, Model(**judge["model"]))
        reliable = measured.overall.balanced_accuracy >= recipe.judge_accuracy
        by_votes = {"used": reliable, "calibration": dataclasses.asdict(measured)}
        problems += value_differences({name: judge[name] for name in by_votes}, by_votes, "its votes", "judge")
    return "its numbers, counted again from rows and responses", problems


def _calibration(build: Path, recipe: Recipe, judge: Model) -> Calibration:
    """Return the calibration of a judge by the votes that the build publishes."""
    files = sorted((build / "responses").glob("*.parquet"))
    rows = (row for row in read_rows(files, ["key", "role", "response"]) if row["role"] == "judge")
    votes = {row["key"]: row["response"] for row in rows}
    plan, rulings = make_plan(recipe), []
    for item in items(recipe.judge_items):
        trial = try_judge(item, plan)
        responses = [Response(**json.loads(votes[request_key(judge, request)])) for request in next(trial)]
        try:
            trial.send(responses)
        except StopIteration as done:
            rulings.append(done.value)
    return calibration(rulings)


def _check_card(build: Path, manifest: Manifest) -> Result:
    """Make card and figures again from the manifest, and compare the card's features and sizes with the files."""
    looked_at = "YAML, and every line and figure as the manifest makes it"
    try:
        data = DatasetCard.load(build / CARD, ignore_metadata_errors=False).data
        infos = datasets.info.DatasetInfosDict.from_dataset_card_data(data)
    except Exception as error:  # whatever YAML, the Hub's client and `datasets` raise
        return looked_at, [f"{CARD}: its YAML cannot be read: {shortened(error)}"]
    present = {name for name, splits in manifest["configs"].items() if splits}
    if absent := sorted(present - infos.keys()):
        return looked_at, [f"{CARD}: its YAML has no dataset_info of {', '.join(absent)}"]
    problems = []
    for config in sorted(present):
        for split, paths in data_files(build, config).items():
            features = [datasets.Features.from_arrow_schema(pq.read_schema(path)) for path in paths]
            if any(of_file != infos[config].features for of_file in features):
                problems.append(f"{CARD}: its YAML has other features for {config} than the {split} files")
        sizes = {split: info.num_examples for split, info in (infos[config].splits or {}).items()}
        rows = {split: info["rows"] for split, info in manifest["configs"][config].items()}
        problems += value_differences(sizes, rows, "the manifest", f"{CARD}: rows of {config}")
    card = (build / CARD).read_text(encoding="utf-8")
    problems += line_difference(CARD, card, fill_in(card_text(build, manifest, infos), filled_in(card)))
    for name, svg in figures(manifest).items():
        path = build / FIGURES / name
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        problems += line_difference(f"{FIGURES}/{name}", text, svg)
    return looked_at, problems


def _check_loading(build: Path, source: str, revision: str | None, manifest: Manifest) -> Result:
    splits = sum(len(splits) for splits in manifest["configs"].values())
    looked_at = f"{splits} splits of {sum(map(bool, manifest['configs'].values()))} configs, loaded and streamed"
    default = METHODS[manifest["recipe"]["builder"]].default_config
    return looked_at, list(load_problems(build, source, revision, manifest["configs"], default))


def _check_replay(build: Path, again: Path) -> Result:
    """Compare a build with its replay, byte for byte; where they differ, name the row or the line."""
    names, names_again = _file_names(build), _file_names(again)
    problems = [f"{name}: missing; the replay makes it" for name in sorted(names_again - names)]
    problems += [f"{name}: the replay makes no such file" for name in sorted(names - names_again)]
    differing = [
        name for name in sorted(names & names_again) if file_sha256(build / name) != file_sha256(again / name)
    ]
    if any(name.startswith("data/") for name in {*differing, *(names ^ names_again)}):
        problems += map(row_difference, changed_rows(build, again))
    for name in differing:
        if name == MANIFEST:
            problems += value_differences(read_manifest(build), read_manifest(again), "the replay", MANIFEST)
        elif name.endswith(".parquet"):
            problems.append(f"{name}: other bytes than the replay's")
        else:
            text, expected = ((folder / name).read_text(encoding="utf-8") for folder in (build, again))
            problems += line_difference(name, text, expected)
    return f"{len(names_again)} files made again from the responses, byte for byte", problems


def _file_names(build: Path) -> set[str]:
    files = (path.relative_to(build).as_posix() for path in build.rglob("*") if path.is_file())
    return set(files) - {GITATTRIBUTES}
