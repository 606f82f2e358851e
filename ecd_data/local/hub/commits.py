"""Routes of the local Hub that change what is in a repository: commits with their operations, branches and tags."""

import base64
import binascii
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from aiohttp import web

from ecd_data.local.hub.repo import File, HubError, Repo, new_commit
from ecd_data.local.hub.request import REPO, STATE, Fields, json_body, json_lines, repo_of, signed_in_user
from ecd_data.local.hub.storage import Storage

routes = web.RouteTableDef()


@routes.post(f"{REPO}/commit/{{revision}}")
async def create_commit(request: web.Request) -> web.Response:
    """Commit operations to a branch, or to a new pull request; 412 if the branch is no longer at `parentCommit`."""
    lines, state = await json_lines(request), request.app[STATE]
    repo, branch = repo_of(request, write=True), request.match_info["revision"]
    if not lines or lines[0]["key"] != "header":
        raise HubError(400, "the first line must be the header")
    header, operations, pull_request = lines[0]["value"], lines[1:], {}
    if branch not in repo.refs.branches:
        raise HubError(404, f"Invalid rev id: {branch}", "RevisionNotFound")
    tip = repo.resolve(branch)
    if not tip.oid.startswith(header.get("parentCommit") or ""):
        raise HubError(412, "A commit has happened since. Please refresh and try again.")
    tree = changed_tree(tip.tree, operations, state.storage)
    if "create_pr" in request.query:
        number = 1 + len(repo.refs.pull_requests)
        branch = f"refs/pr/{number}"
        pull_request = {"pullRequestUrl": f"{state.url}{repo.page}/discussions/{number}"}
    author = signed_in_user(request)["name"]
    commit = new_commit(tip.oid, header["summary"], header.get("description", ""), author, tree)
    state.storage.commit(repo, branch, commit)
    url = f"{state.url}{repo.page}/commit/{commit.oid}"
    return web.json_response({"success": True, "commitOid": commit.oid, "commitUrl": url} | pull_request)


@routes.post(f"{REPO}/branch/{{branch}}")
async def create_branch(request: web.Request) -> web.Response:
    """Make a branch at `startingPoint`; 409 if there is one of that name."""
    start = (await json_body(request)).get("startingPoint", "main")
    return _add_ref(request, "branches", request.match_info["branch"], start)


@routes.post(f"{REPO}/tag/{{revision}}")
async def create_tag(request: web.Request) -> web.Response:
    """Give a revision a tag; 409 if there is one of that name."""
    tag = (await json_body(request))["tag"]
    return _add_ref(request, "tags", tag, request.match_info["revision"])


@routes.delete(f"{REPO}/{{kind:branch|tag}}/{{name}}")
async def delete_ref(request: web.Request) -> web.Response:
    """Delete a branch or a tag."""
    repo, name = repo_of(request, write=True), request.match_info["name"]
    kind = "branches" if request.match_info["kind"] == "branch" else "tags"
    refs = getattr(repo.refs, kind)
    if name not in refs:
        raise HubError(404, f"Invalid rev id: {name}", "RevisionNotFound")
    return _set_refs(request, repo, kind, {other: oid for other, oid in refs.items() if other != name})


def _add_ref(request: web.Request, kind: str, name: str, revision: str) -> web.Response:
    repo = repo_of(request, write=True)
    refs = getattr(repo.refs, kind)
    if name in refs:
        raise HubError(409, f"Reference already exists: {name}")
    return _set_refs(request, repo, kind, {**refs, name: repo.resolve(revision).oid})


def _set_refs(request: web.Request, repo: Repo, kind: str, oids: dict[str, str]) -> web.Response:
    changes: dict[str, Any] = {kind: oids}
    request.app[STATE].storage.set_refs(repo, replace(repo.refs, **changes))
    return web.json_response({})


def changed_tree(tree: dict[str, File], operations: list[Fields], storage: Storage) -> dict[str, File]:
    """Return the tree after the operations; new contents of regular files are kept in the storage.

    Raises:
        HubError: an operation is malformed, names a file that does not exist, or leaves the repository.
    """
    tree = dict(tree)
    for operation in operations:
        _apply(tree, operation["key"], operation["value"], storage)
    folders = {str(parent) for path in tree for parent in PurePosixPath(path).parents}
    if both := folders & tree.keys():
        raise HubError(400, f"a file and a folder at once: {min(both)!r}")
    return tree


def _apply(tree: dict[str, File], operation: str, value: Fields, storage: Storage) -> None:
    path = value["path"].removesuffix("/") if operation == "deletedFolder" else value["path"]
    if not _is_inside(path):
        raise HubError(400, f"not a path inside the repository: {path!r}")
    match operation:
        case "file":
            tree[path] = storage.add_blob(_decoded(value))
        case "lfsFile":
            file = storage.lfs(value["oid"])
            if file is None:
                raise HubError(400, f"LFS pointer {value['oid']} points to no uploaded object ({path})")
            tree[path] = file
        case "deletedFile":
            if tree.pop(path, None) is None:
                raise HubError(404, f"A file with this name doesn't exist: {path}", "EntryNotFound")
        case "deletedFolder":
            for name in [name for name in tree if name.startswith(f"{path}/")]:
                del tree[name]
        case _:
            raise HubError(400, f"unknown operation {operation}")


def _is_inside(path: str) -> bool:
    """Return whether a path stays inside a repository, on any system that downloads it."""
    return not {"", ".", "..", ".git"} & set(path.split("/")) and not set(path) & set("\\\0\r\n")


def _decoded(value: Fields) -> bytes:
    try:
        return base64.b64decode(value["content"], validate=True)
    except binascii.Error:
        raise HubError(400, f"the content of {value['path']} is not base64") from None
