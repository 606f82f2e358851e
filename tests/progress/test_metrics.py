import socket
import urllib.error
import urllib.request

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families

from ecd_data.core.errors import ProgressError
from ecd_data.progress.metrics import serve_metrics

OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}  # what a Prometheus server prefers


def answer_of(url, headers=None):
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers or {})) as answer:
        return answer.headers["Content-Type"], answer.read().decode()


def samples(text, families=text_string_to_metric_families):
    """Names with labels, and their values."""
    return {
        sample.name + "".join(f"|{name}={value}" for name, value in sample.labels.items()): sample.value
        for family in families(text)
        for sample in family.samples
    }


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
    with serve_metrics(0, lambda: now) as url:
        _, text = answer_of(url)
        _, openmetrics = answer_of(url, OPENMETRICS)
    assert samples(text) == samples(openmetrics, openmetrics_families)
    assert samples(text) == {
        "ecd_calls_total": 5,
        "ecd_stored_total": 7,
        "ecd_retries_total": 2,
        "ecd_failed_total": 1,
        "ecd_tokens_total|kind=prompt": 100,
        "ecd_tokens_total|kind=completion": 50,
        "ecd_in_flight": 3,
        "ecd_in_flight_limit": 16,
        "ecd_chains_done": 4,
        "ecd_chains_total": 8,
        "ecd_pairs_total": 6,
        "ecd_rejects_total|reason=truncated|step=answer": 1,
        "ecd_rejects_total|reason=unmet|step=elimination": 2,
        "ecd_cost_total": 0.25,
    }


def test_each_metric_says_what_it_is(snapshot):
    with serve_metrics(0, snapshot) as url:
        lines = answer_of(url)[1].splitlines()
    assert "# HELP ecd_calls_total Calls that the endpoint answered." in lines
    kinds = dict(line.split()[2:] for line in lines if line.startswith("# TYPE "))
    gauges = ("ecd_in_flight", "ecd_in_flight_limit", "ecd_chains_done", "ecd_chains_total")
    assert kinds["ecd_calls_total"] == "counter"
    assert all(kind == ("gauge" if name in gauges else "counter") for name, kind in kinds.items())


def test_without_a_price_there_is_no_cost(snapshot):
    with serve_metrics(0, snapshot) as url:
        assert "cost" not in answer_of(url)[1]


def test_it_is_served_while_the_run_goes_on_and_not_after(snapshot):
    counts = iter([1, 2])
    with serve_metrics(0, lambda: snapshot(calls=next(counts))) as url:
        for count in (1, 2):
            content_type, text = answer_of(url)
            assert content_type.startswith("text/plain; version=")
            assert samples(text)["ecd_calls_total"] == count
    with pytest.raises(urllib.error.URLError):
        answer_of(url)


def test_a_port_that_is_taken_is_named(snapshot):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        message = f"--metrics-port {port}: .*Address already in use.*Choose another"
        with pytest.raises(ProgressError, match=message), serve_metrics(port, snapshot):
            pass
