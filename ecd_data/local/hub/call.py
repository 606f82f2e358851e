"""A request to the local Hub and the answer to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ecd_data.local.hub.storage import HubError


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

    def json(self) -> dict[str, Any]:
        """The body as a JSON object."""
        try:
            value = json.loads(self.body() or b"{}")
        except ValueError:
            raise HubError(400, None, "the body is not JSON") from None
        return value if isinstance(value, dict) else {}


@dataclass
class Answer:
    """What to send: JSON, or `length` bytes of a file from `start`."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    file: Path | None = None
    start: int = 0
    length: int = 0
