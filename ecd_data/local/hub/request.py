"""Read a request to the local Hub: its JSON, its user, and the repository and commit in its path."""

import json
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from ecd_data.local.hub.repo import Commit, HubError, Repo
from ecd_data.local.hub.storage import Storage

User = dict[str, Any]

ID = r"{id:[\w.-]+/[\w.-]+}"
REPO = f"/api/{{type:dataset|model}}s/{ID}"  # where the API has a repository
PAGE = f"/{{type:(datasets/)?}}{ID}"  # where its files and its git server are


@dataclass
class State:
    """The repositories, the users by their tokens, and the URLs of the Hub and of its object store."""

    storage: Storage
    tokens: dict[str, User]
    url: str
    store_url: str


STATE = web.AppKey("state", State)


class Fields(dict[str, Any]):
    """A JSON object of a request; reading a field that it lacks raises HubError."""

    def __missing__(self, name: str) -> Any:
        raise HubError(400, f"the request lacks {name!r}")


async def json_body(request: web.Request) -> Fields:
    """Return the body, which must be a JSON object."""
    return _json_object(await request.read() or b"{}")


async def json_lines(request: web.Request) -> list[Fields]:
    """Return the body, which must have one JSON object a line."""
    return [_json_object(line) for line in (await request.read()).splitlines() if line.strip()]


def _json_object(text: bytes) -> Fields:
    try:
        value = json.loads(text, object_hook=Fields)
    except ValueError:
        raise HubError(400, "the body is not JSON") from None
    if not isinstance(value, Fields):
        raise HubError(400, "the body is not a JSON object")
    return value


def signed_in_user(request: web.Request) -> User:
    """Return the user of the token.

    Raises:
        HubError: 401, the request has no token or an unknown one.
    """
    user = _user(request)
    if user is None:
        raise HubError(401, "Invalid username or password.")
    return user


def check_may_write(request: web.Request, namespace: str, refusal: str) -> None:
    """Raise HubError, 403 with the message `refusal`, unless the user may write to the namespace."""
    user = signed_in_user(request)
    if user["role"] != "write" or not _belongs(user, namespace):
        raise HubError(403, refusal)


def repo_of(request: web.Request, write: bool = False) -> Repo:
    """Return the repository in the request's path.

    Raises:
        HubError: 404 or 401, the user cannot see it, or 403, the user may not `write` to it.
    """
    type_ = "dataset" if request.match_info["type"].startswith("dataset") else "model"
    return find_repo(request, type_, request.match_info["id"], write)


def find_repo(request: web.Request, type_: str, id_: str, write: bool = False) -> Repo:
    """Return a repository by type and id; raises as `repo_of` does."""
    user, repo = _user(request), request.app[STATE].storage.repos.get((type_, id_))
    if repo is None or (repo.refs.private and not _belongs(user, repo.namespace)):
        raise HubError(404 if user else 401, "Repository not found", "RepoNotFound")
    if write:
        check_may_write(request, repo.namespace, f"Forbidden: pass a token with write access to {id_}")
    return repo


def commit_of(request: web.Request, write: bool = False) -> Commit:
    """Return the commit that the repository and the revision in the request's path name.

    Raises:
        HubError: 404, there is none; or as `repo_of` does.
    """
    return repo_of(request, write).resolve(request.match_info.get("revision", "main"))


def check_gate(request: web.Request, repo: Repo) -> None:
    """Raise HubError unless the user may read a gated repository: members may; access is granted to nobody else."""
    user = _user(request)
    if repo.refs.gated and not _belongs(user, repo.namespace):
        raise HubError(403 if user else 401, f"Access to {repo.type} {repo.id} is restricted.", "GatedRepo")


def _user(request: web.Request) -> User | None:
    token = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    if not token:
        return None
    if token not in request.app[STATE].tokens:
        raise HubError(401, "Invalid credentials in Authorization header")
    return request.app[STATE].tokens[token]


def _belongs(user: User | None, namespace: str) -> bool:
    """Return whether the user is the namespace or in it; one whose `orgs` is None belongs to every namespace."""
    return user is not None and (user["orgs"] is None or namespace in (user["name"], *user["orgs"]))
