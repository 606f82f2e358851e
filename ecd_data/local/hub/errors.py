"""How the local Hub says no."""

from __future__ import annotations

from typing import Any


class HubError(Exception):
    """A request that is answered with an error: HTTP status, the Hub's error code, message, more of the body."""

    def __init__(self, status: int, code: str | None, message: str, **body: Any) -> None:
        self.status, self.code, self.message, self.body = status, code, message, body
