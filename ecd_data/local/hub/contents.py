"""What the local Hub says of a repository's contents: trees, entries, refs, history, and how a file is to be sent."""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qs

from ecd_data.local.hub.call import Answer, Call
from ecd_data.local.hub.storage import Commit, File, Repo, git_sha1

LFS_SUFFIXES = (".parquet", ".arrow", ".bin", ".safetensors", ".zip", ".gz")
LFS_THRESHOLD = 10 * 1024 * 1024


def is_plain(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return bool(parts) and not path.startswith("/") and ".." not in parts and ".git" not in parts and "\0" not in path


def folders(tree: dict[str, File]) -> dict[str, str]:
    """Every folder that the paths imply, with an id that follows its content."""
    inside: dict[str, list[tuple[str, str]]] = {}
    for path, file in sorted(tree.items()):
        for parent in list(PurePosixPath(path).parents)[:-1]:
            inside.setdefault(str(parent), []).append((path, file.blob_id))
    return {name: git_sha1("tree", json.dumps(files).encode()) for name, files in inside.items()}


def entry_of(commit: Commit, path: str, inside: dict[str, str], expand: bool) -> dict[str, Any]:
    last = {"lastCommit": {"id": commit.oid, "title": commit.title, "date": commit.date}} if expand else {}
    if path in inside:
        return {"type": "directory", "oid": inside[path], "size": 0, "path": path} | last
    file = commit.tree[path]
    lfs = {"lfs": file.lfs_info("oid")} if file.is_lfs else {}
    return {"type": "file", "oid": file.blob_id, "size": file.size, "path": path} | lfs | last


def paths_info(call: Call, commit: Commit) -> Answer:
    form = parse_qs(call.body().decode())
    names, expand = folders(commit.tree), form.get("expand", ["false"])[0].lower() == "true"
    wanted = [path.strip("/") for path in form.get("paths", [])]
    there = [path for path in wanted if path in commit.tree or path in names]
    return Answer(body=[entry_of(commit, path, names, expand) for path in there])


def refs(call: Call, repo: Repo) -> Answer:
    def listed(kind: str, refs: dict[str, str]) -> list[dict[str, str]]:
        return [{"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": oid} for name, oid in refs.items()]

    pulls = {name: oid for name, oid in repo.branches.items() if name.startswith("refs/pr/")}
    branches = {name: oid for name, oid in repo.branches.items() if name not in pulls}
    body: dict[str, Any] = {"branches": listed("heads", branches), "tags": listed("tags", repo.tags), "converts": []}
    if "include_prs" in call.query:
        body["pullRequests"] = [{"name": n, "ref": n, "targetCommit": oid} for n, oid in pulls.items()]
    return Answer(body=body)


def history(repo: Repo, commit: Commit) -> Answer:
    commits = []
    following: Commit | None = commit
    while following:
        commits.append(
            {"id": following.oid, "title": following.title, "message": following.message, "date": following.date}
            | {"authors": [{"user": following.author}]}
        )
        following = repo.commits.get(following.parent) if following.parent else None
    return Answer(body=commits)


def preupload(wanted: dict[str, Any], commit: Commit) -> Answer:
    files = []
    for asked in wanted["files"]:
        is_lfs = asked["path"].endswith(LFS_SUFFIXES) or asked["size"] > LFS_THRESHOLD
        known = commit.tree.get(asked["path"])
        entry = {"path": asked["path"], "uploadMode": "lfs" if is_lfs else "regular", "shouldIgnore": False}
        files.append(entry | ({"oid": known.sha256 or known.sha1} if known else {}))
    return Answer(body={"files": files, "commitOid": commit.oid})
