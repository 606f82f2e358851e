"""What a local Hub keeps on disk. Contents lie under their hash; a commit is written before the refs that name it.

blobs/<git sha1>   lfs/<sha256>   repos/dataset/org/name/{refs.json,commits/<oid>.json}   collections.json

Every file is replaced as a whole and memory follows the disk, so that whoever looks, also after a crash or with a full
disk, finds the old state or the new one.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ecd_data.local.hub.errors import HubError
from ecd_data.local.hub.repo import Commit, File, Refs, Repo, git_sha1, new_commit

GITATTRIBUTES = b"*.parquet filter=lfs diff=lfs merge=lfs -text\n"


class Storage:
    """The repositories and contents under one directory, shared by all requests of one Hub."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.repos = {(repo.type, repo.id): repo for repo in map(_read, directory.glob("repos/*/*/*/refs.json"))}
        kept = directory / "collections.json"
        self.collections: dict[str, Any] = json.loads(kept.read_bytes()) if kept.exists() else {}
        self._lock = threading.Lock()

    # ---- repositories ------------------------------------------------------------------------------------------
    def create(self, type_: str, id_: str, private: bool, author: str) -> Repo | None:
        """A new repository with its first commit; None when there is one of that name."""
        with self._lock:
            if (type_, id_) in self.repos:
                return None
            repo = Repo(type_, id_, Refs(private))
            shutil.rmtree(self._folder(repo), ignore_errors=True)  # what a stopped deletion left
            tree = {".gitattributes": self.add_blob(GITATTRIBUTES)}
            self.commit(repo, "main", new_commit(None, "initial commit", "", author, tree))
            self.repos[type_, id_] = repo
        return repo

    @contextmanager
    def changing(self, repo: Repo) -> Iterator[None]:
        """Holds a repository while its refs change.

        Raises:
            HubError: it has been deleted meanwhile.
        """
        with repo.lock:
            if self.repos.get((repo.type, repo.id)) is not repo:
                raise HubError(404, "RepoNotFound", "Repository not found")
            yield

    def commit(self, repo: Repo, branch: str, commit: Commit) -> None:
        """Puts a commit at the head of a branch."""
        self._write(self._folder(repo) / "commits" / f"{commit.oid}.json", [json.dumps(asdict(commit)).encode()])
        repo.commits[commit.oid] = commit
        self.set_refs(repo, replace(repo.refs, branches={**repo.refs.branches, branch: commit.oid}))

    def set_refs(self, repo: Repo, refs: Refs) -> None:
        """Replaces the refs of a repository, on disk and then in memory."""
        self._write(self._folder(repo) / "refs.json", [json.dumps(asdict(refs)).encode()])
        repo.refs = refs

    def delete(self, repo: Repo) -> None:
        """Forgets a repository; contents stay, since others may share them."""
        with self.changing(repo), self._lock:
            (self._folder(repo) / "refs.json").unlink()
            del self.repos[repo.type, repo.id]
            shutil.rmtree(self._folder(repo), ignore_errors=True)

    def set_collection(self, slug: str, change: Callable[[Any], Any]) -> Any:
        """Replaces a collection by what `change` makes of it, of None if there is none; returns that."""
        with self._lock:
            changed = change(self.collections.get(slug))
            collections = {**self.collections, slug: changed}
            self._write(self.directory / "collections.json", [json.dumps(collections).encode()])
            self.collections = collections
        return changed

    # ---- contents ----------------------------------------------------------------------------------------------
    def add_blob(self, data: bytes) -> File:
        """Keeps the content of a regular file."""
        file = File(len(data), sha1=git_sha1("blob", data))
        if not self.path(file).exists():
            self._write(self.path(file), [data])
        return file

    def add_lfs(self, oid: str, chunks: Iterable[bytes]) -> None:
        """Keeps an LFS object.

        Raises:
            HubError: its content is not what its name says.
        """
        digest = hashlib.sha256()

        def hashed() -> Iterator[bytes]:
            for chunk in chunks:
                digest.update(chunk)
                yield chunk
            if digest.hexdigest() != oid:
                raise HubError(400, None, "sha256 of the body does not match the object id")

        self._write(self.directory / "lfs" / oid, hashed())

    def lfs(self, oid: str) -> File | None:
        """The LFS object of that hash, if it is there.

        Raises:
            HubError: it is no hash, and so no name that may become a path.
        """
        if not re.fullmatch(r"[0-9a-f]{64}", oid):
            raise HubError(400, None, f"not a SHA-256: {oid!r}")
        path = self.directory / "lfs" / oid
        return File(path.stat().st_size, sha256=oid) if path.exists() else None

    def path(self, file: File) -> Path:
        """Where the content of a file lies."""
        return self.directory / "lfs" / file.sha256 if file.is_lfs else self.directory / "blobs" / file.sha1

    def _folder(self, repo: Repo) -> Path:
        return self.directory / "repos" / repo.type / repo.id

    def _write(self, path: Path, chunks: Iterable[bytes]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.writelines(chunks)
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise


def _read(refs: Path) -> Repo:
    """The repository in the folder of its `refs.json`."""
    type_, namespace, name = refs.parent.parts[-3:]
    commits = map(_read_commit, (refs.parent / "commits").glob("*.json"))
    return Repo(type_, f"{namespace}/{name}", Refs(**json.loads(refs.read_bytes())), {c.oid: c for c in commits})


def _read_commit(path: Path) -> Commit:
    state = json.loads(path.read_bytes())
    return Commit(**{**state, "tree": {name: File(**file) for name, file in state["tree"].items()}})
