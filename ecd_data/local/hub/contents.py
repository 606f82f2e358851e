"""Routes of the local Hub that show a repository: its page with its card, trees, entries, refs and history."""

import json
import re
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qs

import yaml
from aiohttp import web

from ecd_data.local.hub.repo import Commit, File, HubError, git_sha1
from ecd_data.local.hub.request import REPO, STATE, commit_of, json_body, repo_of

PAGE_SIZE = 1000  # entries of a listing

routes = web.RouteTableDef()


@routes.get(REPO)
@routes.get(f"{REPO}/revision/{{revision}}")
async def info(request: web.Request) -> web.Response:
    """Answer with the repository at a commit, as `HfApi.repo_info` reads it."""
    repo, commit = repo_of(request), commit_of(request)
    blobs = "blobs" in request.query
    body = {
        "_id": "0" * 24,
        "id": repo.id,
        "author": repo.namespace,
        "sha": commit.oid,
        "createdAt": min(commit.date for commit in repo.commits.values()),
        "lastModified": commit.date,
        "private": repo.refs.private,
        "gated": repo.refs.gated,
        "disabled": False,
        "tags": [],
        "downloads": 0,
        "likes": 0,
        "siblings": [_sibling(path, file, blobs) for path, file in sorted(commit.tree.items())],
    }
    card = commit.tree.get("README.md")
    text = request.app[STATE].storage.path(card).read_text(encoding="utf-8", errors="replace") if card else ""
    return web.json_response(body | card_data(text))


@routes.get(f"{REPO}/tree/{{revision}}{{under:(/.*)?}}")
async def tree(request: web.Request) -> web.Response:
    """Answer with one page of the files and folders under a folder."""
    commit, under = commit_of(request), request.match_info["under"].removeprefix("/")
    folder_ids = folders(commit.tree)
    if under and under not in folder_ids:
        raise HubError(404, f"{under} does not exist", "EntryNotFound")
    recursive, expand = (request.query.get(name, "").lower() == "true" for name in ("recursive", "expand"))
    prefix = f"{under}/" if under else ""
    names = [name for name in {*folder_ids, *commit.tree} if name.startswith(prefix)]
    names = sorted(name for name in names if recursive or "/" not in name[len(prefix) :])
    cursor = request.query.get("cursor", "0")
    if not cursor.isdecimal():
        raise HubError(400, f"not a cursor: {cursor!r}")
    start, headers = int(cursor), {}
    if start + PAGE_SIZE < len(names):
        following = request.rel_url.update_query(cursor=start + PAGE_SIZE)
        headers["Link"] = f'<{request.app[STATE].url}{following}>; rel="next"'
    entries = [_entry(commit, name, folder_ids, expand) for name in names[start : start + PAGE_SIZE]]
    return web.json_response(entries, headers=headers)


@routes.post(f"{REPO}/paths-info/{{revision}}")
async def paths_info(request: web.Request) -> web.Response:
    """Answer with the entries at the given paths, without those that do not exist."""
    form = parse_qs((await request.read()).decode(errors="replace"))
    commit, expand = commit_of(request), form.get("expand", ["false"])[0].lower() == "true"
    folder_ids = folders(commit.tree)
    paths = [path.strip("/") for path in form.get("paths", [])]
    entries = [_entry(commit, path, folder_ids, expand) for path in paths if path in commit.tree or path in folder_ids]
    return web.json_response(entries)


@routes.get(f"{REPO}/refs")
async def refs(request: web.Request) -> web.Response:
    """Answer with branches and tags, and with pull requests if `include_prs` is in the query."""
    refs = repo_of(request).refs

    def listed(kind: str, oids: dict[str, str]) -> list[dict[str, str]]:
        return [{"name": name, "ref": f"{kind}{name}", "targetCommit": oid} for name, oid in oids.items()]

    branches = {name: oid for name, oid in refs.branches.items() if name not in refs.pull_requests}
    body = {"branches": listed("refs/heads/", branches), "tags": listed("refs/tags/", refs.tags), "converts": []}
    pulls = {"pullRequests": listed("", refs.pull_requests)} if "include_prs" in request.query else {}
    return web.json_response(body | pulls)


