"""The local Hub with the Xet path that clients take by default: `hf_xet` keeps its own `local://` store.

Both `local://` and the layout of its shards are internals of `hf_xet`; hence tests on this may skip.
"""

import re
import tempfile
import time
from pathlib import Path

from ecd_data.local.hub import Hub
from ecd_data.local.hub.api import Api
from ecd_data.local.hub.call import Answer

ENTRY = 48  # bytes of everything in a shard


class XetHub(Hub):
    """A Hub whose object store is that of `hf_xet`, under `store`."""

    def __init__(self, directory, store):
        super().__init__(directory)
        self._api = XetApi(store, self._api.storage, self.tokens, self.url, self._api.store_url)


class XetApi(Api):
    def __init__(self, store, *about):
        super().__init__(*about)
        self.store, self.xet = Path(store), {}

    def answer(self, call):
        if found := re.fullmatch(r"/api/datasets/([^/]+/[^/]+)/xet-(write|read)-token/.+", call.path):
            self._repo(call, "dataset", found[1], write=found[2] == "write")
            about = {"casUrl": f"local://{self.store}", "accessToken": "t", "exp": int(time.time()) + 3600}
            names = {"Cas-Url": "casUrl", "Access-Token": "accessToken", "Token-Expiration": "exp"}
            return Answer(body=about, headers={f"X-Xet-{name}": str(about[key]) for name, key in names.items()})
        if call.method == "POST" and "/commit/" in call.path:
            self._take_over()
        answer = super().answer(call)
        if answer.status == 302 and "X-Linked-Etag" in answer.headers:
            repo = re.match(r"/datasets/([^/]+/[^/]+)/", call.path)[1]
            token = f"{self.url}/api/datasets/{repo}/xet-read-token/{answer.headers['X-Repo-Commit']}"
            answer.headers["X-Xet-Hash"] = self.xet[answer.headers["X-Linked-Etag"].strip('"')]
            answer.headers["Link"] = f'<{token}>; rel="xet-auth"'
        return answer

    def _take_over(self):
        """Makes LFS objects of the files that were uploaded."""
        for shard in self.store.glob("**/shards/*.mdb"):
            for sha256, xet, size in shard_files(shard.read_bytes()):
                self.xet[sha256] = xet
                if self.storage.lfs(sha256) is None:
                    self.storage.add_lfs(sha256, [self._content(xet, size)])

    def _content(self, xet, size):
        from hf_xet import XetFileInfo
        from huggingface_hub.utils._xet import get_xet_session

        where = {"endpoint": f"local://{self.store}", "token": "t", "token_expiry_unix_secs": int(time.time()) + 3600}
        nothing = {"token_refresh_url": None, "token_refresh_headers": {}, "custom_headers": {}}
        with tempfile.TemporaryDirectory() as folder:
            with get_xet_session().new_file_download_group(**where, **nothing) as group:
                group.start_download_file(XetFileInfo(xet, size), f"{folder}/file")
            return Path(folder, "file").read_bytes()


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
