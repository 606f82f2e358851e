"""Verification of a release: all that can be proved of it from its files alone, and with a replay the rest.

    for check in verify(build, "org/ecd", revision):
        print(check.name, check.looked_at, check.problems)

Where the seeds came from, and how many repeated others, stands in the manifest and the card alone: no file proves it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import datasets
import pyarrow.parquet as pq
from huggingface_hub import DatasetCard

from ecd_data.artifact.card import card_text
from ecd_data.artifact.figures import FOLDER, figures
from ecd_data.artifact.manifest import CARD, NAME, code_hash, read_manifest, statistics_from_files, versions
from ecd_data.artifact.parquet import data_files, read_rows
from ecd_data.artifact.replay_inputs import RECIPE, read_inputs
from ecd_data.artifact.schema import configs, schemas_hash
from ecd_data.artifact.validation import GITATTRIBUTES, changed_files, check_rows, row_name, unaccounted
from ecd_data.calls.exchange import read_parquet
from ecd_data.core.errors import EcdError
from ecd_data.core.hashing import canonical_json, file_sha256, sha256
from ecd_data.core.recipe import Recipe, load_recipe
from ecd_data.core.request import JUDGE, Model, Response, request_key
from ecd_data.methods import METHODS, make_plan
from ecd_data.methods.judge_trial import try_judge
from ecd_data.methods.prompts import prompts_hash
from ecd_data.proof.comparison import RowChange, changed_rows, differing_values
from ecd_data.proof.loading import load_problems
from ecd_data.release.naming import fill_in, filled_in
from ecd_data.requirements.calibration import Calibration, calibration, items
from ecd_data.requirements.taxonomy import taxonomy_hash

LONGEST = 160  # characters of a value that a message shows
# Parts of a manifest that are no numbers counted from the files.
OTHER_PARTS = ("format", "recipe", "seeds", "hashes", "model", "models", "judge", "versions", "configs", "files")

Manifest = Mapping[str, Any]
Found = tuple[str, list[str]]  # what was looked at, and what is wrong


@dataclass(frozen=True)
class Check:
    """One check of a release: its name, what it looked at, and what is wrong, each in words."""

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
    """The checks of a release, one by one as they are made.

    Args:
        build: the release as a directory.
        source, revision: what its users give to `load_dataset`.
        replay: makes the build again from what it publishes, and says where; without it that check is left out.
        on_check: called with the name of each check before it is made.

    Raises:
        BuildError: it is no build.
    """
    manifest = read_manifest(build)
    checks: dict[str, Callable[[], Found]] = {
        "code": lambda: _code(manifest),
        "files": lambda: (f"{len(manifest['files'])} files by their hashes", changed_files(build, manifest)),
        "rows": lambda: _rows(build, manifest),
        "inputs": lambda: _inputs(build, manifest),
        "responses": lambda: _responses(build, manifest),
        "manifest": lambda: _manifest(build, manifest),
        "card": lambda: _card(build, manifest),
        "load_dataset": lambda: _loading(build, source, revision, manifest),
    }
    if replay:
        checks["replay"] = lambda: _replay(build, replay(build))
    for name, check in checks.items():
        on_check(name)
        try:
            looked_at, problems = check()
        except EcdError as error:
            looked_at, problems = "stopped", [str(error)]
        except (OSError, TypeError, ValueError, LookupError, AttributeError) as error:
            # Whoever edits a manifest by hand may leave any value anywhere.
            looked_at, problems = "stopped", [f"cannot be checked, something is of another shape: {_short(error)}"]
        yield Check(name, looked_at, tuple(problems))


def _rows(build: Path, manifest: Manifest) -> Found:
    report, problems = check_rows(build, manifest)
    problems = [*unaccounted(report, manifest), *problems]
    rows = sum(number for splits in report.rows.values() for number in splits.values())
    return f"{rows:,} rows; {report.rechecked:,} requirements checked again by code on both sides", problems


def _inputs(build: Path, manifest: Manifest) -> Found:
    """Recipe, seeds and schemas are what the manifest tells of, and every seed has its chain."""
    recipe, corpus, contamination = read_inputs(build, manifest)
    schemas = {
        config: (build / "schema" / f"{config}.schema.json").read_text(encoding="utf-8")
        for config in configs(recipe.builder)
        if config in manifest["configs"]  # older releases have no ties
    }
    told = {
        "recipe": recipe.to_dict(),
        "hashes.seeds": corpus.sha256,
        "hashes.decontamination": contamination.sha256 if contamination else None,
        "hashes.schemas": sha256(canonical_json(schemas)),
        "seeds.count": len(corpus.seeds),
        "seeds.groups": len({seed.group for seed in corpus.seeds}),
    }
    hashes, seeds = manifest["hashes"], manifest["seeds"]
    recorded = {
        "recipe": manifest["recipe"],
        "hashes.seeds": hashes["seeds"],
        "hashes.decontamination": hashes.get("decontamination"),
        "hashes.schemas": hashes["schemas"],
        "seeds.count": seeds["count"],
        "seeds.groups": seeds["groups"],
    }
    problems = list(_differing(recorded, told, "by recipe.yaml, seeds/ and schema/"))
    for name, kind in (("sources", list), ("duplicates", int), ("decontaminated_from", list)):
        if type(seeds[name]) is not kind:
            problems.append(f"seeds.{name}: is {_short(seeds[name])}, not of the type {kind.__name__}")
    groups = {seed.seed_id: seed.group for seed in corpus.seeds}
    for split, paths in data_files(build, "chains").items():
        for chain in read_rows(paths, ["id", "group"]):
            if (group := groups.pop(chain["id"], None)) != chain["group"]:
                belongs = f"its group is {group}, not {chain['group']}" if group else "of no seed, or there twice"
                problems.append(f"{row_name('chains', split, chain['id'])}: {belongs}")
    problems += (f"seed {id_} has no chain" for id_ in groups)
    return f"recipe, schemas, {len(corpus.seeds):,} seeds, their groups and splits", problems


def _responses(build: Path, manifest: Manifest) -> Found:
    """Every response has the key of its request, and is of the model, of one with a name or of the judge."""
    named = {name: Model(**model) for name, model in manifest["models"].items()}
    model_itself = Model(**manifest["model"])
    judge = named.pop(JUDGE, model_itself)
    others = {model_itself, *named.values()}
    number, problems = 0, []
    for file in sorted((build / "responses").glob("*.parquet")):
        for call in read_parquet(file):
            number += 1
            if call.model not in ({judge} if call.decode_request().role == JUDGE else others):
                problems.append(
                    f"{file.name}: response {call.key[:16]}... is of {call.model}, not of the manifest's model"
                )
    return f"{number:,} responses by the keys of their requests", problems


def _manifest(build: Path, manifest: Manifest) -> Found:
    """The manifest's numbers are those of the files; what it says of the judge holds together."""
    told = statistics_from_files(build, manifest["recipe"]["builder"])
    problems = [f"{name}: is nothing that a manifest tells" for name in manifest.keys() - {*OTHER_PARTS, *told}]
    problems += _differing({name: manifest.get(name) for name in told}, told, "by the files")
    recipe, judge = load_recipe(str(build / RECIPE)), manifest["judge"]
    drawn = make_plan(recipe).operations
    if (judge is not None) != any(operation.check == "judge" for operation in drawn):
        problems.append("judge: the recipe draws judged operations, or the manifest tells of a judge, but not both")
    if judge:
        tried = _calibration(build, recipe, Model(**judge["model"]))
        reliable = tried.overall.balanced_accuracy >= recipe.judge_accuracy
        by_votes = {"used": reliable, "calibration": dataclasses.asdict(tried)}
        problems += _differing({name: judge[name] for name in by_votes}, by_votes, "by its votes", "judge")
    return "its numbers, counted again from rows and responses", problems


