"""The routes of the local Hub: what each request means for the repositories on disk."""

from __future__ import annotations

import base64
import binascii
import json
import re
import secrets
from typing import Any
from urllib.parse import unquote

import yaml

from ecd_data.local.hub.call import Answer, Call
from ecd_data.local.hub.contents import entry_of, folders, history, is_plain, paths_info, preupload, refs
from ecd_data.local.hub.storage import GITATTRIBUTES, Commit, File, HubError, Repo, Storage

PAGE = 1000
REPO = r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*"
WRITES = {("POST", verb) for verb in ("preupload", "commit", "branch", "tag")} | {
    ("PUT", "settings"),
    ("DELETE", "branch"),
    ("DELETE", "tag"),
}


class Api:
    """Answers calls.

    Args:
        storage: the repositories.
        tokens: users by token; a user whose `orgs` is None belongs to every namespace.
        url, store_url: where the Hub and its object store listen.
    """

    def __init__(self, storage: Storage, tokens: dict[str, dict[str, Any]], url: str, store_url: str) -> None:
        self.storage, self.tokens, self.url, self.store_url = storage, tokens, url, store_url

    def answer(self, call: Call) -> Answer:
        """The answer to a call; HubError for one that fails."""
        match (call.method, call.path):
            case ("GET", "/api/whoami-v2"):
                return self._whoami(call)
            case ("POST", "/api/validate-yaml"):
                return _validate_yaml(call.json())
            case ("POST", "/api/repos/create"):
                return self._create(call)
            case ("DELETE", "/api/repos/delete"):
                return self._delete(call)
        if found := re.fullmatch(r"/lfs-store/([0-9a-f]{64})", call.path):
            return self._lfs_object(call, found[1])
        if found := re.fullmatch(rf"/(datasets/)?({REPO})\.git/info/lfs/objects/batch", call.path):
            self._repo(call, "dataset" if found[1] else "model", found[2], write=True)
            return self._lfs_batch(call.json())
        if found := re.fullmatch(rf"/(datasets/)?({REPO})/resolve/([^/]+)/(.+)", call.path):
            repo = self._repo(call, "dataset" if found[1] else "model", found[2])
            return self._resolve(call, repo, unquote(found[3]), unquote(found[4]))
        if found := re.fullmatch(rf"/api/(dataset|model)s/({REPO})(?:/([a-z-]+)(?:/([^/]+)(?:/(.*))?)?)?", call.path):
            verb, revision, rest = found[3], unquote(found[4] or "main"), unquote(found[5] or "")
            repo = self._repo(call, found[1], found[2], write=(call.method, verb) in WRITES)
            return self._repo_verb(call, repo, verb, revision, rest)
        raise HubError(501, None, f"the local Hub has no answer for {call.method} {call.path}")

    def _repo_verb(self, call: Call, repo: Repo, verb: str | None, revision: str, rest: str) -> Answer:
        match (call.method, verb):
            case ("GET", None | "revision"):
                return Answer(body=self._info(repo, repo.resolve(revision), "blobs" in call.query))
            case ("GET", "tree"):
                return self._tree(call, repo, revision, rest)
            case ("POST", "paths-info"):
                return paths_info(call, repo.resolve(revision))
            case ("GET", "refs"):
                return refs(call, repo)
            case ("GET", "commits"):
                return history(repo, repo.resolve(revision))
            case ("POST", "preupload"):
                return preupload(call.json(), repo.resolve(revision))
            case ("POST", "commit"):
                return self._commit(call, repo, revision)
            case ("POST", "branch"):
                start = call.json().get("startingPoint", "main")
                return self._add_ref(repo, repo.branches, revision, start, "Reference already exists")
            case ("POST", "tag"):
                return self._add_ref(repo, repo.tags, call.json()["tag"], revision, "Tag reference exists already")
            case ("DELETE", "branch" | "tag"):
                with repo.lock:
                    if (repo.branches if verb == "branch" else repo.tags).pop(revision, None) is None:
                        raise HubError(404, "RevisionNotFound", f"Invalid rev id: {revision}")
                    self.storage.save(repo)
                return Answer(body={})
            case ("PUT", "settings"):
                with repo.lock:
                    repo.private = call.json().get("visibility", "private" if repo.private else "public") == "private"
                    self.storage.save(repo)
                return Answer(body={"private": repo.private})
        raise HubError(501, None, f"the local Hub has no answer for {call.method} {call.path}")

    # ---- who may do what ---------------------------------------------------------------------------------------
    def _user(self, call: Call) -> dict[str, Any] | None:
        if not call.token:
            return None
        if call.token not in self.tokens:
            raise HubError(401, None, "Invalid credentials in Authorization header")
        return self.tokens[call.token]

    def _signed_in(self, call: Call) -> dict[str, Any]:
        user = self._user(call)
        if user is None:
            raise HubError(401, None, "Invalid username or password.")
        return user

    def _repo(self, call: Call, type_: str, id_: str, write: bool = False) -> Repo:
        user, repo = self._user(call), self.storage.repos.get((type_, id_))
        namespace = id_.split("/")[0]
        if repo is None or (repo.private and not (user and _belongs(user, namespace))):
            raise HubError(404 if user else 401, "RepoNotFound", "Repository not found")
        if write and not _may_write(self._signed_in(call), namespace):
            raise HubError(403, None, f"Forbidden: pass a token with write access to {id_}")
        return repo

    def _whoami(self, call: Call) -> Answer:
        user = self._signed_in(call)
        orgs = [{"type": "org", "name": name, "fullname": name, "roleInOrg": "write"} for name in user["orgs"] or []]
        token = {"displayName": "local", "role": user["role"]}
        auth = {"type": "access_token", "accessToken": token}
        return Answer(
            body={"type": "user", "id": "0" * 24, "name": user["name"], "fullname": user["name"], "isPro": False}
            | {"orgs": orgs, "auth": auth}
        )

    # ---- repositories ------------------------------------------------------------------------------------------
    def _create(self, call: Call) -> Answer:
        user, wanted = self._signed_in(call), call.json()
        namespace, type_ = wanted.get("organization") or user["name"], wanted.get("type") or "model"
        id_ = f"{namespace}/{wanted.get('name')}"
        if not re.fullmatch(REPO, id_) or type_ not in ("dataset", "model"):
            raise HubError(400, None, f"{type_} {id_!r}: not a repository name")
        url = f"{self.url}/{_prefix(type_)}{id_}"
        if not _may_write(user, namespace):
            raise HubError(403, None, f'You don\'t have the rights to create a {type_} under "{namespace}"')
        with self.storage.lock:
            if (type_, id_) in self.storage.repos:
                raise HubError(409, None, f"You already created this {type_} repo", url=url)
            repo = Repo(type_, id_, wanted.get("visibility") == "private")
            repo.commit("main", "initial commit", "", user["name"], {".gitattributes": self._attributes()})
            self.storage.save(repo)
            self.storage.repos[type_, id_] = repo
        return Answer(body={"url": url, "name": id_, "id": secrets.token_hex(12)})

    def _attributes(self) -> File:
        return self.storage.add_regular(GITATTRIBUTES)

    def _delete(self, call: Call) -> Answer:
        user, wanted = self._signed_in(call), call.json()
        id_ = f"{wanted.get('organization') or user['name']}/{wanted.get('name')}"
        with self.storage.lock:
            self.storage.delete(self._repo(call, wanted.get("type") or "model", id_, write=True))
        return Answer(body={})

    def _info(self, repo: Repo, commit: Commit, blobs: bool) -> dict[str, Any]:
        siblings = []
        for path, file in sorted(commit.tree.items()):
            entry: dict[str, Any] = {"rfilename": path}
            if blobs:
                entry |= {"size": file.size, "blobId": file.blob_id}
                if file.is_lfs:
                    entry["lfs"] = file.lfs_info("sha256")
            siblings.append(entry)
        info = {
            "_id": "0" * 24,
            "id": repo.id,
            "author": repo.id.split("/")[0],
            "sha": commit.oid,
            "createdAt": next(iter(repo.commits.values())).date,
            "lastModified": commit.date,
            "private": repo.private,
            "gated": False,
            "disabled": False,
            "tags": [],
            "downloads": 0,
            "likes": 0,
            "siblings": siblings,
        }
        if card := commit.tree.get("README.md"):
            metadata = _metadata(self.storage.path(card).read_text(encoding="utf-8", errors="replace"))
            info |= {"cardData": metadata} if metadata else {}
        return info

    def _tree(self, call: Call, repo: Repo, revision: str, under: str) -> Answer:
        commit = repo.resolve(revision)
        inside = folders(commit.tree)
        if under and under not in inside:
            raise HubError(404, "EntryNotFound", f'{under} does not exist on "{revision}"')
        recursive, expand = (call.query.get(name, "").lower() == "true" for name in ("recursive", "expand"))
        prefix = f"{under}/" if under else ""
        names = [name for name in {*inside, *commit.tree} if name.startswith(prefix)]
        names = sorted(name for name in names if recursive or "/" not in name[len(prefix) :])
        start, headers = int(call.query.get("cursor", 0)), {}
        if start + PAGE < len(names):
            following = f"{self.url}{call.path}?recursive={recursive}&expand={expand}&cursor={start + PAGE}"
            headers["Link"] = f'<{following}>; rel="next"'
        entries = [entry_of(commit, name, inside, expand) for name in names[start : start + PAGE]]
        return Answer(body=entries, headers=headers)

    def _add_ref(self, repo: Repo, refs: dict[str, str], name: str, start: str, taken: str) -> Answer:
        with repo.lock:
            if name in refs:
                raise HubError(409, None, f"{taken}: {name}")
            refs[name] = repo.resolve(start).oid
            self.storage.save(repo)
        return Answer(body={})

    # ---- files -------------------------------------------------------------------------------------------------
    def _lfs_batch(self, wanted: dict[str, Any]) -> Answer:
        objects = []
        for asked in wanted["objects"]:
            entry: dict[str, Any] = {"oid": asked["oid"], "size": asked["size"]}
            if self.storage.lfs(asked["oid"]) is None:
                upload, verify = (f"{base}/lfs-store/{asked['oid']}" for base in (self.store_url, self.url))
                actions = {"upload": {"href": upload, "header": {}}, "verify": {"href": verify, "header": {}}}
                entry |= {"authenticated": True, "actions": actions}
            objects.append(entry)
        headers = {"Content-Type": "application/vnd.git-lfs+json"}
        return Answer(body={"transfer": "basic", "objects": objects}, headers=headers)

    def _lfs_object(self, call: Call, oid: str) -> Answer:
        if call.method == "PUT":
            self.storage.add_lfs(oid, call.chunks)
            return Answer(headers={"ETag": f'"{oid}"'}, body={})
        file = self.storage.lfs(oid)
        if file is None:
            raise HubError(404, None, "no such object")
        if call.method == "POST":  # verify
            if call.json().get("size") != file.size:
                raise HubError(422, None, "size mismatch")
            return Answer(body={})
        return self._content(call, file, {})

    def _content(self, call: Call, file: File, headers: dict[str, str]) -> Answer:
        """The bytes of a file, or the range that was asked for."""
        etag = file.sha256 or file.sha1
        headers = {"ETag": f'"{etag}"', "Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"} | headers
        asked = re.fullmatch(r"bytes=(\d*)-(\d*)", call.range or "")
        if not asked or call.range == "bytes=-":
            return Answer(200, None, headers, self.storage.path(file), 0, file.size)
        first = int(asked[1]) if asked[1] else max(0, file.size - int(asked[2]))
        last = min(int(asked[2]), file.size - 1) if asked[1] and asked[2] else file.size - 1
        if first >= file.size or first > last:
            content_range = {"Content-Range": f"bytes */{file.size}"}
            raise HubError(416, None, "Range not satisfiable", headers=content_range)
        headers["Content-Range"] = f"bytes {first}-{last}/{file.size}"
        return Answer(206, None, headers, self.storage.path(file), first, last - first + 1)

    def _resolve(self, call: Call, repo: Repo, revision: str, path: str) -> Answer:
        commit = repo.resolve(revision)
        headers = {"X-Repo-Commit": commit.oid}
        file = commit.tree.get(path)
        if file is None:
            raise HubError(404, "EntryNotFound", "Entry not found", headers=headers)
        if not file.is_lfs:
            return self._content(call, file, headers)
        linked = {"X-Linked-Size": str(file.size), "X-Linked-Etag": f'"{file.sha256}"', "ETag": f'"{file.blob_id}"'}
        return Answer(302, {}, headers | linked | {"Location": f"{self.store_url}/lfs-store/{file.sha256}"})

    def _commit(self, call: Call, repo: Repo, revision: str) -> Answer:
        lines = [json.loads(line) for line in call.body().splitlines() if line.strip()]
        if not lines or lines[0].get("key") != "header":
            raise HubError(400, None, "the first line must be the header")
        head, author = lines[0]["value"], self._signed_in(call)["name"]
        pull_request = {}
        with repo.lock:
            if revision not in repo.branches:
                raise HubError(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            tip = repo.resolve(revision)
            parent = head.get("parentCommit")
            if parent and not tip.oid.startswith(parent):
                raise HubError(412, None, "A commit has happened since. Please refresh and try again.")
            tree = dict(tip.tree)
            for line in lines[1:]:
                self._apply(tree, line["key"], line["value"])
            page = f"{self.url}/{_prefix(repo.type)}{repo.id}"
            if "create_pr" in call.query:
                number = 1 + sum(name.startswith("refs/pr/") for name in repo.branches)
                revision = f"refs/pr/{number}"
                repo.branches[revision] = tip.oid
                pull_request = {"pullRequestUrl": f"{page}/discussions/{number}"}
            done = repo.commit(revision, head["summary"], head.get("description", ""), author, tree)
            self.storage.save(repo)
        return Answer(
            body={"success": True, "commitOid": done.oid, "commitUrl": f"{page}/commit/{done.oid}"} | pull_request
        )

    def _apply(self, tree: dict[str, File], operation: str, value: dict[str, Any]) -> None:
        path = value["path"]
        if not is_plain(path):
            raise HubError(400, None, f"not a path inside the repository: {path!r}")
        match operation:
            case "file":
                try:
                    tree[path] = self.storage.add_regular(base64.b64decode(value["content"], validate=True))
                except binascii.Error:
                    raise HubError(400, None, f"the content of {path} is not base64") from None
            case "lfsFile":
                file = self.storage.lfs(value["oid"])
                if file is None:
                    raise HubError(400, None, f"LFS pointer {value['oid']} points to no uploaded object ({path})")
                tree[path] = file
            case "deletedFile":
                if tree.pop(path, None) is None:
                    raise HubError(404, "EntryNotFound", f"A file with this name doesn't exist: {path}")
            case "deletedFolder":
                for name in [name for name in tree if name.startswith(path.rstrip("/") + "/")]:
                    del tree[name]
            case _:
                raise HubError(400, None, f"unknown operation {operation}")


def _belongs(user: dict[str, Any], namespace: str) -> bool:
    return user["orgs"] is None or namespace in [user["name"], *user["orgs"]]


def _may_write(user: dict[str, Any], namespace: str) -> bool:
    return user["role"] == "write" and _belongs(user, namespace)


def _prefix(type_: str) -> str:
    return "datasets/" if type_ == "dataset" else ""


def _metadata(card: str) -> Any:
    """The YAML at the head of a card, `None` when there is none."""
    front = re.match(r"\A---\r?\n(.*?)^---\s*$", card, re.DOTALL | re.MULTILINE)
    try:
        return yaml.safe_load(front[1]) if front else None
    except yaml.YAMLError as error:
        raise HubError(400, None, f"YAML: {error}") from None


def _validate_yaml(wanted: dict[str, Any]) -> Answer:
    try:
        metadata = _metadata(wanted["content"])
    except HubError as error:
        return Answer(400, {"errors": [{"message": error.message}], "warnings": []})
    if metadata is not None and not isinstance(metadata, dict):
        return Answer(400, {"errors": [{"message": "YAML metadata must be a mapping"}], "warnings": []})
    warnings = [] if metadata else [{"message": "empty or missing yaml metadata in repo card"}]
    return Answer(body={"errors": [], "warnings": warnings})
