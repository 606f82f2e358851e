"""The build directory: written with everything that a release holds, and in place as a whole or not at all.

README.md  manifest.json  recipe.yaml  data/<config>/<split>-00000-of-00001.parquet  figures/  schema/  seeds/
responses/
"""

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets

from ecd_data.artifact.card import write_card
from ecd_data.artifact.figures import write_figures
from ecd_data.artifact.manifest import CARD, MANIFEST, list_files, make_manifest, read_manifest, write_manifest
from ecd_data.artifact.provenance import Provenance
from ecd_data.artifact.replay_inputs import write_inputs
from ecd_data.artifact.schema import configs, schema_text
from ecd_data.artifact.scratch import scratch
from ecd_data.artifact.validation import check_rows, file_problems, require_valid
from ecd_data.calls.exchange import write_parquet
from ecd_data.calls.store import Store
from ecd_data.core.errors import BuildError, EcdError, StoreError, cannot_write

MAX_SHARD_SIZE = "500MB"  # fixed, so that the number of shards follows from the rows alone
STEPS = ("responses", "manifest", "validation", "card")  # after the configs
OnStep = Callable[[str, int, int], None]


def no_step(name: str, number: int, total: int) -> None:
    """Show no progress."""


@dataclass(frozen=True)
class StoredCalls:
    """The calls behind a build.

    store: holds the responses.
    keys: of all calls, in the order of their use.
    failures: key and reason code of the calls that failed for good while the chains were generated.
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
    """Write a build directory at `out`, and return its manifest.

    An older build there is replaced at the end; until then, and after a failure, it stays as it was. All responses are
    stored by then, so the same command continues where it stopped.

    Args:
        builders: one for each config.
        provenance: what the rows are made from, for manifest and card.
        calls: the calls behind the rows.
        out: the directory.
        on_step: called as each step (the configs, then `STEPS`) begins, with its name, its number from 0 and the
            number of steps.

    Raises:
        BuildError: `out` holds something else, or cannot be written.
        EcdError: a builder failed; see the layers below.
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
    """Write a whole build into a folder that does not exist yet, validate it, and return its manifest."""
    method = provenance.recipe.builder
    into.mkdir()
    infos = {}
    for builder in builders:
        begin(builder.config.name)
        infos[builder.config.name] = _prepare(builder, into)
    begin("responses")
    # In the order of their use, failures included: with these and the inputs, anyone can replay the build.
    (into / "responses").mkdir()
    write_parquet(calls.store.calls(calls.keys), into / "responses" / "responses-00000-of-00001.parquet")
    _check_failures(calls)  # now that the responses are written
    write_inputs(into, provenance)
    (into / "schema").mkdir()
    for config in configs(method):
        (into / "schema" / f"{config}.schema.json").write_text(schema_text(config, method), encoding="utf-8")
    begin("manifest")
    manifest = make_manifest(into, provenance)
    write_figures(into, manifest)
    files = list_files(into)
    begin("validation")
    # The files are hashed before and after, so that the rows checked here are those that they hold.
    report, problems = check_rows(into, manifest)
    require_valid(into, problems)
    manifest |= {"configs": report.configs, "files": files}
    write_manifest(into, manifest)
    begin("card")
    write_card(into, manifest, infos)
    require_valid(into, file_problems(into, read_manifest(into)))
    return manifest


def _check_failures(calls: StoredCalls) -> None:
    """Raise a StoreError if another run has made a failed call again: a replay would then give other rows."""
    if repeated := sum(calls.store.failure(key) != reason for key, reason in calls.failures):
        raise StoreError(
            f"{repeated} calls that failed in this run have since been answered in another run with the same store, "
            "or failed there for another reason: run the same command again to use those answers."
        )


def check_out(out: Path) -> None:
    """Raise a BuildError unless a path is free, an empty folder or an older build."""
    out = out.resolve()
    if out.is_dir():
        if out == Path.cwd():
            raise BuildError(f"{out}: is the folder you are in, which cannot be replaced. Choose another --out.")
        if out.is_mount():
            raise BuildError(f"{out}: is a mount point, which cannot be replaced. Choose a folder in it as --out.")
        if not any(out.iterdir()):
            return
        try:
            of_build = {MANIFEST, CARD, *read_manifest(out)["files"]}
        except BuildError:
            raise BuildError(
                f"{out}: is neither empty nor a build directory. Choose another --out, or empty it."
            ) from None
        names = (path.relative_to(out).as_posix() for path in sorted(out.rglob("*")) if path.is_file())
        if extra := [name for name in names if name not in of_build]:
            raise BuildError(
                f"{out}: has files that are not part of the build ({', '.join(extra[:3])}) and would be lost. Move "
                "them away, or choose another --out."
            )
    elif out.exists():
        raise BuildError(f"{out}: is a file. Choose another --out.")


def _prepare(builder: datasets.DatasetBuilder, into: Path) -> datasets.DatasetInfo:
    """Run one builder, and put its Parquet files where `load_dataset` and people look for them."""
    config = builder.config.name
    work = into / "work"
    prepared = work / "prepared"  # in a folder of its own, since `datasets` leaves lock files beside it
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


def _put_in_place(build: Path, out: Path) -> None:
    if not out.exists():
        os.replace(build, out)
        return
    scratch_folder = build.parent
    # Beside the scratch folder until it is replaced, since that folder is removed whatever happens.
    old = scratch_folder.with_name(f"{scratch_folder.name}.old")
    out.rename(old)
    try:
        build.rename(out)
    except BaseException:
        old.rename(out)
        raise
    old.rename(scratch_folder / "old")
