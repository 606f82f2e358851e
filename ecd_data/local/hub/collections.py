"""The collections of the local Hub: lists of repositories under one address."""

from __future__ import annotations

import re
import secrets
from typing import Any

from ecd_data.local.hub.call import Answer, Fields
from ecd_data.local.hub.errors import HubError
from ecd_data.local.hub.repo import now
from ecd_data.local.hub.storage import Storage

Collection = dict[str, Any]


def create(wanted: Fields, storage: Storage) -> Answer:
    """A new collection; its address is the owner, the title and a random end."""
    title = re.sub(r"[^a-z0-9]+", "-", wanted["title"].lower()).strip("-")
    slug = f"{wanted['namespace']}/{title}-{secrets.token_hex(12)}"
    made = {"slug": slug, "title": wanted["title"], "owner": {"name": wanted["namespace"]}, "items": []}
    made |= {"private": bool(wanted.get("private")), "position": 0, "theme": "orange", "upvotes": 0}
    return Answer(body=storage.set_collection(slug, lambda _: made | {"lastUpdated": now()}))


def show(storage: Storage, slug: str) -> Answer:
    """A collection with its items.

    Raises:
        HubError: there is none.
    """
    return Answer(body=_there(storage.collections.get(slug)))


def add(wanted: Fields, storage: Storage, slug: str) -> Answer:
    """One item more.

    Raises:
        HubError: it is there already, or the repository or collection is not.
    """
    item = wanted["item"]
    if (item["type"], item["id"]) not in storage.repos:
        raise HubError(404, None, f"no such {item['type']}: {item['id']}")

    def with_item(collection: Collection | None) -> Collection:
        items = _there(collection)["items"]
        if any((known["type"], known["id"]) == (item["type"], item["id"]) for known in items):
            raise HubError(409, None, "the item is in the collection already")
        entry = {"_id": secrets.token_hex(12), "id": item["id"], "type": item["type"], "position": len(items)}
        return _there(collection) | {"items": [*items, entry], "lastUpdated": now()}

    return Answer(body=storage.set_collection(slug, with_item))


def _there(collection: Collection | None) -> Collection:
    if collection is None:
        raise HubError(404, None, "Collection not found")
    return collection
