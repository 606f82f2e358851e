"""The routes of the local Hub: who may ask what, and which part answers."""

from __future__ import annotations

import re
import secrets
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

from ecd_data.local.hub import collections, contents, files
from ecd_data.local.hub.call import Answer, Call
from ecd_data.local.hub.cards import validate_yaml
from ecd_data.local.hub.commits import changed
from ecd_data.local.hub.errors import HubError
from ecd_data.local.hub.repo import Commit, Repo, new_commit
from ecd_data.local.hub.storage import Storage

NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,95}"
REPO = f"{NAME}/{NAME}"
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
                return validate_yaml(call)
            case ("POST", "/api/repos/create"):
                return self._create(call)
            case ("DELETE", "/api/repos/delete"):
                return self._delete(call)
        if found := re.fullmatch(rf"/api/collections(?:/({REPO})(/items)?)?", call.path):
            return self._collection(call, found[1], bool(found[2]))
        if found := re.fullmatch(r"/lfs-store/([0-9a-f]{64})", call.path):
            return files.lfs_object(call, self.storage, found[1])
        if found := re.fullmatch(rf"/(datasets/)?({REPO})\.git/info/lfs/objects/batch", call.path):
            self._repo(call, "dataset" if found[1] else "model", found[2], write=True)
            return files.lfs_batch(call, self.storage, self.url, self.store_url)
        if found := re.fullmatch(rf"/(datasets/)?({REPO})/resolve/([^/]+)/(.+)", call.path):
            repo = self._repo(call, "dataset" if found[1] else "model", found[2])
            self._let_in(call, repo)
            commit = repo.resolve(unquote(found[3]))
            return files.resolve(call, self.storage, commit, unquote(found[4]), self.store_url)
        if found := re.fullmatch(rf"/api/(dataset|model)s/({REPO})(?:/([a-z-]+)(?:/([^/]+)(?:/(.*))?)?)?", call.path):
            verb, revision, rest = found[3], unquote(found[4] or "main"), unquote(found[5] or "")
            repo = self._repo(call, found[1], found[2], write=(call.method, verb) in WRITES)
            return self._repo_verb(call, repo, verb, revision, rest)
        raise HubError(501, None, f"the local Hub has no answer for {call.method} {call.path}")

    def _repo_verb(self, call: Call, repo: Repo, verb: str | None, revision: str, rest: str) -> Answer:
        match (call.method, verb):
            case ("GET", None | "revision"):
                commit = repo.resolve(revision)
                return contents.info(call, repo, commit, self._card(commit))
            case ("GET", "tree"):
                return contents.tree(call, repo.resolve(revision), rest, self.url)
            case ("POST", "paths-info"):
                return contents.paths_info(call, repo.resolve(revision))
            case ("GET", "refs"):
                return contents.refs(call, repo)
            case ("GET", "discussions"):
                return contents.pull_requests(call, repo)
            case ("GET", "commits"):
                return contents.history(repo, repo.resolve(revision))
            case ("POST", "preupload"):
                return files.preupload(call, repo.resolve(revision))
            case ("POST", "commit"):
                return self._commit(call, repo, revision)
            case ("POST", "branch"):
                return self._add_branch(repo, revision, call.json().get("startingPoint", "main"))
            case ("POST", "tag"):
                return self._add_tag(repo, call.json()["tag"], revision)
            case ("DELETE", "branch"):
                return self._delete_branch(repo, revision)
            case ("DELETE", "tag"):
                return self._delete_tag(repo, revision)
            case ("PUT", "settings"):
                return self._set(repo, call.json())
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
        if repo is None or (repo.refs.private and not (user and _belongs(user, repo.namespace))):
            raise HubError(404 if user else 401, "RepoNotFound", "Repository not found")
        if write and not _may_write(self._signed_in(call), repo.namespace):
            raise HubError(403, None, f"Forbidden: pass a token with write access to {id_}")
        return repo

    def _let_in(self, call: Call, repo: Repo) -> None:
        """Lets members read a gated repository; nobody else has been granted access here."""
        user = self._user(call)
        if repo.refs.gated and not (user and _belongs(user, repo.namespace)):
            raise HubError(403 if user else 401, "GatedRepo", f"Access to {repo.type} {repo.id} is restricted.")

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
        id_ = f"{namespace}/{wanted['name']}"
        _check_name(type_, id_)
        if not _may_write(user, namespace):
            raise HubError(403, None, f'You don\'t have the rights to create a {type_} under "{namespace}"')
        repo = self.storage.create(type_, id_, wanted.get("visibility") == "private", user["name"])
        url = self.url + Repo(type_, id_).page
        if repo is None:
            raise HubError(409, None, f"You already created this {type_} repo", url=url)
        return Answer(body={"url": url, "name": id_, "id": secrets.token_hex(12)})

    def _delete(self, call: Call) -> Answer:
        user, wanted = self._signed_in(call), call.json()
        id_ = f"{wanted.get('organization') or user['name']}/{wanted['name']}"
        self.storage.delete(self._repo(call, wanted.get("type") or "model", id_, write=True))
        return Answer(body={})

    def _set(self, repo: Repo, wanted: dict[str, Any]) -> Answer:
        private = {"private": wanted["visibility"] == "private"} if "visibility" in wanted else {}
        gated = {"gated": wanted["gated"]} if "gated" in wanted else {}
        with self.storage.changing(repo):
            self.storage.set_refs(repo, replace(repo.refs, **private, **gated))
        return Answer(body={"private": repo.refs.private, "gated": repo.refs.gated})

    def _collection(self, call: Call, slug: str | None, items: bool) -> Answer:
        if call.method == "GET" and slug and not items:
            return collections.show(self.storage, slug)
        if call.method != "POST" or bool(slug) != items:
            raise HubError(501, None, f"the local Hub has no answer for {call.method} {call.path}")
        wanted = call.json()
        namespace = slug.split("/")[0] if slug else wanted["namespace"]
        if not _may_write(self._signed_in(call), namespace):
            raise HubError(403, None, f"You don't have the rights to change the collections of {namespace}")
        return collections.add(wanted, self.storage, slug) if slug else collections.create(wanted, self.storage)

    def _card(self, commit: Commit) -> str:
        card = commit.tree.get("README.md")
        return self.storage.path(card).read_text(encoding="utf-8", errors="replace") if card else ""

    # ---- commits and refs --------------------------------------------------------------------------------------
    def _commit(self, call: Call, repo: Repo, revision: str) -> Answer:
        lines, author = call.ndjson(), self._signed_in(call)["name"]
        if not lines or lines[0]["key"] != "header":
            raise HubError(400, None, "the first line must be the header")
        head, pull_request = lines[0]["value"], {}
        with self.storage.changing(repo):
            if revision not in repo.refs.branches:
                raise HubError(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            tip, parent = repo.resolve(revision), head.get("parentCommit")
            if parent and not tip.oid.startswith(parent):
                raise HubError(412, None, "A commit has happened since. Please refresh and try again.")
            tree = changed(tip.tree, lines[1:], self.storage)
            if "create_pr" in call.query:
                number = 1 + sum(name.startswith("refs/pr/") for name in repo.refs.branches)
                revision = f"refs/pr/{number}"
                pull_request = {"pullRequestUrl": f"{self.url}{repo.page}/discussions/{number}"}
            done = new_commit(tip.oid, head["summary"], head.get("description", ""), author, tree)
            self.storage.commit(repo, revision, done)
        url = f"{self.url}{repo.page}/commit/{done.oid}"
        return Answer(body={"success": True, "commitOid": done.oid, "commitUrl": url} | pull_request)

    def _add_branch(self, repo: Repo, name: str, start: str) -> Answer:
        with self.storage.changing(repo):
            if name in repo.refs.branches:
                raise HubError(409, None, f"Reference already exists: {name}")
            branches = {**repo.refs.branches, name: repo.resolve(start).oid}
            self.storage.set_refs(repo, replace(repo.refs, branches=branches))
        return Answer(body={})

    def _add_tag(self, repo: Repo, name: str, revision: str) -> Answer:
        with self.storage.changing(repo):
            if name in repo.refs.tags:
                raise HubError(409, None, f"Tag reference exists already: {name}")
            tags = {**repo.refs.tags, name: repo.resolve(revision).oid}
            self.storage.set_refs(repo, replace(repo.refs, tags=tags))
        return Answer(body={})

    def _delete_branch(self, repo: Repo, name: str) -> Answer:
        with self.storage.changing(repo):
            self.storage.set_refs(repo, replace(repo.refs, branches=_without(repo.refs.branches, name)))
        return Answer(body={})

    def _delete_tag(self, repo: Repo, name: str) -> Answer:
        with self.storage.changing(repo):
            self.storage.set_refs(repo, replace(repo.refs, tags=_without(repo.refs.tags, name)))
        return Answer(body={})


def _check_name(type_: str, id_: str) -> None:
    if type_ not in ("dataset", "model"):
        raise HubError(400, None, f"{type_!r}: the local Hub keeps datasets and models")
    try:
        validate_repo_id(id_)
    except HFValidationError as error:
        raise HubError(400, None, str(error)) from None
    if not re.fullmatch(REPO, id_):
        raise HubError(400, None, f"{id_!r}: not a repository name")


def _belongs(user: dict[str, Any], namespace: str) -> bool:
    return user["orgs"] is None or namespace in [user["name"], *user["orgs"]]


def _may_write(user: dict[str, Any], namespace: str) -> bool:
    return user["role"] == "write" and _belongs(user, namespace)


def _without(refs: dict[str, str], name: str) -> dict[str, str]:
    if name not in refs:
        raise HubError(404, "RevisionNotFound", f"Invalid rev id: {name}")
    return {kept: oid for kept, oid in refs.items() if kept != name}
