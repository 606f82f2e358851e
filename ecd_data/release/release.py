"""A release: the build directory on the Hub in one commit, so that a reader sees the old one or the new one."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

from ecd_data.core.errors import PublishError
from ecd_data.release.change import Change, RemoteState
from ecd_data.release.features import breaks
from ecd_data.release.hub_retry import HubRetry, hub_error
from ecd_data.release.repository import Repository


@dataclass(frozen=True)
class Terms:
    """How a release is published.

    private: the repository is private before anything is in it.
    gated: readers ask for access first, which is granted `auto`matically or by hand (`manual`).
    create_pr: as a pull request, which leaves the branch as it is.
    tag: name of the release, made after the commit; one that names other content is refused.
    collection: slug of a collection that the dataset is added to.
    allow_schema_change: although fields that were published are gone or of another type.
    """

    private: bool = False
    gated: str | None = None
    create_pr: bool = False
    tag: str | None = None
    collection: str | None = None
    allow_schema_change: bool = False


@dataclass(frozen=True)
class Published:
    """The commit or pull request that holds a build, and whether it was made just now."""

    url: str
    commit: str
    new: bool


class Release:
    """Publishes to one dataset repository, on one branch.

    Args:
        repo_id: `org/name`.
        revision: the branch; made from the main one if it does not exist.
        terms: how.
        api: the Hub and its token; by default that of `HF_ENDPOINT`, with the token of `HF_TOKEN` or `hf auth login`.
        sleep: takes the seconds to wait between two tries.
    """

    def __init__(
        self,
        repo_id: str,
        revision: str = "main",
        terms: Terms | None = None,
        api: HfApi | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.repo_id = repo_id
        self.revision = revision
        self.terms = terms or Terms()
        self.api = api or HfApi()
        self._repository = Repository(self.api, repo_id)
        self._retry = HubRetry(self.api, repo_id, sleep)

    def check_access(self) -> None:
        """Check before any work is done whether the token may write.

        Raises:
            PublishError: the id is not `org/name`, or the token is missing, refused or read-only.
        """
        try:
            validate_repo_id(self.repo_id)
        except HFValidationError as error:
            raise PublishError(f"{self.repo_id!r}: {error}") from None
        if "/" not in self.repo_id:
            raise PublishError(f"{self.repo_id!r}: a dataset id looks like org/name.")
        user = self._retry(self.api.whoami, tries=2)
        role = user.get("auth", {}).get("accessToken", {}).get("role")
        if role == "read":
            raise PublishError(
                f"the Hub token is read-only. Make one with write access at {self.api.endpoint}/settings/tokens and "
                "set HF_TOKEN to it, or run `hf auth login`."
            )

    def change(self, build: Path) -> Change:
        """Return what a commit of `build` would change.

        Raises:
            PublishError: the repository holds something that was not published by this program, or the Hub refuses.
        """
        return Change(build, self._retry(lambda: self._repository.state(self.revision)))

    def check(self, change: Change) -> None:
        """Raise PublishError unless a change may be published on these terms.

        Raises:
            PublishError: it would break readers, the tag is of another release, or there is no such collection.
        """
        breaking = "".join(f"\n  {line}" for line in change.fields if breaks(line))
        if breaking and not self.terms.allow_schema_change:
            raise PublishError(
                f"{self.repo_id}: this breaks whoever reads the fields that are published there:{breaking}\n"
                "Publish it to another id or --revision, or here with --allow-schema-change."
            )
        self._retry(lambda: self._is_tagged(change.build))
        self._retry(self._is_in_collection)

    def publish(self, build: Path, message: str) -> Published:
        """Make the commit, unless the Hub holds the same content already; then the tag, and the collection's entry.

        Whatever stops it, the same call again goes on from there. If the branch moved meanwhile, it is looked at
        again, and nothing is published over a release that somebody else made in between.

        Raises:
            PublishError: see `change` and `check`; there is another release since; or the Hub kept refusing.
        """
        change = self.change(build)
        self.check(change)
        published = self._retry(lambda: self._commit(build, message, change.remote))
        self._retry(lambda: self._tag(build, published.commit))
        self._retry(self._add_to_collection)
        return published

    def _commit(self, build: Path, message: str, checked: RemoteState) -> Published:
        """Make the commit, on top of the state that was checked or one that differs from it in files of others."""
        remote = self._repository.state(self.revision)
        if remote.head is None:
            self._create(remote)
            remote = self._repository.state(self.revision)
        self._update_settings()
        change = Change(build, remote)
        if not change:
            return Published(f"{self._repository.page}/commit/{remote.head}", str(remote.head), new=False)
        if self.terms.create_pr and (number := self._repository.pull_request(build)):
            head = self._repository.head(f"refs/pr/{number}")
            return Published(f"{self._repository.page}/discussions/{number}", head, new=False)
        if change.changed_since(checked):
            raise PublishError(
                f"{self.repo_id}: another release came between ({str(remote.head)[:7]}), so nothing was published. "
                f"What this one would change about it:\n{change}\n"
                "Run the same command again to publish on top of it."
            )
        # Operations are used up by a try, so each one makes its own.
        operations: list[Any] = [CommitOperationAdd(path, build / path) for path in (*change.added, *change.changed)]
        operations += [CommitOperationDelete(path) for path in change.deleted]
        try:
            commit = self.api.create_commit(
                self.repo_id,
                operations,
                commit_message=message,
                repo_type="dataset",
                revision=self.revision,
                parent_commit=change.parent,
                create_pr=self.terms.create_pr,
            )
        except ValueError as error:
            if hub_error(error) is error:
                raise
            raise PublishError(f"{self.repo_id}: the Hub does not take the release ({error}).") from None
        return Published(commit.pr_url or commit.commit_url, commit.oid, new=True)

    def _create(self, remote: RemoteState) -> None:
        """Create what is missing. If somebody was faster, a transient 409 says so, and the next try finds it."""
        if not remote.exists:
            self.api.create_repo(self.repo_id, repo_type="dataset", private=self.terms.private or None)
        if self.revision != "main":
            self.api.create_branch(self.repo_id, branch=self.revision, repo_type="dataset")

    def _update_settings(self) -> None:
        """Make the repository private or gated on these terms, before anything is published in it."""
        private, gated = self.terms.private, self.terms.gated
        if not (private or gated):
            return
        info = self.api.repo_info(self.repo_id, repo_type="dataset")
        settings: dict[str, Any] = {}
        if private and not info.private:
            settings["private"] = True
        if gated and info.gated != gated:
            settings["gated"] = gated
        if settings:
            self.api.update_repo_settings(self.repo_id, repo_type="dataset", **settings)

    def _is_tagged(self, build: Path) -> bool:
        return not self.terms.tag or self._repository.has_tag(self.terms.tag, build)

    def _tag(self, build: Path, commit: str) -> None:
        if not self._is_tagged(build):
            self.api.create_tag(self.repo_id, tag=str(self.terms.tag), revision=commit, repo_type="dataset")

    def _is_in_collection(self) -> bool:
        return not self.terms.collection or self._repository.is_in(self.terms.collection)

    def _add_to_collection(self) -> None:
        if not self._is_in_collection():
            self.api.add_collection_item(str(self.terms.collection), self.repo_id, "dataset")
