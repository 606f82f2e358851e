"""The numbers of a run at http://127.0.0.1:PORT/metrics, for Prometheus, for as long as the run goes on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Metric, start_http_server
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from ecd_data.core.errors import ProgressError
from ecd_data.progress.snapshot import Snapshot


class RunCollector(Collector):
    """Turns the numbers of the moment into metrics, each time they are asked for."""

    def __init__(self, now: Callable[[], Snapshot]) -> None:
        self._now = now

    def collect(self) -> Iterator[Metric]:
        """Yield each metric with its samples."""
        now = self._now()
        tokens = CounterMetricFamily(
            "ecd_tokens_total", "Tokens of the calls that the endpoint answered.", labels=["kind"]
        )
        tokens.add_metric(["prompt"], now.prompt_tokens)
        tokens.add_metric(["completion"], now.completion_tokens)
        rejects = CounterMetricFamily("ecd_rejects_total", "Rounds that gave no pair.", labels=["step", "reason"])
        for step_and_reason, count in sorted(now.rejects.items()):
            rejects.add_metric(step_and_reason.split("/"), count)
        yield CounterMetricFamily("ecd_calls_total", "Calls that the endpoint answered.", now.calls)
        yield CounterMetricFamily("ecd_stored_total", "Answers that the response store held.", now.stored)
        yield CounterMetricFamily("ecd_retries_total", "Tries after a failed one.", now.retries)
        yield CounterMetricFamily("ecd_failed_total", "Calls that failed for good.", now.failed)
        yield tokens
        yield GaugeMetricFamily("ecd_in_flight", "Calls under way.", now.in_flight)
        yield GaugeMetricFamily("ecd_in_flight_limit", "Most calls that may be under way now.", now.limit)
        yield GaugeMetricFamily("ecd_chains_done", "Chains that are finished.", now.chains_done)
        yield GaugeMetricFamily("ecd_chains_total", "Chains of the run.", now.chains_total)
        yield CounterMetricFamily("ecd_pairs_total", "Pairs accepted.", now.pairs)
        yield rejects
        if now.cost is not None:
            yield CounterMetricFamily("ecd_cost_total", "Cost of the calls at the prices given.", now.cost)


@contextmanager
def serve_metrics(port: int, now: Callable[[], Snapshot]) -> Iterator[str]:
    """Serve the numbers on loopback and yield their URL; port 0 takes any that is free.

    Raises:
        ProgressError: the port is taken or may not be used.
    """
    registry = CollectorRegistry()
    registry.register(RunCollector(now))
    try:
        server, thread = start_http_server(port, "127.0.0.1", registry)
    except OSError as error:
        raise ProgressError(
            f"--metrics-port {port}: cannot be used ({error.strerror}). Choose another one, or 0 for any that is free."
        ) from None
    try:
        yield f"http://127.0.0.1:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
