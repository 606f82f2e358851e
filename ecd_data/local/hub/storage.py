"""The files of a local Hub. Contents lie under their hash; a commit is written before the refs that name it.

blobs/<git sha1>   lfs/<sha256>   repos/dataset/org/name/{refs.json,commits/<oid>.json}   collections.json

Every file is replaced as a whole and memory follows the disk, so that a reader sees the old state or the new one, also
after a crash or with a full disk. There are no locks: a Hub runs on one event loop, and a handler that does not await
between reading the refs and replacing them is the only one that runs.
"""

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO, Any

from ecd_data.local.hub.repo import Commit, File, HubError, Refs, Repo, git_sha1, new_commit

GITATTRIBUTES = b"*.parquet filter=lfs diff=lfs merge=lfs -text\n"


class Storage:
    """The repositories and contents under one directory, shared by all requests of one Hub."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.repos = {(repo.type, repo.id): repo for repo in map(_read, directory.glob("repos/*/*/*/refs.json"))}
        self._collections = directory / "collections.json"
        exists = self._collections.exists()
        self.collections: dict[str, Any] = json.loads(self._collections.read_bytes()) if exists else {}

    # ---- repositories ------------------------------------------------------------------------------------------
    def create(self, repo: Repo, author: str) -> None:
        """Add a repository, with its first commit."""
        shutil.rmtree(self._folder(repo), ignore_errors=True)  # what a deletion left that was interrupted
        tree = {".gitattributes": self.add_blob(GITATTRIBUTES)}
        self.commit(repo, "main", new_commit(None, "initial commit", "", author, tree))
        self.repos[repo.type, repo.id] = repo

    def commit(self, repo: Repo, branch: str, commit: Commit) -> None:
        """Put a commit at the head of a branch."""
        _write_json(self._folder(repo) / "commits" / f"{commit.oid}.json", asdict(commit))
        repo.commits[commit.oid] = commit
        self.set_refs(repo, replace(repo.refs, branches={**repo.refs.branches, branch: commit.oid}))

    def set_refs(self, repo: Repo, refs: Refs) -> None:
        """Replace the refs of a repository, on disk and then in memory."""
        _write_json(self._folder(repo) / "refs.json", asdict(refs))
        repo.refs = refs

    def delete(self, repo: Repo) -> None:
        """Delete a repository; contents stay, since others may share them."""
        (self._folder(repo) / "refs.json").unlink()
        del self.repos[repo.type, repo.id]
        shutil.rmtree(self._folder(repo), ignore_errors=True)

    def set_collection(self, slug: str, collection: dict[str, Any]) -> None:
        """Add or replace a collection."""
        collections = {**self.collections, slug: collection}
        _write_json(self._collections, collections)
        self.collections = collections

    # ---- contents ----------------------------------------------------------------------------------------------
    def add_blob(self, data: bytes) -> File:
        """Keep the content of a regular file."""
        file = File(len(data), sha1=git_sha1("blob", data))
        if not self.path(file).exists():
            with _replacing(self.path(file)) as out:
                out.write(data)
        return file

    async def add_lfs(self, oid: str, chunks: AsyncIterable[bytes]) -> None:
        """Keep an LFS object.

        Raises:
            HubError: 400, the hash of its content is not its name.
        """
        digest = hashlib.sha256()
        with _replacing(self.directory / "lfs" / oid) as out:
            async for chunk in chunks:
                digest.update(chunk)
                out.write(chunk)
            if digest.hexdigest() != oid:
                raise HubError(400, "sha256 of the body does not match the object id")

    def lfs(self, oid: str) -> File | None:
        """Return the LFS object of that hash, None if there is none.

        Raises:
            HubError: 400, it is not a hash, and so not a name that may become a path.
        """
        if not re.fullmatch(r"[0-9a-f]{64}", oid):
            raise HubError(400, f"not a SHA-256: {oid!r}")
        path = self.directory / "lfs" / oid
        return File(path.stat().st_size, sha256=oid) if path.exists() else None

    def path(self, file: File) -> Path:
        """Return the path of a file's content."""
        return self.directory / ("lfs" if file.is_lfs else "blobs") / file.digest

    def _folder(self, repo: Repo) -> Path:
        return self.directory / "repos" / repo.type / repo.id


@contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    """Yield a file that takes the place of `path` when the block ends, or is removed when the block raises."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        try:
            yield file
            file.close()
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise


def _write_json(path: Path, value: dict[str, Any]) -> None:
    with _replacing(path) as file:
        file.write(json.dumps(value).encode())


def _read(refs: Path) -> Repo:
    """Return the repository in the folder of its `refs.json`."""
    type_, namespace, name = refs.parent.parts[-3:]
    commits = map(_read_commit, (refs.parent / "commits").glob("*.json"))
    return Repo(type_, f"{namespace}/{name}", Refs(**json.loads(refs.read_bytes())), {c.oid: c for c in commits})


def _read_commit(path: Path) -> Commit:
    state = json.loads(path.read_bytes())
    return Commit(**{**state, "tree": {name: File(**file) for name, file in state["tree"].items()}})
