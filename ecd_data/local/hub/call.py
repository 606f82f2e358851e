"""A request to the local Hub and the answer to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ecd_data.local.hub.errors import HubError


class Fields(dict[str, Any]):
    """A JSON object of a request; it says so when it lacks a field that is needed."""

    def __missing__(self, name: str) -> Any:
        raise HubError(400, None, f"the request lacks {name!r}")


@dataclass
class Call:
    """One request: method, path, query, bearer token, Range header, and the body in pieces."""

    method: str
    path: str
    query: dict[str, str]
    token: str
    range: str | None
    chunks: Iterator[bytes]

    def body(self) -> bytes:
        """The whole body."""
        return b"".join(self.chunks)

    def json(self) -> Fields:
        """The body as a JSON object.

        Raises:
            HubError: it is none.
        """
        return _json_object(self.body() or b"{}")

    def ndjson(self) -> list[Fields]:
        """The body as one JSON object a line.

        Raises:
            HubError: a line is none.
        """
        return [_json_object(line) for line in self.body().splitlines() if line.strip()]


def _json_object(text: bytes) -> Fields:
    try:
        value = json.loads(text, object_hook=Fields)
    except ValueError:
        raise HubError(400, None, "the body is not JSON") from None
    if not isinstance(value, Fields):
        raise HubError(400, None, "the body is not a JSON object")
    return value


@dataclass
class Answer:
    """What to send: JSON, or `length` bytes of a file from `start`."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    file: Path | None = None
    start: int = 0
    length: int = 0
