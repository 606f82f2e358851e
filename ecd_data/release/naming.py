"""A build under the id that it is published by: the commands and programs that its card shows name the repository."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ecd_data.artifact.card import REPOSITORY
from ecd_data.artifact.manifest import CARD, MANIFEST, read_manifest


def fill_in(card: str, repo_id: str) -> str:
    """Return the card with the id of its repository in the commands and programs that it shows, and nowhere else.

    Text of seeds and models never begins a line of a card, so it cannot pass for a block of code.
    """
    before = filled_in(card)
    return re.sub(r"(?ms)^```\w+$.*?^```$", lambda block: block[0].replace(before, repo_id), card)


def filled_in(card: str) -> str:
    """Return the repository id that a card names; before it is published, that is `REPOSITORY`."""
    match = re.search(r'^\w+ = load_dataset\("([\w.-]+/[\w.-]+)"\)', card, re.MULTILINE)
    return match[1] if match else REPOSITORY


@contextmanager
def staged_with_repo_id(build: Path, repo_id: str) -> Iterator[Path]:
    """Yield the build as it is published: a folder of links to its files, and a card that names the repository.

    Raises:
        BuildError: `build` is not a build directory.
    """
    with tempfile.TemporaryDirectory(prefix="ecd-release-") as staged:
        for name in (MANIFEST, *read_manifest(build)["files"]):
            link = Path(staged, name)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to((build / name).resolve())
        card = (build / CARD).read_text(encoding="utf-8")
        Path(staged, CARD).write_text(fill_in(card, repo_id), encoding="utf-8")
        yield Path(staged)
