"""Routes by which files go to the local Hub and come from it: LFS, ranges, and redirects to the object store."""

from typing import Any

from aiohttp import web

from ecd_data.local.hub.repo import File, HubError
from ecd_data.local.hub.request import PAGE, REPO, STATE, check_gate, commit_of, json_body, repo_of

LFS_SUFFIXES = (".parquet", ".arrow", ".bin", ".safetensors", ".zip", ".gz")
LFS_THRESHOLD = 10 * 1024 * 1024  # bytes
OBJECT = "/lfs-store/{oid:[0-9a-f]{64}}"
ETAG = web.ResponseKey("etag", str)  # the ETag to send: that of aiohttp is made of the file's time and size

routes = web.RouteTableDef()


@routes.post(f"{REPO}/preupload/{{revision}}")
async def preupload(request: web.Request) -> web.Response:
    """Answer with how each file is to be sent, and with the hash of its present content."""
    fields, files = await json_body(request), []
    commit = commit_of(request, write=True)
    for file in fields["files"]:
        is_lfs = file["path"].endswith(LFS_SUFFIXES) or file["size"] > LFS_THRESHOLD
        present = commit.tree.get(file["path"])
        entry = {"path": file["path"], "uploadMode": "lfs" if is_lfs else "regular", "shouldIgnore": False}
        files.append(entry | ({"oid": present.digest} if present else {}))
    return web.json_response({"files": files, "commitOid": commit.oid})


@routes.post(f"{PAGE}.git/info/lfs/objects/batch")
async def lfs_batch(request: web.Request) -> web.Response:
    """Answer with where to upload those LFS objects that the Hub does not have."""
    fields, state = await json_body(request), request.app[STATE]
    repo_of(request, write=True)
    objects = []
    for wanted in fields["objects"]:
        entry: dict[str, Any] = {"oid": wanted["oid"], "size": wanted["size"]}
        if state.storage.lfs(wanted["oid"]) is None:
            upload, verify = (f"{base}/lfs-store/{wanted['oid']}" for base in (state.store_url, state.url))
            actions = {"upload": {"href": upload, "header": {}}, "verify": {"href": verify, "header": {}}}
            entry |= {"authenticated": True, "actions": actions}
        objects.append(entry)
    return web.json_response({"transfer": "basic", "objects": objects}, content_type="application/vnd.git-lfs+json")


@routes.put(OBJECT)
async def upload(request: web.Request) -> web.Response:
    """Take an LFS object."""
    oid = request.match_info["oid"]
    await request.app[STATE].storage.add_lfs(oid, request.content.iter_any())
    return web.json_response({}, headers={"ETag": f'"{oid}"'})


@routes.post(OBJECT)
async def verify(request: web.Request) -> web.Response:
    """Check that an LFS object was taken, by its size."""
    fields = await json_body(request)
    if fields["size"] != _lfs_object(request).size:
        raise HubError(422, "size mismatch")
    return web.json_response({})


@routes.get(OBJECT)
async def download(request: web.Request) -> web.StreamResponse:
    """Answer with an LFS object, or a range of it."""
    return _content(request, _lfs_object(request))


@routes.get(f"{PAGE}/resolve/{{revision}}/{{path:.+}}")
async def resolve(request: web.Request) -> web.StreamResponse:
    """Answer with the bytes of a file in a commit, or with where the object store has them."""
    check_gate(request, repo_of(request))
    commit = commit_of(request)
    headers = {"X-Repo-Commit": commit.oid}
    file = commit.tree.get(request.match_info["path"])
    if file is None:
        raise HubError(404, "Entry not found", "EntryNotFound", headers)
    if not file.is_lfs:
        return _content(request, file, headers)
    headers |= {"X-Linked-Size": str(file.size), "X-Linked-Etag": f'"{file.sha256}"', "ETag": f'"{file.blob_id}"'}
    location = f"{request.app[STATE].store_url}/lfs-store/{file.sha256}"
    return web.json_response({}, status=302, headers=headers | {"Location": location})


def _lfs_object(request: web.Request) -> File:
    file = request.app[STATE].storage.lfs(request.match_info["oid"])
    if file is None:
        raise HubError(404, "no such object")
    return file


def _content(request: web.Request, file: File, headers: dict[str, str] | None = None) -> web.FileResponse:
    """Return an answer with the bytes of a file, or with the range that the request names."""
    response = web.FileResponse(request.app[STATE].storage.path(file), headers=headers)
    response.content_type = "application/octet-stream"
    response[ETAG] = file.digest
    return response
