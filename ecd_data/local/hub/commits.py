"""What the operations of a commit do to a tree."""

from __future__ import annotations

import base64
import binascii
from pathlib import PurePosixPath

from ecd_data.local.hub.call import Fields
from ecd_data.local.hub.errors import HubError
from ecd_data.local.hub.repo import File
from ecd_data.local.hub.storage import Storage


def is_plain(path: str) -> bool:
    """Whether a path stays inside a repository, on any system that downloads it."""
    return not {"", ".", "..", ".git"} & set(path.split("/")) and not set(path) & set("\\\0\r\n")


def changed(tree: dict[str, File], operations: list[Fields], storage: Storage) -> dict[str, File]:
    """The tree after the operations; new contents of regular files are kept in the storage.

    Raises:
        HubError: an operation is malformed, names what is not there, or leaves the repository.
    """
    tree = dict(tree)
    for operation in operations:
        _apply(tree, operation["key"], operation["value"], storage)
    folders = {str(parent) for path in tree for parent in PurePosixPath(path).parents}
    if both := folders & tree.keys():
        raise HubError(400, None, f"a file and a folder at once: {min(both)!r}")
    return tree


def _apply(tree: dict[str, File], operation: str, value: Fields, storage: Storage) -> None:
    path = value["path"].removesuffix("/") if operation == "deletedFolder" else value["path"]
    if not is_plain(path):
        raise HubError(400, None, f"not a path inside the repository: {path!r}")
    match operation:
        case "file":
            tree[path] = storage.add_blob(_decoded(value))
        case "lfsFile":
            file = storage.lfs(value["oid"])
            if file is None:
                raise HubError(400, None, f"LFS pointer {value['oid']} points to no uploaded object ({path})")
            tree[path] = file
        case "deletedFile":
            if tree.pop(path, None) is None:
                raise HubError(404, "EntryNotFound", f"A file with this name doesn't exist: {path}")
        case "deletedFolder":
            for name in [name for name in tree if name.startswith(f"{path}/")]:
                del tree[name]
        case _:
            raise HubError(400, None, f"unknown operation {operation}")


def _decoded(value: Fields) -> bytes:
    try:
        return base64.b64decode(value["content"], validate=True)
    except binascii.Error:
        raise HubError(400, None, f"the content of {value['path']} is not base64") from None
