"""A repository of the local Hub as values: files, commits with their trees, and the refs into them."""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal


class HubError(Exception):
    """A request that is answered with an error.

    Args:
        status: HTTP status.
        message: what the client shows its user.
        code: the Hub's own code for it, by which clients tell errors of one status apart.
        headers: more headers of the answer.
        body: more fields of the JSON object in its body.
    """

    def __init__(
        self, status: int, message: str, code: str | None = None, headers: dict[str, str] | None = None, **body: Any
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.headers, self.body = status, message, code, headers or {}, body


def git_sha1(kind: str, data: bytes) -> str:
    """Return git's name for an object."""
    return hashlib.sha1(b"%s %d\0" % (kind.encode(), len(data)) + data).hexdigest()


@dataclass(frozen=True)
class File:
    """A file in a commit: its size, and the SHA-256 of an LFS file or the git SHA-1 of a regular one."""

    size: int
    sha1: str = ""
    sha256: str = ""

    @property
    def is_lfs(self) -> bool:
        """True if its content is an LFS object."""
        return bool(self.sha256)

    @property
    def digest(self) -> str:
        """The hash of its content, and so its ETag."""
        return self.sha256 or self.sha1

    @property
    def pointer(self) -> bytes:
        """The text that stands for an LFS file in git."""
        head = "version https://git-lfs.github.com/spec/v1"
        return f"{head}\noid sha256:{self.sha256}\nsize {self.size}\n".encode()

    @property
    def blob_id(self) -> str:
        """Git's name for it."""
        return git_sha1("blob", self.pointer) if self.is_lfs else self.sha1

    def lfs_info(self, key: str) -> dict[str, Any]:
        """Return the API's fields of an LFS file, with its hash under `key`."""
        return {key: self.sha256, "size": self.size, "pointerSize": len(self.pointer)}


@dataclass(frozen=True)
class Commit:
    """A commit with its whole tree: files by path."""

    oid: str
    parent: str | None
    title: str
    message: str
    date: str
    author: str
    tree: dict[str, File]


@dataclass(frozen=True)
class Refs:
    """All of a repository that changes: who may see it, and the commits that its branches and tags name.

    gated: readers must have been given access, `auto`matically or by hand (`manual`); False if anybody may read.
    """

    private: bool = False
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    gated: str | Literal[False] = False

    @property
    def pull_requests(self) -> dict[str, str]:
        """The branches that are pull requests."""
        return {name: oid for name, oid in self.branches.items() if name.startswith("refs/pr/")}


@dataclass
class Repo:
    """A repository: its commits by oid, and the refs into them."""

    type: str
    id: str
    refs: Refs = field(default_factory=Refs)
    commits: dict[str, Commit] = field(default_factory=dict)

    @property
    def namespace(self) -> str:
        """The user or organization that it belongs to."""
        return self.id.split("/")[0]

    @property
    def page(self) -> str:
        """The path of its page."""
        return f"/{'datasets/' if self.type == 'dataset' else ''}{self.id}"

    def resolve(self, revision: str) -> Commit:
        """Return the commit that a branch, a tag or an oid names.

        Raises:
            HubError: 404, there is none.
        """
        name = revision.removeprefix("refs/heads/")
        oid = self.refs.branches.get(name) or self.refs.tags.get(name) or name
        if oid not in self.commits:
            raise HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return self.commits[oid]


def new_commit(parent: str | None, title: str, message: str, author: str, tree: dict[str, File]) -> Commit:
    """Return a commit that is made now; its oid follows from all the rest."""
    date = now()
    listing = [(path, file.blob_id) for path, file in sorted(tree.items())]
    oid = git_sha1("commit", json.dumps([parent, date, title, message, author, listing]).encode())
    return Commit(oid, parent, title, message, date, author, tree)


def now() -> str:
    """Return the time as the Hub writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
