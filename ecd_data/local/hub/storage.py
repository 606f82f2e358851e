"""What a local Hub keeps on disk: file contents by their hash, and one JSON file a repository, replaced as a whole.

blobs/<git sha1>   lfs/<sha256>   repos/dataset/org/name.json
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

GITATTRIBUTES = b"*.parquet filter=lfs diff=lfs merge=lfs -text\n"


class HubError(Exception):
    """A request that is answered with an error: HTTP status, the Hub's error code, message, more of the body."""

    def __init__(self, status: int, code: str | None, message: str, **body: Any) -> None:
        self.status, self.code, self.message, self.body = status, code, message, body


def git_sha1(kind: str, data: bytes) -> str:
    """Git's name for an object."""
    return hashlib.sha1(b"%s %d\0" % (kind.encode(), len(data)) + data).hexdigest()


@dataclass(frozen=True)
class File:
    """A file in a commit: its size, and the SHA-256 of an LFS file or the git SHA-1 of a regular one."""

    size: int
    sha1: str = ""
    sha256: str = ""

    @property
    def is_lfs(self) -> bool:
        """Whether its content is an LFS object."""
        return bool(self.sha256)

    @property
    def pointer(self) -> bytes:
        """What git holds in place of an LFS file."""
        head = "version https://git-lfs.github.com/spec/v1"
        return f"{head}\noid sha256:{self.sha256}\nsize {self.size}\n".encode()

    @property
    def blob_id(self) -> str:
        """Git's name for it."""
        return git_sha1("blob", self.pointer) if self.is_lfs else self.sha1

    def lfs_info(self, key: str) -> dict[str, Any]:
        """What the API says of an LFS file, with its hash under `key`."""
        return {key: self.sha256, "size": self.size, "pointerSize": len(self.pointer)}


@dataclass(frozen=True)
class Commit:
    """A commit with its whole tree."""

    oid: str
    parent: str | None
    title: str
    message: str
    date: str
    author: str
    tree: dict[str, File]


@dataclass
class Repo:
    """A repository: commits by oid, branches and tags by name."""

    type: str
    id: str
    private: bool
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def resolve(self, revision: str) -> Commit:
        """The commit that a branch, a tag or an oid names."""
        name = revision.removeprefix("refs/heads/")
        oid = self.branches.get(name) or self.tags.get(name) or name
        if oid not in self.commits:
            raise HubError(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return self.commits[oid]

    def commit(self, branch: str, title: str, message: str, author: str, tree: dict[str, File]) -> Commit:
        """A new commit at the head of a branch."""
        parent = self.branches.get(branch)
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        listing = [(path, file.blob_id) for path, file in sorted(tree.items())]
        oid = git_sha1("commit", json.dumps([parent, now, title, listing, len(self.commits)]).encode())
        self.commits[oid] = Commit(oid, parent, title, message, now, author, tree)
        self.branches[branch] = oid
        return self.commits[oid]


class Storage:
    """The repositories and contents under one directory, shared by all requests."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.lock = threading.RLock()
        for name in ("blobs", "lfs", "repos"):
            (directory / name).mkdir(parents=True, exist_ok=True)
        self.repos = {(repo.type, repo.id): repo for repo in map(_read_repo, (directory / "repos").glob("*/*/*.json"))}

    def save(self, repo: Repo) -> None:
        """Writes a repository, as a whole: a reader after a crash finds the old state or the new one."""
        fields = ("type", "id", "private", "branches", "tags")
        state = {name: getattr(repo, name) for name in fields} | {
            "commits": {oid: asdict(commit) for oid, commit in repo.commits.items()}
        }
        self._write(self._repo_path(repo), [json.dumps(state).encode()])

    def delete(self, repo: Repo) -> None:
        """Forgets a repository; contents stay, since others may share them."""
        del self.repos[repo.type, repo.id]
        self._repo_path(repo).unlink()

    def add_regular(self, data: bytes) -> File:
        """Keeps the content of a regular file."""
        file = File(len(data), sha1=git_sha1("blob", data))
        self._write(self.path(file), [data])
        return file

    def add_lfs(self, oid: str, chunks: Iterable[bytes]) -> None:
        """Keeps an LFS object, if its content is what its name says."""
        digest = hashlib.sha256()

        def hashed() -> Iterable[bytes]:
            for chunk in chunks:
                digest.update(chunk)
                yield chunk
            if digest.hexdigest() != oid:
                raise HubError(400, None, "sha256 of the body does not match the object id")

        self._write(self.directory / "lfs" / oid, hashed())

    def lfs(self, oid: str) -> File | None:
        """The LFS object of that hash, if it is there."""
        path = self.directory / "lfs" / oid
        return File(path.stat().st_size, sha256=oid) if path.exists() else None

    def path(self, file: File) -> Path:
        """Where the content of a file lies."""
        return self.directory / "lfs" / file.sha256 if file.is_lfs else self.directory / "blobs" / file.sha1

    def _repo_path(self, repo: Repo) -> Path:
        return self.directory / "repos" / repo.type / f"{repo.id}.json"

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


def _read_repo(path: Path) -> Repo:
    state = json.loads(path.read_text())
    commits = {
        oid: Commit(**{**commit, "tree": {name: File(**file) for name, file in commit["tree"].items()}})
        for oid, commit in state.pop("commits").items()
    }
    return Repo(**state, commits=commits)
