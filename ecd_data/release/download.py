"""A published dataset as a directory here, and the build that a user names either way."""

from pathlib import Path

from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError, RevisionNotFoundError

from ecd_data.core.errors import BuildError, PublishError
from ecd_data.release.hub_retry import HubRetry


def build_at(source: str, revision: str | None = None) -> Path:
    """Return the build that a user names: a directory, or `org/name` or `org/name@revision` on the Hub, downloaded.

    Raises:
        BuildError: a revision of a directory is asked for.
        PublishError: there is no such dataset or revision, or the Hub refuses.
    """
    if Path(source).is_dir():
        if revision:
            raise BuildError(f"{source}: is a directory, which has no revisions. Leave out --revision.")
        return Path(source)
    repo_id, _, revision_in_source = source.partition("@")
    return download(repo_id, revision or revision_in_source or None)


def download(repo_id: str, revision: str | None = None) -> Path:
    """Return the directory that a published dataset is downloaded to.

    Raises:
        PublishError: there is no such dataset or revision, or the Hub refuses.
    """

    def snapshot() -> Path:
        try:
            return Path(snapshot_download(repo_id, repo_type="dataset", revision=revision))
        except HFValidationError:
            raise PublishError(f"{repo_id!r}: neither a directory here nor a dataset id such as org/name.") from None
        except (RepositoryNotFoundError, RevisionNotFoundError):
            raise PublishError(
                f"{repo_id}: no such directory here, and no such dataset{' or revision' if revision else ''} on the "
                "Hub (or HF_TOKEN may not read it)."
            ) from None

    return HubRetry(HfApi(), repo_id)(snapshot, tries=1)  # the library itself goes on after a broken connection