@routes.get(f"{REPO}/discussions")
async def pull_requests(request: web.Request) -> web.Response:
    """Answer with the pull requests, newest first; all are open, since nothing here merges or closes them."""
    repo, query = repo_of(request), request.query
    matching = query.get("type") in (None, "pull_request") and query.get("status") in (None, "open")
    discussions = []
    for name, oid in reversed(repo.refs.pull_requests.items() if matching else ()):
        commit = repo.commits[oid]
        discussion = {"num": int(name.rpartition("/")[2]), "title": commit.title, "author": {"name": commit.author}}
        discussion |= {"createdAt": commit.date, "status": "open", "isPullRequest": True}
        discussions.append(discussion | {"repo": {"name": repo.id, "type": repo.type}})
    return web.json_response({"discussions": discussions, "count": len(discussions), "start": 0})


@routes.get(f"{REPO}/commits/{{revision}}")
async def history(request: web.Request) -> web.Response:
    """Answer with a commit and those before it, newest first."""
    repo, commits = repo_of(request), []
    commit: Commit | None = commit_of(request)
    while commit:
        entry = {"id": commit.oid, "title": commit.title, "message": commit.message, "date": commit.date}
        commits.append(entry | {"authors": [{"user": commit.author}]})
        commit = repo.commits.get(commit.parent) if commit.parent else None
    return web.json_response(commits)


def folders(tree: dict[str, File]) -> dict[str, str]:
    """Return every folder that the paths imply, with an id that follows its content."""
    contents: dict[str, list[tuple[str, str]]] = {}
    for path, file in sorted(tree.items()):
        for parent in list(PurePosixPath(path).parents)[:-1]:
            contents.setdefault(str(parent), []).append((path, file.blob_id))
    return {name: git_sha1("tree", json.dumps(files).encode()) for name, files in contents.items()}


def _sibling(path: str, file: File, blobs: bool) -> dict[str, Any]:
    lfs = {"lfs": file.lfs_info("sha256")} if file.is_lfs else {}
    return {"rfilename": path} | ({"size": file.size, "blobId": file.blob_id} | lfs if blobs else {})


def _entry(commit: Commit, path: str, folder_ids: dict[str, str], expand: bool) -> dict[str, Any]:
    last = {"lastCommit": {"id": commit.oid, "title": commit.title, "date": commit.date}} if expand else {}
    if path in folder_ids:
        return {"type": "directory", "oid": folder_ids[path], "size": 0, "path": path} | last
    file = commit.tree[path]
    lfs = {"lfs": file.lfs_info("oid")} if file.is_lfs else {}
    return {"type": "file", "oid": file.blob_id, "size": file.size, "path": path} | lfs | last


# ---- cards: the YAML at the head of a README.md ----------------------------------------------------------------
@routes.post("/api/validate-yaml")
async def validate_yaml(request: web.Request) -> web.Response:
    """Answer with what is wrong with a card."""
    fields = await json_body(request)
    try:
        metadata = card_metadata(fields["content"])
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date such as 2024-13-01
        return web.json_response({"errors": [{"message": f"YAML: {error}"}], "warnings": []}, status=400)
    if metadata is not None and not isinstance(metadata, dict):
        errors = [{"message": "YAML metadata must be a mapping"}]
        return web.json_response({"errors": errors, "warnings": []}, status=400)
    warnings = [] if metadata else [{"message": "empty or missing yaml metadata in repo card"}]
    return web.json_response({"errors": [], "warnings": warnings})


def card_metadata(card: str) -> Any:
    """Return the YAML at the head of a card, None if there is none.

    Raises:
        yaml.YAMLError: it is malformed.
        ValueError: a value in it is, such as a date.
    """
    front = re.match(r"\A---\r?\n(.*?)^---\s*$", card, re.DOTALL | re.MULTILINE)
    return yaml.safe_load(front[1]) if front else None


def card_data(card: str) -> dict[str, Any]:
    """Return the field `cardData` of a repository's page; nothing if the YAML of its card is broken."""
    try:
        # YAML has dates, JSON has not
        metadata = json.loads(json.dumps(card_metadata(card), default=str, skipkeys=True))
    except (yaml.YAMLError, ValueError):
        return {}
    return {"cardData": metadata} if isinstance(metadata, dict) else {}
