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
def _without_proxies_and_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove proxies between the tests and loopback, and waits between attempts."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pool, "FIRST_PAUSE", 0.001)
