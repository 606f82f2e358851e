"""Hashes of files and folders."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ecd_data.core.hashing import file_sha256, files_sha256


def test_a_file_is_hashed_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(b"ecd" * 700_000)
    assert file_sha256(path) == hashlib.sha256(b"ecd" * 700_000).hexdigest()


def test_a_folder_is_its_files_names_and_bytes(tmp_path: Path) -> None:
    for folder in ("here", "there"):
        (tmp_path / folder / "sub").mkdir(parents=True)
        (tmp_path / folder / "sub" / "a").write_text("1")
        (tmp_path / folder / "b").write_text("2")

    def hashed(folder: str, *names: str) -> str:
        return files_sha256(tmp_path / folder, [tmp_path / folder / name for name in names])

    assert hashed("here", "sub/a", "b") == hashed("there", "b", "sub/a")
    assert len({hashed("here", "sub/a", "b"), hashed("here", "b"), hashed("here", "sub/a")}) == 3
    (tmp_path / "here" / "b").rename(tmp_path / "here" / "c")
    assert hashed("here", "c") != hashed("there", "b")
