"""Which commit of a repository on the Hub a name and a revision stand for."""

from __future__ import annotations

import re
from typing import Literal

from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, RepositoryNotFoundError, RevisionNotFoundError
from huggingface_hub.utils import httpx

from ecd_data.errors import RepositoryError


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