def _calibration(build: Path, recipe: Recipe, judge: Model) -> Calibration:
    """How the judge did in its trial, by the published votes."""
    files = sorted((build / "responses").glob("*.parquet"))
    rows = (row for row in read_rows(files, ["key", "role", "response"]) if row["role"] == "judge")
    votes = {row["key"]: row["response"] for row in rows}
    plan, ruled = make_plan(recipe), []
    for item in items(recipe.judge_items):
        trial = try_judge(item, plan)
        answers = [Response(**json.loads(votes[request_key(judge, request)])) for request in next(trial)]
        try:
            trial.send(answers)
        except StopIteration as done:
            ruled.append(done.value)
    return calibration(ruled)


def _card(build: Path, manifest: Manifest) -> Found:
    """Card and figures are those that the manifest makes; the card's features and sizes are those of the files."""
    said = "YAML, and every line and figure as the manifest makes it"
    try:
        data = DatasetCard.load(build / CARD, ignore_metadata_errors=False).data
        infos = datasets.info.DatasetInfosDict.from_dataset_card_data(data)
    except Exception as error:  # whatever YAML, the Hub's client and `datasets` make of what is there
        return said, [f"{CARD}: its YAML cannot be read: {_short(error)}"]
    present = {name for name, splits in manifest["configs"].items() if splits}
    if absent := sorted(present - infos.keys()):
        return said, [f"{CARD}: its YAML has no dataset_info of {', '.join(absent)}"]
    problems = []
    for config in sorted(present):
        for split, paths in data_files(build, config).items():
            features = [datasets.Features.from_arrow_schema(pq.read_schema(path)) for path in paths]
            if any(found != infos[config].features for found in features):
                problems.append(f"{CARD}: its YAML has other features of {config} than the {split} files")
        sizes = {split: info.num_examples for split, info in (infos[config].splits or {}).items()}
        rows = {split: info["rows"] for split, info in manifest["configs"][config].items()}
        problems += _differing(sizes, rows, "by the manifest", f"{CARD}: rows of {config}")
    card = (build / CARD).read_text(encoding="utf-8")
    problems += _line(CARD, card, fill_in(card_text(build, manifest, infos), filled_in(card)))
    for name, svg in figures(manifest).items():
        path = build / FOLDER / name
        problems += _line(f"{FOLDER}/{name}", path.read_text(encoding="utf-8") if path.exists() else "", svg)
    return said, problems


