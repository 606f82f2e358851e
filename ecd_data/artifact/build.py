"""The build directory: rows in, everything that a release holds out, in place at once or not at all.

README.md  manifest.json  recipe.yaml  data/<config>/<split>-00000-of-00001.parquet  figures/  schema/  seeds/
responses/
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import datasets

from ecd_data.artifact.card import write_card
from ecd_data.artifact.figures import write_figures
from ecd_data.artifact.inputs import write_inputs
from ecd_data.artifact.manifest import CARD, NAME, list_files, make_manifest, read_manifest, write_manifest
from ecd_data.artifact.schema import configs, schema_text
from ecd_data.artifact.scratch import scratch
from ecd_data.artifact.validation import changed_files, check_rows, refuse
from ecd_data.calls.exchange import write_parquet
from ecd_data.calls.store import Store
from ecd_data.errors import BuildError, EcdError, StoreError
from ecd_data.generation import Generation

MAX_SHARD_SIZE = "500MB"  # fixed, so that the number of shards follows from the rows alone
STEPS = ("responses", "manifest", "validation", "card")  # after the configs


def build(
    builders: Sequence[datasets.DatasetBuilder],
    generation: Generation,
    keys: Iterable[str],
    out: Path,
    on_step: Callable[[str, int, int], None] = lambda name, number, total: None,
    failed: Iterable[tuple[str, str]] = (),
) -> dict[str, Any]:
    """Prepares every builder's config into `out` and returns the manifest.

    `keys` are of the responses they used, `failed` of the calls among them that failed for good, with the reasons.

    `on_step` is called as each step (the configs, then `STEPS`) begins, with its name, its number from 0 and how many
    there are.

    An older build at `out` is replaced at the end; until then, and after a failure, it stays as it was. Responses
    are in the store by then, so the same command goes on where it stopped.

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
            manifest = _write(folder / "build", builders, generation, keys, failed, begin)
            _put_in_place(folder / "build", out)
    except OSError as error:
        raise cannot_write(out, error) from error
    return manifest


def _write(
    into: Path,
    builders: Sequence[datasets.DatasetBuilder],
    generation: Generation,
    keys: Iterable[str],
    failed: Iterable[tuple[str, str]],
    begin: Callable[[str], None],
) -> dict[str, Any]:
    """Writes a whole build into a folder that is not there yet, and validates it; returns the manifest."""
    into.mkdir()
    infos = {}
    for builder in builders:
        begin(builder.config.name)
        infos[builder.config.name] = _prepare(builder, into)
    begin("responses")
    # In the order of their use, and the failures among them: with these and the inputs anyone can replay it.
    (into / "responses").mkdir()
    write_parquet(generation.store.stored(keys), into / "responses" / "responses-00000-of-00001.parquet")
    check_failures(generation.store, failed)  # now that no answer can come into them any more
    write_inputs(into, generation)
    (into / "schema").mkdir()
    for config in configs(generation.recipe.builder):
        text = schema_text(config, generation.recipe.builder)
        (into / "schema" / f"{config}.schema.json").write_text(text, encoding="utf-8")
    begin("manifest")
    manifest = make_manifest(into, generation)
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


def check_failures(store: Store, failed: Iterable[tuple[str, str]]) -> None:
    """Lets a build pass whose failed calls nobody has asked again meanwhile: a replay would make other rows of those.

    Raises:
        StoreError: another run with the same store has.
    """
    if asked := sum(store.failure(key) != reason for key, reason in failed):
        raise StoreError(
            f"{asked} calls that failed in this run were answered in another one with the same store meanwhile, or "
            "failed there for another reason: run the same command again, it takes those answers."
        )


def cannot_write(path: Path, error: OSError) -> BuildError:
    """What a disk that is full, or a folder that may not be written to, means for a run."""
    return BuildError(
        f"{path}: cannot be written ({error.strerror or error}). Make room or choose another --out, then run the same "
        "command again: every response so far is stored and will not be asked for twice."
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
