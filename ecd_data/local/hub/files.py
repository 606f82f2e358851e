"""How files go to the local Hub and come from it: LFS, ranges, and redirects to the object store."""

from __future__ import annotations

import re
from typing import Any

from ecd_data.local.hub.call import Answer, Call
from ecd_data.local.hub.errors import HubError
from ecd_data.local.hub.repo import Commit, File
from ecd_data.local.hub.storage import Storage

LFS_SUFFIXES = (".parquet", ".arrow", ".bin", ".safetensors", ".zip", ".gz")
LFS_THRESHOLD = 10 * 1024 * 1024  # bytes


def preupload(call: Call, commit: Commit) -> Answer:
    """How each file is to be sent, and what stands in its place now."""
    files = []
    for asked in call.json()["files"]:
        is_lfs = asked["path"].endswith(LFS_SUFFIXES) or asked["size"] > LFS_THRESHOLD
        known = commit.tree.get(asked["path"])
        entry = {"path": asked["path"], "uploadMode": "lfs" if is_lfs else "regular", "shouldIgnore": False}
        files.append(entry | ({"oid": known.sha256 or known.sha1} if known else {}))
    return Answer(body={"files": files, "commitOid": commit.oid})


def lfs_batch(call: Call, storage: Storage, url: str, store_url: str) -> Answer:
    """Where to upload the LFS objects that are not there yet."""
    objects = []
    for asked in call.json()["objects"]:
        entry: dict[str, Any] = {"oid": asked["oid"], "size": asked["size"]}
        if storage.lfs(asked["oid"]) is None:
            upload, verify = (f"{base}/lfs-store/{asked['oid']}" for base in (store_url, url))
            actions = {"upload": {"href": upload, "header": {}}, "verify": {"href": verify, "header": {}}}
            entry |= {"authenticated": True, "actions": actions}
        objects.append(entry)
    headers = {"Content-Type": "application/vnd.git-lfs+json"}
    return Answer(body={"transfer": "basic", "objects": objects}, headers=headers)


def lfs_object(call: Call, storage: Storage, oid: str) -> Answer:
    """Takes, verifies or gives one LFS object."""
    if call.method == "PUT":
        storage.add_lfs(oid, call.chunks)
        return Answer(headers={"ETag": f'"{oid}"'}, body={})
    file = storage.lfs(oid)
    if file is None:
        raise HubError(404, None, "no such object")
    if call.method == "POST":  # verify
        if call.json()["size"] != file.size:
            raise HubError(422, None, "size mismatch")
        return Answer(body={})
    return _content(call, storage, file, {})


def resolve(call: Call, storage: Storage, commit: Commit, path: str, store_url: str) -> Answer:
    """A file of a commit: its bytes, or where the object store has them."""
    headers = {"X-Repo-Commit": commit.oid}
    file = commit.tree.get(path)
    if file is None:
        raise HubError(404, "EntryNotFound", "Entry not found", headers=headers)
    if not file.is_lfs:
        return _content(call, storage, file, headers)
    linked = {"X-Linked-Size": str(file.size), "X-Linked-Etag": f'"{file.sha256}"', "ETag": f'"{file.blob_id}"'}
    return Answer(302, {}, headers | linked | {"Location": f"{store_url}/lfs-store/{file.sha256}"})


def _content(call: Call, storage: Storage, file: File, headers: dict[str, str]) -> Answer:
    """The bytes of a file, or the range that was asked for."""
    etag = file.sha256 or file.sha1
    headers = {"ETag": f'"{etag}"', "Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"} | headers
    asked = re.fullmatch(r"bytes=(\d*)-(\d*)", call.range or "")
    if not asked or call.range == "bytes=-":
        return Answer(200, None, headers, storage.path(file), 0, file.size)
    first = int(asked[1]) if asked[1] else max(0, file.size - int(asked[2]))
    last = min(int(asked[2]), file.size - 1) if asked[1] and asked[2] else file.size - 1
    if first >= file.size or first > last:
        content_range = {"Content-Range": f"bytes */{file.size}"}
        raise HubError(416, None, "Range not satisfiable", headers=content_range)
    headers["Content-Range"] = f"bytes {first}-{last}/{file.size}"
    return Answer(206, None, headers, storage.path(file), first, last - first + 1)
