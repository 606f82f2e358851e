"""The local Hub with the Xet path that clients take by default: `hf_xet` keeps its own `local://` store.

Both `local://` and the layout of its shards are internals of `hf_xet`; hence tests on this may skip.
"""

import tempfile
import time
from pathlib import Path

from aiohttp import web

from ecd_data.local.hub import Hub
from ecd_data.local.hub.request import REPO, STATE, repo_of

ENTRY = 48  # bytes of everything in a shard


class XetHub(Hub):
    """A Hub whose object store is that of `hf_xet`, in the folder `store`."""

    def __init__(self, directory, store):
        super().__init__(directory)
        self.store, self.xet = Path(store), {}
        self.app.router.add_get(f"{REPO}/xet-{{right:read|write}}-token/{{revision}}", self.token_of_store)

    async def token_of_store(self, request):
        repo_of(request, write=request.match_info["right"] == "write")
        body = {"casUrl": f"local://{self.store}", "accessToken": "t", "exp": int(time.time()) + 3600}
        names = {"Cas-Url": "casUrl", "Access-Token": "accessToken", "Token-Expiration": "exp"}
        return web.json_response(body, headers={f"X-Xet-{name}": str(body[key]) for name, key in names.items()})

    @web.middleware
    async def answer(self, request, handler):
        if request.method == "POST" and "/commit/" in request.path:
            await self._take_over(request.app[STATE].storage)
        response = await super().answer(request, handler)
        if response.status == 302 and "X-Linked-Etag" in response.headers:
            repo = request.match_info["id"]
            token = f"{self.url}/api/datasets/{repo}/xet-read-token/{response.headers['X-Repo-Commit']}"
            response.headers["X-Xet-Hash"] = self.xet[response.headers["X-Linked-Etag"].strip('"')]
            response.headers["Link"] = f'<{token}>; rel="xet-auth"'
        return response

    async def _take_over(self, storage):
        """Make LFS objects of the files that were uploaded."""
        for shard in self.store.glob("**/shards/*.mdb"):
            for sha256, xet, size in shard_files(shard.read_bytes()):
                self.xet[sha256] = xet
                if storage.lfs(sha256) is None:
                    await storage.add_lfs(sha256, self._content(xet, size))

    async def _content(self, xet, size):
        from hf_xet import XetFileInfo
        from huggingface_hub.utils._xet import get_xet_session

        where = {"endpoint": f"local://{self.store}", "token": "t", "token_expiry_unix_secs": int(time.time()) + 3600}
        nothing = {"token_refresh_url": None, "token_refresh_headers": {}, "custom_headers": {}}
        with tempfile.TemporaryDirectory() as folder:
            with get_xet_session().new_file_download_group(**where, **nothing) as group:
                group.start_download_file(XetFileInfo(xet, size), f"{folder}/file")
            yield Path(folder, "file").read_bytes()


def shard_files(shard):
    """SHA-256, Xet hash and size of each file in a shard."""
    at = ENTRY
    while shard[at : at + 32] != b"\xff" * 32:
        flags, segments = (int.from_bytes(shard[at + k : at + k + 4], "little") for k in (32, 36))
        starts = range(at + ENTRY, at + ENTRY * (segments + 1), ENTRY)
        size = sum(int.from_bytes(shard[start + 36 : start + 40], "little") for start in starts)
        xet = _hex(shard[at : at + 32])
        at += ENTRY * (1 + segments * (2 if flags & 1 << 31 else 1))
        if flags & 1 << 30:
            yield _hex(shard[at : at + 32]), xet, size
            at += ENTRY


def _hex(raw):
    """Xet's text form of a hash: four little-endian words."""
    return "".join(f"{int.from_bytes(raw[i : i + 8], 'little'):016x}" for i in range(0, 32, 8))
