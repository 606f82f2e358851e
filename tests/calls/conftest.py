from __future__ import annotations

from collections.abc import Iterator

import pytest

from ecd_data.calls import pool
from tests.helpers.fake_endpoint import FakeServer


@pytest.fixture
def server() -> Iterator[FakeServer]:
    fake = FakeServer()
    yield fake
    fake.stop()


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy between the tests and loopback, no waiting between tries."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pool, "FIRST_PAUSE", 0.001)
