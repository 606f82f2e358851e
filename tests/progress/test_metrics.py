import socket
import urllib.error
import urllib.request

import pytest

from ecd_data.core.errors import WatchError
from ecd_data.progress.metrics import Metrics, exposition


def samples(text):
    """Names with labels and their values; checks that each family says what it is first."""
    found, family = {}, ""
    for line in text.splitlines():
        if line.startswith("# HELP "):
            family = line.split()[2]
        elif line.startswith("# TYPE "):
            assert line.split()[2] == family
            assert line.split()[3] in ("counter", "gauge")
        else:
            name, value = line.rsplit(" ", 1)
            assert name.partition("{")[0] == family
            found[name] = float(value)
    return found


def test_every_number_is_there(snapshot):
    now = snapshot(
        calls=5,
        stored=7,
        retries=2,
        failed=1,
        prompt_tokens=100,
        completion_tokens=50,
        in_flight=3,
        limit=16,
        chains_done=4,
        pairs=6,
        rejects={"elimination/unmet": 2, "answer/truncated": 1},
        cost=0.25,
    )
    assert samples(exposition(now)) == {
        "ecd_calls_total": 5,
        "ecd_stored_total": 7,
        "ecd_retries_total": 2,
        "ecd_failed_total": 1,
        'ecd_tokens_total{kind="prompt"}': 100,
        'ecd_tokens_total{kind="completion"}': 50,
        "ecd_in_flight": 3,
        "ecd_in_flight_limit": 16,
        "ecd_chains_done": 4,
        "ecd_chains_total": 8,
        "ecd_pairs_total": 6,
        'ecd_rejects_total{step="answer",reason="truncated"}': 1,
        'ecd_rejects_total{step="elimination",reason="unmet"}': 2,
        "ecd_cost_total": 0.25,
    }


def test_without_a_price_there_is_no_cost(snapshot):
    assert "cost" not in exposition(snapshot())


def test_it_is_served_while_the_run_goes_on_and_not_after(snapshot):
    counts = iter([1, 2])
    metrics = Metrics(0, lambda: snapshot(calls=next(counts)))
    for count in (1, 2):
        with urllib.request.urlopen(metrics.url) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            assert samples(answer.read().decode())["ecd_calls_total"] == count
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(metrics.url.replace("/metrics", "/"))
    metrics.close()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(metrics.url)


def test_a_port_that_is_taken_is_named(snapshot):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(WatchError, match=f"--metrics-port {port}: .*Address already in use.*Choose another"):
            Metrics(port, snapshot)
