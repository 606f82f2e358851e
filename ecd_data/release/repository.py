"""A dataset repository on the Hub as a publisher finds it: releases, tags, pull requests, collections. Only reads."""

from __future__ import annotations

from pathlib import Path

from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError
from huggingface_hub.hf_api import RepoFile

from ecd_data.artifact.manifest import CARD, NAME, read_manifest
from ecd_data.core.errors import BuildError, PublishError
from ecd_data.release.change import Held, build_files, equal

OURS_WITHOUT_MANIFEST = {".gitattributes", CARD}  # what a repository made on the Hub's website holds


class Repository:
    """Looks at one repository; what the Hub refuses is raised as `huggingface_hub` raises it."""

    def __init__(self, api: HfApi, repo_id: str) -> None:
        self.api, self.repo_id = api, repo_id
        self.page = f"{api.endpoint}/datasets/{repo_id}"

    def held(self, branch: str) -> Held:
        """What is there on a branch.

        Raises:
            PublishError: something that was not published by this program.
        """
        try:
            return self._held_at(branch)
        except RepositoryNotFoundError as error:
            if error.response.status_code == 401:
                raise
            return Held()
        except RevisionNotFoundError:
            main = self._held_at("main")
            return Held(True, None, main.files, main.release)

    def head(self, revision: str) -> str:
        """The commit that a branch, a tag or a pull request names."""
        return str(self.api.repo_info(self.repo_id, repo_type="dataset", revision=revision).sha)

    def holds(self, build: Path, revision: str) -> bool:
        """Whether a revision has all files of a build, as they are."""
        there = self._files(revision)
        return all(name in there and equal(path, there[name]) for name, path in build_files(build).items())

    def pull_request(self, build: Path) -> int | None:
        """The number of an open pull request that has the content of a build."""
        for request in self.api.get_repo_discussions(
            self.repo_id, repo_type="dataset", discussion_type="pull_request", discussion_status="open"
        ):
            if self.holds(build, f"refs/pr/{request.num}"):
                return request.num
        return None

    def has_tag(self, tag: str, build: Path) -> bool:
        """Whether a tag names the content of a build; False when it is free.

        Raises:
            PublishError: it names something else.
        """
        try:
            refs = self.api.list_repo_refs(self.repo_id, repo_type="dataset")
        except RepositoryNotFoundError:
            return False
        if tag in {ref.name for ref in refs.branches}:
            raise PublishError(f"{self.repo_id}: {tag!r} is a branch there. Choose another --tag.")
        if tag not in {ref.name for ref in refs.tags}:
            return False
        if not self.holds(build, tag):
            raise PublishError(
                f"{self.repo_id}: the tag {tag!r} names another release there, and tags stay where they are. Choose "
                "another --tag."
            )
        return True

    def is_in(self, collection: str) -> bool:
        """Whether the collection of that slug has the dataset.

        Raises:
            PublishError: there is no such collection.
        """
        try:
            items = self.api.get_collection(collection).items
        except HfHubHTTPError as error:
            if error.response.status_code != 404:
                raise
            raise PublishError(
                f"{self.api.endpoint}/collections/{collection}: no such collection. --collection takes the end of its "
                "address, such as org/title-64f9a55bb3115b4f513ec026."
            ) from None
        return any((item.item_type, item.item_id) == ("dataset", self.repo_id) for item in items)

    def _held_at(self, revision: str) -> Held:
        sha = self.head(revision)
        files = self._files(sha)
        if NAME in files:
            return Held(True, sha, files, self._release(sha, files.keys() & {NAME, CARD}))
        foreign = sorted(files.keys() - OURS_WITHOUT_MANIFEST)
        if foreign:
            raise PublishError(
                f"{self.repo_id}: the repository holds files that were not published by this program "
                f"({', '.join(foreign[:3])}{', ...' if len(foreign) > 3 else ''}). Nothing was changed. "
                "Choose another id, or delete that repository first."
            )
        return Held(True, sha, files)

    def _release(self, sha: str, names: set[str]) -> Path:
        """A folder with the files of those names."""
        paths = [self.api.hf_hub_download(self.repo_id, name, repo_type="dataset", revision=sha) for name in names]
        folder = Path(paths[0]).parent
        try:
            read_manifest(folder)
        except BuildError:
            raise PublishError(
                f"{self.repo_id}: its {NAME} was not written by this program. Nothing changed; choose another id."
            ) from None
        return folder

    def _files(self, revision: str) -> dict[str, RepoFile]:
        entries = self.api.list_repo_tree(self.repo_id, repo_type="dataset", revision=revision, recursive=True)
        return {entry.path: entry for entry in entries if isinstance(entry, RepoFile)}
