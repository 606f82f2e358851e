"""Reading from the Hub: the commit that a revision stands for, and `load_dataset` for a repository or a folder."""

import re
from pathlib import Path
from typing import Any, Literal

from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, RepositoryNotFoundError, RevisionNotFoundError
from huggingface_hub.utils import httpx

from ecd_data.core.errors import RepositoryError
from ecd_data.core.hashing import canonical_json, sha256


def resolve_commit(repo_id: str, repo_type: Literal["model", "dataset"], revision: str | None, flag: str) -> str:
    """Return the full hash of a commit on the Hub.

    Args:
        repo_id: id of the repository.
        repo_type: its type.
        revision: branch, tag or commit; `None` is the newest commit. A full hash is returned without asking the Hub,
            so that a cached repository needs no network.
        flag: the command-line flag that takes a revision, for messages.

    Raises:
        RepositoryError: there is no such repository or revision, or the Hub cannot be asked.
    """
    if re.fullmatch("[0-9a-f]{40}", revision or ""):
        return str(revision)
    api = HfApi()
    try:
        return str(api.repo_info(repo_id, repo_type=repo_type, revision=revision).sha)
    except RevisionNotFoundError as error:
        raise RepositoryError(
            f"{repo_type} {repo_id} has no revision {revision!r}: give {flag} a branch, tag or commit of it."
        ) from error
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise RepositoryError(
            f"no {repo_type} {repo_id}: it exists neither here nor on {api.endpoint}, as far as this login may see. "
            "Check the name, or log in with `hf auth login` if it is private."
        ) from error
    except (HfHubHTTPError, httpx.HTTPError, OSError) as error:
        raise RepositoryError(
            f"cannot ask {api.endpoint} for {repo_type} {repo_id} ({' '.join(str(error).split())[:200]}): check "
            f"HF_ENDPOINT and the network, name a local folder, or give {flag} the full commit of a cached one."
        ) from error


def load_dataset(name: str, config: str | None = None, revision: str | None = None) -> Any:
    """Return all splits of a config, by split name; raise whatever `datasets` raises.

    The cache of `datasets` identifies a folder by its last name and its card, and would return the rows of another
    folder, or of the same one before it changed. So each state of a folder gets a cache of its own.

    Args:
        name: id of a dataset on the Hub, or path of a folder.
        config: `None` is the default one.
        revision: branch, tag or commit on the Hub.
    """
    import datasets

    datasets.config.USE_PARQUET_EXPORT = False  # otherwise it contacts the dataset viewer, a host that nobody named
    folder, cache = Path(name), None
    if folder.is_dir():
        files = sorted(path for path in folder.resolve().rglob("*") if path.is_file())
        state = [[str(path), path.stat().st_size, path.stat().st_mtime_ns] for path in files]
        cache = str(Path(datasets.config.HF_DATASETS_CACHE, f"ecd-{sha256(canonical_json(state))[:16]}"))
    return datasets.load_dataset(name, config, revision=revision, cache_dir=cache)
