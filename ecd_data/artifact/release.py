"""A release: the build directory on the Hub in one commit, so that a reader sees the old one or the new one."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, snapshot_download
from huggingface_hub.errors import (
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    LocalTokenNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils import httpx, validate_repo_id

from ecd_data.artifact.manifest import CARD, NAME, read_manifest
from ecd_data.artifact.tables import file_sha256
from ecd_data.errors import BuildError, PublishError

OURS_WITHOUT_MANIFEST = {".gitattributes", CARD}  # what a repository made on the Hub's website holds
RETRIES = 6
RETRIED = {409, 412, 429, 500, 502, 503, 504}
NETWORK_ERRORS = (HfHubHTTPError, httpx.HTTPError, ConnectionError)


@dataclass(frozen=True)
class Change:
    """What a commit would do, and the commit that it is made on top of (`None`: the repository is not there yet)."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    deleted: tuple[str, ...]
    parent: str | None

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.deleted)


class Release:
    """Publishes to one dataset repository, on one branch.

    Args:
        repo_id: `org/name`.
        revision: the branch; made from the main one when it is not there.
        api: for tests; by default the Hub of `HF_ENDPOINT` with the token of `HF_TOKEN` or `hf auth login`.
        sleep: for tests.
    """

    def __init__(
        self,
        repo_id: str,
        revision: str = "main",
        api: HfApi | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.repo_id = repo_id
        self.revision = revision
        self.api = api or HfApi()
        self._sleep = sleep

    def check_access(self) -> None:
        """Finds out before any work is done whether the token may write.

        Raises:
            PublishError: the id is no `org/name`, the token is missing, refused, read-only or of another namespace.
        """
        try:
            validate_repo_id(self.repo_id)
        except HFValidationError as error:
            raise PublishError(f"{self.repo_id!r}: {error}") from None
        if "/" not in self.repo_id:
            raise PublishError(f"{self.repo_id!r}: a dataset id looks like org/name.")
        try:
            user = self.api.whoami()
        except UnicodeEncodeError:
            raise PublishError("the Hub token has characters that no HTTP header can carry: check HF_TOKEN.") from None
        except (LocalTokenNotFoundError, *NETWORK_ERRORS) as error:
            raise self._explained(error) from None
        role = user.get("auth", {}).get("accessToken", {}).get("role")
        if role == "read":
            raise PublishError(
                f"the Hub token is read-only. Make one with write access at {self.api.endpoint}/settings/tokens and "
                "set HF_TOKEN to it, or run `hf auth login`."
            )

    def change(self, build: Path) -> Change:
        """What a commit of `build` would change.

        Raises:
            PublishError: the repository holds something that was not published by this program, or the Hub refuses.
        """
        try:
            info = self.api.repo_info(self.repo_id, repo_type="dataset", revision=self.revision)
            entries = self.api.list_repo_tree(
                self.repo_id, repo_type="dataset", revision=info.sha, recursive=True, expand=False
            )
            there = {entry.path: entry for entry in entries if isinstance(entry, RepoFile)}
            managed = self._managed(there, info.sha)
        except RepositoryNotFoundError as error:
            if error.response.status_code == 401:
                raise self._explained(error) from None
            return Change(tuple(sorted(_files(build))), (), (), None)
        except RevisionNotFoundError:
            return Change(tuple(sorted(_files(build))), (), (), None)
        except NETWORK_ERRORS as error:
            raise self._explained(error) from None
        ours = _files(build)
        return Change(
            added=tuple(sorted(ours.keys() - there.keys())),
            changed=tuple(sorted(p for p in ours.keys() & there.keys() if not _equal(ours[p], there[p]))),
            deleted=tuple(sorted((managed & there.keys()) - ours.keys())),
            parent=info.sha,
        )

    def publish(self, build: Path, message: str, private: bool = False) -> str | None:
        """Makes the commit and returns its URL; `None` when the Hub holds the same content already.

        When the branch moved meanwhile, the change is worked out again on top of the new head.

        Raises:
            PublishError: see `change`; or the Hub kept refusing.
        """
        for attempt in range(RETRIES):
            try:
                return self._commit(build, message, private)
            except NETWORK_ERRORS as error:
                transient = not isinstance(error, HfHubHTTPError) or error.response.status_code in RETRIED
                if not transient or attempt == RETRIES - 1:
                    raise self._explained(error) from None
                self._sleep(min(60.0, 2.0**attempt) * random.uniform(0.5, 1.0))
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _commit(self, build: Path, message: str, private: bool) -> str | None:
        change = self.change(build)
        if not change:
            return None
        if change.parent is None:
            self.api.create_repo(self.repo_id, repo_type="dataset", private=private or None, exist_ok=True)
            if self.revision != "main":
                self.api.create_branch(self.repo_id, branch=self.revision, repo_type="dataset", exist_ok=True)
            change = self.change(build)
            if not change:  # a new branch starts as a copy of the main one
                return None
        # Operations are used up by an attempt, so each attempt makes its own.
        operations: list[Any] = [CommitOperationAdd(path, build / path) for path in (*change.added, *change.changed)]
        operations += [CommitOperationDelete(path) for path in change.deleted]
        commit = self.api.create_commit(
            self.repo_id,
            operations,
            commit_message=message,
            repo_type="dataset",
            revision=self.revision,
            parent_commit=change.parent,
        )
        return commit.commit_url

    def _managed(self, there: dict[str, RepoFile], sha: str | None) -> set[str]:
        """The files on the Hub that an earlier release put there, and that this one may therefore remove."""
        if NAME in there:
            path = self.api.hf_hub_download(self.repo_id, NAME, repo_type="dataset", revision=sha)
            try:
                return {CARD, NAME, *read_manifest(Path(path).parent)["files"]}
            except BuildError:
                raise PublishError(
                    f"{self.repo_id}: its {NAME} was not written by this program. Nothing changed; choose another id."
                ) from None
        foreign = sorted(there.keys() - OURS_WITHOUT_MANIFEST)
        if foreign:
            raise PublishError(
                f"{self.repo_id}: the repository holds files that were not published by this program "
                f"({', '.join(foreign[:3])}{', ...' if len(foreign) > 3 else ''}). Nothing was changed. "
                "Choose another id, or delete that repository first."
            )
        return {CARD}

    def _explained(self, error: Exception) -> PublishError:
        """What the Hub said, with what to do about it."""
        where = f"{self.api.endpoint} ({self.repo_id})"
        settings = f"{self.api.endpoint}/settings/tokens"
        if isinstance(error, LocalTokenNotFoundError):
            return PublishError(f"no Hub token. Make one with write access at {settings}; set HF_TOKEN to it.")
        if isinstance(error, HfHubHTTPError):
            status = error.response.status_code
            said = " ".join((error.server_message or str(error)).split())[:300]
            if status == 401:
                return PublishError(f"{where}: the Hub does not accept the token ({said}). Make one at {settings}.")
            if status == 403:
                return PublishError(
                    f"{where}: the token may not write there ({said}). Make one with write access to "
                    f"{self.repo_id.split('/')[0]} at {settings}, or choose another id."
                )
            return PublishError(f"{where}: the Hub answered {status} ({said}). Nothing was published; try again.")
        return PublishError(
            f"{where}: the Hub cannot be reached ({' '.join(str(error).split())[:300]}). Check HF_ENDPOINT and the "
            "network, then run the same command again."
        )


def _files(build: Path) -> dict[str, Path]:
    """What a release publishes: what the manifest lists, itself and the card; never what else lies in the folder."""
    return {name: build / name for name in (CARD, NAME, *read_manifest(build)["files"])}


def _equal(ours: Path, theirs: RepoFile) -> bool:
    """Whether a file on the Hub has the content of one here, by the hash that the Hub keeps of it."""
    if theirs.lfs is not None:
        return theirs.lfs.sha256 == file_sha256(ours)
    data = ours.read_bytes()
    return theirs.blob_id == hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def download(repo_id: str, revision: str | None = None) -> Path:
    """A published dataset as a directory here.

    Raises:
        PublishError: there is no such dataset or revision, or the Hub refuses.
    """
    try:
        return Path(snapshot_download(repo_id, repo_type="dataset", revision=revision))
    except HFValidationError:
        raise PublishError(f"{repo_id!r}: neither a directory here nor a dataset id such as org/name.") from None
    except (RepositoryNotFoundError, RevisionNotFoundError):
        raise PublishError(
            f"{repo_id}: no such directory here, and no such dataset{' or revision' if revision else ''} on the Hub "
            "(or HF_TOKEN may not read it)."
        ) from None
    except (*NETWORK_ERRORS, LocalEntryNotFoundError) as error:
        raise Release(repo_id)._explained(error) from None
