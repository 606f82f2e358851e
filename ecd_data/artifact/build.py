"""The build directory: rows in, everything that a release holds out, in place at once or not at all.

README.md  manifest.json  recipe.yaml  data/<config>/<split>-00000-of-00001.parquet  figures/  schema/  seeds/
responses/
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets

from ecd_data.artifact.card import write_card
from ecd_data.artifact.figures import write_figures
from ecd_data.artifact.manifest import CARD, NAME, list_files, make_manifest, read_manifest, write_manifest
from ecd_data.artifact.provenance import Provenance
from ecd_data.artifact.replay_inputs import write_inputs
from ecd_data.artifact.schema import configs, schema_text
from ecd_data.artifact.scratch import scratch
from ecd_data.artifact.validation import changed_files, check_rows, refuse
from ecd_data.calls.exchange import write_parquet
from ecd_data.calls.store import Store
from ecd_data.core.errors import BuildError, EcdError, StoreError, cannot_write

MAX_SHARD_SIZE = "500MB"  # fixed, so that the number of shards follows from the rows alone
STEPS = ("responses", "manifest", "validation", "card")  # after the configs


def no_step(name: str, number: int, total: int) -> None:
    """Show no progress."""


OnStep = Callable[[str, int, int], None]


@dataclass(frozen=True)
class StoredCalls:
    """The calls behind a build.

    store: holds the responses.
    keys: of all calls, in the order of their use.
    failures: key and reason code of those among them that failed for good while the rows were made.
    """

    store: Store
    keys: Iterable[str]
    failures: Iterable[tuple[str, str]] = ()


def write_build(
    builders: Sequence[datasets.DatasetBuilder],
    provenance: Provenance,
    calls: StoredCalls,
    out: Path,
    on_step: OnStep = no_step,
) -> dict[str, Any]:
    """Prepare every builder's config into a build directory; returns the manifest.

    An older build at `out` is replaced at the end; until then, and after a failure, it stays as it was. Responses
    are in the store by then, so the same command continues where it stopped.

    Args:
        builders: one for each config.
        provenance: what the rows are made from, for manifest and card.
        calls: the responses that they took.
        out: the directory.
        on_step: called as each step (the configs, then `STEPS`) begins, with its name, its number from 0 and how many
            there are.

    Raises:
        BuildError: `out` holds something else, or cannot be written.
        EcdError: whatever stopped the generation.
    """
    out = out.resolve()  # a link is followed, not replaced
    check_out(out)
    steps = [*(builder.config.name for builder in builders), *STEPS]

    def begin(step: str) -> None:
        on_step(step, steps.index(step), len(steps))

    try:
        with scratch(out) as folder:
            manifest = _write(folder / "build", builders, provenance, calls, begin)
            _put_in_place(folder / "build", out)
    except OSError as error:
        raise cannot_write(out, error) from error
    return manifest


def _write(
    into: Path,
    builders: Sequence[datasets.DatasetBuilder],
    provenance: Provenance,
    calls: StoredCalls,
    begin: Callable[[str], None],
) -> dict[str, Any]:
    """Writes a whole build into a folder that is not there yet, and validates it; returns the manifest."""
    method = provenance.recipe.builder
    into.mkdir()
    infos = {}
    for builder in builders:
        begin(builder.config.name)
        infos[builder.config.name] = _prepare(builder, into)
    begin("responses")
    # In the order of their use, and the failures among them: with these and the inputs anyone can replay it.
    (into / "responses").mkdir()
    write_parquet(calls.store.calls(calls.keys), into / "responses" / "responses-00000-of-00001.parquet")
    _check_failures(calls)  # now that no answer can come into them any more
    write_inputs(into, provenance)
    (into / "schema").mkdir()
    for config in configs(method):
        (into / "schema" / f"{config}.schema.json").write_text(schema_text(config, method), encoding="utf-8")
    begin("manifest")
    manifest = make_manifest(into, provenance)
    write_figures(into, manifest)
    files = list_files(into)
    begin("validation")
    # Between two looks at the bytes of the files: what is checked, counted and hashed here is what they hold.
    report, problems = check_rows(into, manifest)
    refuse(into, problems)
    manifest |= {"configs": report.configs, "files": files}
    write_manifest(into, manifest)
    begin("card")
    write_card(into, manifest, infos)
    refuse(into, changed_files(into, read_manifest(into)))
    return manifest


def _check_failures(calls: StoredCalls) -> None:
    """Raise a StoreError if another run has asked a failed call again: a replay would then make other rows."""
    if asked := sum(calls.store.failure(key) != reason for key, reason in calls.failures):
        raise StoreError(
            f"{asked} calls that failed in this run were answered in another one with the same store meanwhile, or "
            "failed there for another reason: run the same command again, it takes those answers."
        )


def check_out(out: Path) -> None:
    """Lets a path pass that is free, empty or an older build.

    Raises:
        BuildError: something else is there.
    """
    out = out.resolve()
    if out.is_dir():
        if out == Path.cwd():
            raise BuildError(f"{out}: is the folder you are in, which cannot be replaced. Choose another --out.")
        if out.is_mount():
            raise BuildError(f"{out}: is a mount point, which cannot be replaced. Choose a folder in it as --out.")
        if not any(out.iterdir()):
            return
        try:
            listed = {NAME, CARD, *read_manifest(out)["files"]}
        except BuildError:
            raise BuildError(f"{out}: is not empty and holds no build. Choose another --out, or empty it.") from None
        names = (path.relative_to(out).as_posix() for path in sorted(out.rglob("*")) if path.is_file())
        if extra := [name for name in names if name not in listed]:
            raise BuildError(
                f"{out}: holds files that are not of the build ({', '.join(extra[:3])}) and would be lost. Move them "
                "away, or choose another --out."
            )
    elif out.exists():
        raise BuildError(f"{out}: is a file. Choose another --out.")


def _prepare(builder: datasets.DatasetBuilder, into: Path) -> datasets.DatasetInfo:
    """Runs one builder and puts its Parquet files where `load_dataset` and people look for them."""
    config = builder.config.name
    # A folder of its own inside another: `datasets` leaves lock files beside it.
    work = into / "work"
    prepared = work / "prepared"
    try:
        builder.download_and_prepare(str(prepared), file_format="parquet", max_shard_size=MAX_SHARD_SIZE)
    except datasets.exceptions.DatasetGenerationError as error:
        if isinstance(error.__cause__, (EcdError, OSError)):
            raise error.__cause__ from None
        raise
    folder = into / "data" / config
    folder.mkdir(parents=True)
    for split in builder.info.splits or ():
        shards = sorted(prepared.glob(f"*-{split}*.parquet"))
        for number, shard in enumerate(shards):
            shard.rename(folder / f"{split}-{number:05d}-of-{len(shards):05d}.parquet")
    shutil.rmtree(work)
    return builder.info


def _put_in_place(made: Path, out: Path) -> None:
    if out.exists():
        # Not in the scratch folder before it is replaced: that folder goes whatever happens.
        old = made.parent.with_name(f"{made.parent.name}.old")
        out.rename(old)
        try:
            made.rename(out)
        except BaseException:
            old.rename(out)
            raise
        old.rename(made.with_name("old"))
    else:
        os.replace(made, out)
