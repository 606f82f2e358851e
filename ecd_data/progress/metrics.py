"""The numbers of a run at http://127.0.0.1:PORT/metrics, in Prometheus' text format, for as long as it goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ecd_data.core.errors import WatchError
from ecd_data.progress.numbers import Snapshot

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def exposition(now: Snapshot) -> str:
    """The numbers in Prometheus' text format."""
    split = ((step_reason.split("/"), n) for step_reason, n in sorted(now.rejects.items()))
    rejects: dict[str, float] = {f'{{step="{step}",reason="{reason}"}}': n for (step, reason), n in split}
    tokens: dict[str, float] = {'{kind="prompt"}': now.prompt_tokens, '{kind="completion"}': now.completion_tokens}
    families: list[tuple[str, str, str, dict[str, float]]] = [
        ("ecd_calls_total", "counter", "Calls that the endpoint answered.", {"": now.calls}),
        ("ecd_stored_total", "counter", "Answers that the response store held.", {"": now.stored}),
        ("ecd_retries_total", "counter", "Tries after a failed one.", {"": now.retries}),
        ("ecd_failed_total", "counter", "Calls that failed for good.", {"": now.failed}),
        ("ecd_tokens_total", "counter", "Tokens of the calls that the endpoint answered.", tokens),
        ("ecd_in_flight", "gauge", "Calls under way.", {"": now.in_flight}),
        ("ecd_in_flight_limit", "gauge", "Most calls that may be under way now.", {"": now.limit}),
        ("ecd_chains_done", "gauge", "Chains that are finished.", {"": now.chains_done}),
        ("ecd_chains_total", "gauge", "Chains of the run.", {"": now.chains_total}),
        ("ecd_pairs_total", "counter", "Pairs accepted.", {"": now.pairs}),
        ("ecd_rejects_total", "counter", "Rounds that gave no pair.", rejects),
    ]
    if now.cost is not None:
        families.append(("ecd_cost_total", "counter", "Cost of the calls at the prices given.", {"": now.cost}))
    lines: list[str] = []
    for name, kind, what, samples in families:
        lines += [f"# HELP {name} {what}", f"# TYPE {name} {kind}"]
        lines += [f"{name}{labels} {value}" for labels, value in samples.items()]
    return "\n".join(lines) + "\n"


class Metrics:
    """A small server on loopback; port 0 takes a free one, and `url` tells which.

    Raises:
        WatchError: the port is taken or may not be used.
    """

    def __init__(self, port: int, now: Callable[[], Snapshot]) -> None:
        try:
            self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(now))
        except OSError as error:
            raise WatchError(
                f"--metrics-port {port}: cannot be used ({error.strerror}). Choose another one, or 0 for any that is "
                "free."
            ) from None
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/metrics"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stops the server."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(now: Callable[[], Snapshot]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.partition("?")[0] != "/metrics":
                self.send_error(404)
                return
            body = exposition(now()).encode()
            self.send_response(200)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing: standard error belongs to the progress line."""

    return Handler
