"""A dataset repository on the Hub before a release: its files, tags, pull requests, collections. Only reads."""

from pathlib import Path

from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError
from huggingface_hub.hf_api import RepoFile

from ecd_data.artifact.manifest import CARD, MANIFEST, read_manifest
from ecd_data.core.errors import BuildError, PublishError
from ecd_data.release.change import RemoteState, build_files, same_content

WITHOUT_RELEASE = {".gitattributes", CARD}  # what a repository made on the Hub's website holds


class Repository:
    """Looks at one repository; what the Hub refuses is raised as `huggingface_hub` raises it."""

    def __init__(self, api: HfApi, repo_id: str) -> None:
        self.api, self.repo_id = api, repo_id
        self.page = f"{api.endpoint}/datasets/{repo_id}"

    def state(self, branch: str) -> RemoteState:
        """Return what the Hub holds on a branch.

        Raises:
            PublishError: something that was not published by this program.
        """
        try:
            return self._state_at(branch)
        except RepositoryNotFoundError as error:
            if error.response.status_code == 401:
                raise
            return RemoteState()
        except RevisionNotFoundError:
            main = self._state_at("main")
            return RemoteState(True, None, main.files, main.release)

    def head(self, revision: str) -> str:
        """Return the commit that a branch, a tag or a pull request names."""
        return str(self.api.repo_info(self.repo_id, repo_type="dataset", revision=revision).sha)

    def contains(self, build: Path, revision: str) -> bool:
        """Return whether a revision has all files of a build, as they are."""
        theirs = self._files(revision)
        return all(name in theirs and same_content(path, theirs[name]) for name, path in build_files(build).items())

    def pull_request(self, build: Path) -> int | None:
        """Return the number of an open pull request that has the content of a build."""
        for request in self.api.get_repo_discussions(
            self.repo_id, repo_type="dataset", discussion_type="pull_request", discussion_status="open"
        ):
            if self.contains(build, f"refs/pr/{request.num}"):
                return request.num
        return None

    def has_tag(self, tag: str, build: Path) -> bool:
        """Return whether a tag names the content of a build; False if there is no such tag.

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
        if not self.contains(build, tag):
            raise PublishError(
                f"{self.repo_id}: the tag {tag!r} names another release there, and tags stay where they are. Choose "
                "another --tag."
            )
        return True

    def is_in(self, collection: str) -> bool:
        """Return whether the collection of that slug has the dataset.

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

    def _state_at(self, revision: str) -> RemoteState:
        head = self.head(revision)
        files = self._files(head)
        if MANIFEST in files:
            return RemoteState(True, head, files, self._release(head, files.keys() & {MANIFEST, CARD}))
        foreign = sorted(files.keys() - WITHOUT_RELEASE)
        if foreign:
            raise PublishError(
                f"{self.repo_id}: the repository holds files that were not published by this program "
                f"({', '.join(foreign[:3])}{', ...' if len(foreign) > 3 else ''}). Nothing was changed. "
                "Choose another id, or delete that repository first."
            )
        return RemoteState(True, head, files)

    def _release(self, head: str, names: set[str]) -> Path:
        """Return a folder with the files of those names."""
        paths = [self.api.hf_hub_download(self.repo_id, name, repo_type="dataset", revision=head) for name in names]
        folder = Path(paths[0]).parent
        try:
            read_manifest(folder)
        except BuildError:
            raise PublishError(
                f"{self.repo_id}: its {MANIFEST} was not written by this program. Nothing was changed. Choose another "
                "id."
            ) from None
        return folder

    def _files(self, revision: str) -> dict[str, RepoFile]:
        entries = self.api.list_repo_tree(self.repo_id, repo_type="dataset", revision=revision, recursive=True)
        return {entry.path: entry for entry in entries if isinstance(entry, RepoFile)}
