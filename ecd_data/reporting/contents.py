"""Collect what the page of a build shows: a summary of the whole build, and its chains."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecd_data.artifact.figures import figures
from ecd_data.artifact.manifest import read_manifest
from ecd_data.artifact.parquet import every_row
from ecd_data.core.errors import BuildError
from ecd_data.reporting.chains import read_chains
from ecd_data.requirements.taxonomy import load_taxonomy

MAX_ROUNDS = 20_000  # in a page, which then takes a browser a second or two to open
SUMMARY = ("recipe", "seeds", "hashes", "model", "models", "judge", "versions", "counts", "funnel", "calls", "configs")


@dataclass(frozen=True)
class Contents:
    """The contents of a page, as JSON data.

    summary: of the whole build: its name, a part of its manifest, its figures as SVG text, and the number of rounds
        that the page shows.
    chains: the chains with all their texts, as `read_chains` returns them.
    """

    summary: dict[str, Any]
    chains: dict[str, Any]


def read_contents(build: Path, name: str, max_rounds: int = MAX_ROUNDS) -> Contents:
    """Return the contents of the page of a build.

    Of a build with more than `max_rounds` rounds, only the chains whose ids come first are shown. Ids are hashes of
    the seeds, so this is a fair sample. The summary is always of the whole build.

    Args:
        build: the build directory.
        name: title of the page.
        max_rounds: the largest number of rounds in the page.

    Raises:
        BuildError: `build` is not a build of this version, or one of its files cannot be read.
    """
    manifest = read_manifest(build)
    seed_ids, shown = _first_chains(build, max_rounds)
    try:
        # The page draws the funnel itself.
        images = {file: svg for file, svg in figures(manifest).items() if file != "funnel.svg"}
        summary = {"name": name, **{key: manifest[key] for key in SUMMARY}, "checks": _checks(manifest)}
    except KeyError as error:
        raise BuildError(f"{build}: its manifest lacks {error}. Build it again with this version.") from None
    summary |= {"figures": images, "shown": shown}
    return Contents(summary, read_chains(build, seed_ids, manifest["recipe"]["votes"]))


def _checks(manifest: dict[str, Any]) -> dict[str, str]:
    """Return `code` or `judge` for each operation of the build that is in the taxonomy."""
    taxonomy = load_taxonomy()
    operations = [taxonomy[name] for name in manifest["funnel"]["by_operation"] if name in taxonomy]
    return {operation.id: "judge" if operation.check == "judge" else "code" for operation in operations}


def _first_chains(build: Path, max_rounds: int) -> tuple[set[str], int]:
    """Return the ids of the first chains (at least one) with at most `max_rounds` rounds, and how many they have."""
    seed_ids: set[str] = set()
    rounds = 0
    for chain in sorted(every_row(build, "chains", ["id", "rounds"]), key=lambda chain: str(chain["id"])):
        if seed_ids and rounds + chain["rounds"] > max_rounds:
            break
        seed_ids.add(chain["id"])
        rounds += chain["rounds"]
    return seed_ids, rounds
