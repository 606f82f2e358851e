"""Reads from the Hub: the commit that a revision stands for, and `load_dataset` of a repository or a folder."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, RepositoryNotFoundError, RevisionNotFoundError
from huggingface_hub.utils import httpx

from ecd_data.core.errors import RepositoryError
from ecd_data.core.hashing import canonical_json, sha256


def commit_of(name: str, kind: Literal["model", "dataset"], revision: str | None, flag: str) -> str:
    """The commit; a full one is taken as it is, so that a cached model needs no network.

    Args:
        name: id of the repository.
        kind: of the repository.
        revision: branch, tag or commit; `None` is the newest commit.
        flag: where a message asks for another revision.

    Raises:
        RepositoryError: there is none, or the Hub cannot be asked.
    """
    if re.fullmatch("[0-9a-f]{40}", revision or ""):
        return str(revision)
    api = HfApi()
    try:
        return str(api.repo_info(name, repo_type=kind, revision=revision).sha)
    except RevisionNotFoundError as error:
        raise RepositoryError(
            f"{kind} {name} has no revision {revision!r}: give {flag} a branch, tag or commit of it."
        ) from error
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise RepositoryError(
            f"no {kind} {name}: neither here nor on {api.endpoint} as far as this login can read. Check the name, or "
            "log in with `hf auth login` if it is private."
        ) from error
    except (HfHubHTTPError, httpx.HTTPError, OSError) as error:
        raise RepositoryError(
            f"cannot ask {api.endpoint} for {kind} {name} ({' '.join(str(error).split())[:200]}): check HF_ENDPOINT "
            f"and the network, name what lies in a folder here, or give {flag} the full commit of a cached one."
        ) from error


def load_dataset(name: str, config: str | None = None, revision: str | None = None) -> Any:
    """All splits of a config of a Hub dataset or of a folder; raises what `datasets` raises.

    The library's cache knows a folder by its last name and its card, and gives the rows of another one, or of the same
    one before it changed, for those of this. So each state of a folder has a cache of its own.
    """
    import datasets

    datasets.config.USE_PARQUET_EXPORT = False  # else it asks the dataset viewer's host, which nobody named
    folder, cache = Path(name), None
    if folder.is_dir():
        files = sorted(path for path in folder.resolve().rglob("*") if path.is_file())
        state = [[str(path), path.stat().st_size, path.stat().st_mtime_ns] for path in files]
        cache = str(Path(datasets.config.HF_DATASETS_CACHE, f"ecd-{sha256(canonical_json(state))[:16]}"))
    return datasets.load_dataset(name, config, revision=revision, cache_dir=cache)
