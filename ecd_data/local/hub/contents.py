"""What the local Hub tells of a repository's contents: its page, trees, entries, refs and history."""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qs

from ecd_data.local.hub.call import Answer, Call
from ecd_data.local.hub.cards import card_data
from ecd_data.local.hub.errors import HubError
from ecd_data.local.hub.repo import Commit, File, Repo, git_sha1

PAGE = 1000  # entries of a listing


def folders(tree: dict[str, File]) -> dict[str, str]:
    """Every folder that the paths imply, with an id that follows its content."""
    inside: dict[str, list[tuple[str, str]]] = {}
    for path, file in sorted(tree.items()):
        for parent in list(PurePosixPath(path).parents)[:-1]:
            inside.setdefault(str(parent), []).append((path, file.blob_id))
    return {name: git_sha1("tree", json.dumps(files).encode()) for name, files in inside.items()}


def info(call: Call, repo: Repo, commit: Commit, card: str) -> Answer:
    """The repository at a commit, as `HfApi.repo_info` reads it; `card` is the text of its README.md."""
    siblings = [_sibling(path, file, "blobs" in call.query) for path, file in sorted(commit.tree.items())]
    body = {
        "_id": "0" * 24,
        "id": repo.id,
        "author": repo.namespace,
        "sha": commit.oid,
        "createdAt": min(commit.date for commit in repo.commits.copy().values()),
        "lastModified": commit.date,
        "private": repo.refs.private,
        "gated": repo.refs.gated,
        "disabled": False,
        "tags": [],
        "downloads": 0,
        "likes": 0,
        "siblings": siblings,
    }
    return Answer(body=body | card_data(card))


def tree(call: Call, commit: Commit, under: str, url: str) -> Answer:
    """One page of the files and folders under a folder."""
    inside = folders(commit.tree)
    if under and under not in inside:
        raise HubError(404, "EntryNotFound", f"{under} does not exist")
    recursive, expand = (call.query.get(name, "").lower() == "true" for name in ("recursive", "expand"))
    prefix = f"{under}/" if under else ""
    names = [name for name in {*inside, *commit.tree} if name.startswith(prefix)]
    names = sorted(name for name in names if recursive or "/" not in name[len(prefix) :])
    cursor = call.query.get("cursor", "0")
    if not cursor.isdecimal():
        raise HubError(400, None, f"not a cursor: {cursor!r}")
    start, headers = int(cursor), {}
    if start + PAGE < len(names):
        following = f"{url}{call.path}?recursive={recursive}&expand={expand}&cursor={start + PAGE}"
        headers["Link"] = f'<{following}>; rel="next"'
    entries = [_entry(commit, name, inside, expand) for name in names[start : start + PAGE]]
    return Answer(body=entries, headers=headers)


def paths_info(call: Call, commit: Commit) -> Answer:
    """The entries at the paths that were asked for, without those that are not there."""
    form = parse_qs(call.body().decode(errors="replace"))
    names, expand = folders(commit.tree), form.get("expand", ["false"])[0].lower() == "true"
    wanted = [path.strip("/") for path in form.get("paths", [])]
    there = [path for path in wanted if path in commit.tree or path in names]
    return Answer(body=[_entry(commit, path, names, expand) for path in there])


def refs(call: Call, repo: Repo) -> Answer:
    """Branches and tags, and pull requests if they were asked for."""

    def listed(kind: str, refs: dict[str, str]) -> list[dict[str, str]]:
        return [{"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": oid} for name, oid in refs.items()]

    pulls = {name: oid for name, oid in repo.refs.branches.items() if name.startswith("refs/pr/")}
    branches = {name: oid for name, oid in repo.refs.branches.items() if name not in pulls}
    body: dict[str, Any] = {"branches": listed("heads", branches), "tags": listed("tags", repo.refs.tags)}
    if "include_prs" in call.query:
        body["pullRequests"] = [{"name": n, "ref": n, "targetCommit": oid} for n, oid in pulls.items()]
    return Answer(body=body | {"converts": []})


def pull_requests(call: Call, repo: Repo) -> Answer:
    """The pull requests, newest first; all are open, since nothing here merges or closes them."""
    wanted = call.query.get("type") in (None, "pull_request") and call.query.get("status") in (None, "open")
    heads = [(name, oid) for name, oid in repo.refs.branches.items() if name.startswith("refs/pr/") and wanted]
    listed = []
    for name, oid in reversed(heads):
        commit = repo.commits[oid]
        about = {"num": int(name.rpartition("/")[2]), "title": commit.title, "author": {"name": commit.author}}
        about |= {"createdAt": commit.date, "status": "open", "isPullRequest": True}
        listed.append(about | {"repo": {"name": repo.id, "type": repo.type}})
    return Answer(body={"discussions": listed, "count": len(listed), "start": 0})


def history(repo: Repo, commit: Commit) -> Answer:
    """A commit and those before it, newest first."""
    commits = []
    following: Commit | None = commit
    while following:
        commits.append(
            {"id": following.oid, "title": following.title, "message": following.message, "date": following.date}
            | {"authors": [{"user": following.author}]}
        )
        following = repo.commits.get(following.parent) if following.parent else None
    return Answer(body=commits)


def _sibling(path: str, file: File, blobs: bool) -> dict[str, Any]:
    lfs = {"lfs": file.lfs_info("sha256")} if file.is_lfs else {}
    return {"rfilename": path} | ({"size": file.size, "blobId": file.blob_id} | lfs if blobs else {})


def _entry(commit: Commit, path: str, inside: dict[str, str], expand: bool) -> dict[str, Any]:
    last = {"lastCommit": {"id": commit.oid, "title": commit.title, "date": commit.date}} if expand else {}
    if path in inside:
        return {"type": "directory", "oid": inside[path], "size": 0, "path": path} | last
    file = commit.tree[path]
    lfs = {"lfs": file.lfs_info("oid")} if file.is_lfs else {}
    return {"type": "file", "oid": file.blob_id, "size": file.size, "path": path} | lfs | last
