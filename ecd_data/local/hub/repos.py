"""Routes of the local Hub: who asks, and making and deleting repositories and collections."""

import re
import secrets
from dataclasses import replace
from typing import Any

from aiohttp import web
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

from ecd_data.local.hub.repo import HubError, Refs, Repo, now
from ecd_data.local.hub.request import (
    ID,
    REPO,
    STATE,
    Fields,
    User,
    check_may_write,
    find_repo,
    json_body,
    repo_of,
    signed_in_user,
)

ADDRESS = ID.replace("id", "slug", 1)

routes = web.RouteTableDef()


@routes.get("/api/whoami-v2")
async def whoami(request: web.Request) -> web.Response:
    """Answer with the user of the token and its organizations."""
    user = signed_in_user(request)
    orgs = [{"type": "org", "name": name, "fullname": name, "roleInOrg": "write"} for name in user["orgs"] or []]
    token = {"displayName": "local", "role": user["role"]}
    auth = {"type": "access_token", "accessToken": token}
    person = {"type": "user", "id": "0" * 24, "name": user["name"], "fullname": user["name"], "isPro": False}
    return web.json_response(person | {"orgs": orgs, "auth": auth})


@routes.post("/api/repos/create")
async def create_repo(request: web.Request) -> web.Response:
    """Make a repository; 409 if there is one of that name."""
    fields, user = await json_body(request), signed_in_user(request)
    type_, id_ = _named_repo(fields, user)
    _check_name(type_, id_)
    namespace = id_.split("/")[0]
    check_may_write(request, namespace, f'You don\'t have the rights to create a {type_} under "{namespace}"')
    state, repo = request.app[STATE], Repo(type_, id_, Refs(private=fields.get("visibility") == "private"))
    url = state.url + repo.page
    if (type_, id_) in state.storage.repos:
        raise HubError(409, f"You already created this {type_} repo", url=url)
    state.storage.create(repo, user["name"])
    return web.json_response({"url": url, "name": id_, "id": secrets.token_hex(12)})


@routes.delete("/api/repos/delete")
async def delete_repo(request: web.Request) -> web.Response:
    """Delete a repository."""
    type_, id_ = _named_repo(await json_body(request), signed_in_user(request))
    request.app[STATE].storage.delete(find_repo(request, type_, id_, write=True))
    return web.json_response({})


@routes.put(f"{REPO}/settings")
async def change_settings(request: web.Request) -> web.Response:
    """Change who may see and read a repository."""
    fields, repo = await json_body(request), repo_of(request, write=True)
    private = {"private": fields["visibility"] == "private"} if "visibility" in fields else {}
    gated = {"gated": fields["gated"]} if "gated" in fields else {}
    request.app[STATE].storage.set_refs(repo, replace(repo.refs, **private, **gated))
    return web.json_response({"private": repo.refs.private, "gated": repo.refs.gated})


def _named_repo(fields: Fields, user: User) -> tuple[str, str]:
    return fields.get("type") or "model", f"{fields.get('organization') or user['name']}/{fields['name']}"


def _check_name(type_: str, id_: str) -> None:
    if type_ not in ("dataset", "model"):
        raise HubError(400, f"{type_!r}: the local Hub keeps datasets and models")
    try:
        validate_repo_id(id_)
    except HFValidationError as error:
        raise HubError(400, str(error)) from None
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", id_, re.ASCII):
        raise HubError(400, f"{id_!r}: not a repository name")


# ---- collections: lists of repositories under one address ------------------------------------------------------
@routes.post("/api/collections")
async def create_collection(request: web.Request) -> web.Response:
    """Make a collection; its address is the owner, the title and a random end."""
    fields = await json_body(request)
    owner = fields["namespace"]
    _check_may_change(request, owner)
    title = re.sub(r"[^a-z0-9]+", "-", fields["title"].lower()).strip("-")
    slug = f"{owner}/{title}-{secrets.token_hex(12)}"
    collection = {"slug": slug, "title": fields["title"], "owner": {"name": owner}, "items": []}
    collection |= {"private": bool(fields.get("private")), "position": 0, "theme": "orange", "upvotes": 0}
    return _set_collection(request, slug, collection)


@routes.get(f"/api/collections/{ADDRESS}")
async def show_collection(request: web.Request) -> web.Response:
    """Answer with a collection and its items."""
    return web.json_response(_collection(request))


@routes.post(f"/api/collections/{ADDRESS}/items")
async def add_to_collection(request: web.Request) -> web.Response:
    """Add a repository to a collection; 409 if it is in there."""
    item, slug = (await json_body(request))["item"], request.match_info["slug"]
    _check_may_change(request, slug.split("/")[0])
    type_, id_ = item["type"], item["id"]
    if (type_, id_) not in request.app[STATE].storage.repos:
        raise HubError(404, f"no such {type_}: {id_}")
    collection = _collection(request)
    items = collection["items"]
    if any((entry["type"], entry["id"]) == (type_, id_) for entry in items):
        raise HubError(409, "the item is in the collection already")
    entry = {"_id": secrets.token_hex(12), "id": id_, "type": type_, "position": len(items)}
    return _set_collection(request, slug, collection | {"items": [*items, entry]})


def _check_may_change(request: web.Request, owner: str) -> None:
    check_may_write(request, owner, f"You don't have the rights to change the collections of {owner}")


def _collection(request: web.Request) -> dict[str, Any]:
    collection = request.app[STATE].storage.collections.get(request.match_info["slug"])
    if collection is None:
        raise HubError(404, "Collection not found")
    return collection


def _set_collection(request: web.Request, slug: str, collection: dict[str, Any]) -> web.Response:
    collection = collection | {"lastUpdated": now()}
    request.app[STATE].storage.set_collection(slug, collection)
    return web.json_response(collection)