def _loading(build: Path, source: str, revision: str | None, manifest: Manifest) -> Found:
    splits = sum(len(splits) for splits in manifest["configs"].values())
    said = f"{splits} splits of {sum(map(bool, manifest['configs'].values()))} configs, loaded and streamed"
    default = METHODS[manifest["recipe"]["builder"]].default_config
    return said, list(load_problems(build, source, revision, manifest["configs"], default))


def _code(manifest: Manifest) -> Found:
    """Schemas, prompts and taxonomy are those of this code, unless the build was made by other code."""
    other = [f"{name} {version}" for name, version in versions().items() if manifest["versions"].get(name) != version]
    if other or manifest["hashes"]["code"] != code_hash():
        made = ", ".join(f"{name} {version}" for name, version in manifest["versions"].items())
        here = ", ".join(other) or "another state of its code"
        return f"made by other code, {made}; here: {here}", []
    schemas = schemas_hash(manifest["recipe"]["builder"])
    shaping = {"schemas": schemas, "prompts": prompts_hash(), "taxonomy": taxonomy_hash()}
    recorded = {name: manifest["hashes"][name] for name in shaping}
    return "as here, with schemas, prompts and taxonomy", list(_differing(recorded, shaping, "here", "hashes"))


def _replay(build: Path, again: Path) -> Found:
    """The build that was made again is the same, byte for byte; where it is not, which row or line differs."""
    ours, theirs = _names(again), _names(build)
    problems = [f"{name}: missing; the replay makes it" for name in sorted(ours - theirs)]
    problems += [f"{name}: the replay makes no such file" for name in sorted(theirs - ours)]
    differing = [n for n in sorted(ours & theirs) if file_sha256(build / n) != file_sha256(again / n)]
    if any(name.startswith("data/") for name in {*differing, *(ours ^ theirs)}):
        problems += map(_told, changed_rows(build, again))
    for name in differing:
        if name == NAME:
            problems += _differing(read_manifest(build), read_manifest(again), "by the replay", NAME)
        elif name.endswith(".parquet"):
            problems.append(f"{name}: other bytes than the replay's")
        else:
            problems += _line(name, *((folder / name).read_text(encoding="utf-8") for folder in (build, again)))
    return f"{len(ours)} files made again from the responses, byte for byte", problems


def _told(change: RowChange) -> str:
    where = row_name(change.config, change.split, change.id)
    return {
        "added": f"{where}: missing; the replay makes it",
        "removed": f"{where}: the replay makes no such row",
        "changed": f"{where}: the replay makes it with another {', '.join(change.columns)}",
    }[change.kind]


def _names(build: Path) -> set[str]:
    files = (path.relative_to(build).as_posix() for path in build.rglob("*") if path.is_file())
    return set(files) - {GITATTRIBUTES}


def _differing(recorded: object, found: object, source: str, where: str = "") -> Iterator[str]:
    """What a manifest has, and should have, wherever that differs."""
    for path, ours, theirs in differing_values(recorded, found, where):
        yield f"{path}: is {_short(ours)}, but {source} {_short(theirs)}"


def _line(name: str, found: str, expected: str) -> Iterator[str]:
    """The first line in which two texts differ."""
    pairs = zip_longest(found.splitlines(), expected.splitlines(), fillvalue="(nothing)")
    for number, (ours, theirs) in enumerate(pairs, 1):
        if ours != theirs:
            yield f"{name}, line {number}: is {_short(ours)}, not {_short(theirs)}"
            return
    if found != expected:
        yield f"{name}: other line ends"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST else text[:LONGEST] + " ..."
