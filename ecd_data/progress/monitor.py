"""Show the progress of a run on a line, in a log and at a port.

with ProgressMonitor(console, price=Price(0.1, 0.4), log=Path("run.jsonl"), metrics_port=0) as monitor:
    Generation(..., listener=monitor.listener)
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console

from ecd_data.calls.scheduler import Stats
from ecd_data.core.values import Chain
from ecd_data.generation.generation import CHAINS, Listener, Usage
from ecd_data.progress.event_log import EventLog
from ecd_data.progress.line import ProgressLine
from ecd_data.progress.price import Price
from ecd_data.progress.snapshot import Snapshot
from ecd_data.progress.stage import Stage

TICK = 0.5  # seconds between two samples of the counts
LOG_TICKS = 10  # ticks between two `progress` events in the log
COUNTS = ("calls", "stored", "retries", "failed", "prompt_tokens", "completion_tokens")


class ProgressMonitor:
    """Follow a run and show its progress to people and machines.

    A thread samples the counts twice a second, so that the run itself spends no time on showing them, and a run that
    waits for a slow endpoint is seen waiting.

    Args:
        console: where the progress line is shown; without one, only log and port show progress.
        price: of tokens, to show the cost.
        log: file for events as JSON.
        metrics_port: port on loopback for Prometheus; 0 takes one that is free.
        print_line: called with plain lines of progress, for runs without a console.

    Raises:
        ProgressError: on entering, when the log or the port cannot be opened.
    """

    def __init__(
        self,
        console: Console | None = None,
        price: Price | None = None,
        log: Path | None = None,
        metrics_port: int | None = None,
        print_line: Callable[[str], None] | None = None,
    ) -> None:
        self.price, self._log_path, self._port = price, log, metrics_port
        self._log: EventLog | None = None
        self._line = ProgressLine(console, print_line)
        self.print_line = self._line.print_line
        self.listener = Listener(self.on_stage, self.on_result, self.on_call)
        self._stages = [Stage("start", 0, time.monotonic())]
        self._build: Stage | None = None
        self._pairs = 0
        self._rejects: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._stop = threading.Event()

    def __enter__(self) -> ProgressMonitor:
        with ExitStack() as opened:
            if self._log_path:
                self._log = EventLog(self._log_path, self.print_line)
                opened.callback(self._log.close)
            if self._port is not None:
                from ecd_data.progress.metrics import serve_metrics

                self.print_line(f"metrics at {opened.enter_context(serve_metrics(self._port, self.snapshot))}")
            opened.enter_context(self._line)
            ticker = threading.Thread(target=self._tick, daemon=True)
            ticker.start()
            opened.callback(ticker.join)
            opened.callback(self._stop.set)
            self._opened = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        if kind:
            self.log("run_stopped", error=kind.__name__)  # not its message, which may quote a text
        self._opened.close()

    def log(self, event: str, **fields: Any) -> None:
        """Write an event to the log, if there is one."""
        if self._log:
            self._log.write(event, **fields)

    def on_stage(self, name: str, total: int) -> None:
        """Begin a stage of `total` results."""
        with self._lock:
            self._stages.append(Stage(name, total, time.monotonic()))
        self.log("stage_started", stage=name, total=total)

    def on_call(self, stats: Stats) -> None:
        """Take the totals of the stage's calls, which go on counting."""
        self._stages[-1].stats = stats

    def on_result(self, result: object, usage: Usage) -> None:
        """Count a result of the stage: a chain, or a question to the judge."""
        stage = self._stages[-1]
        stage.done += 1
        stage.requests_used += usage.calls
        if isinstance(result, Chain):
            self._count(result, usage)
        if stage.finished:
            with self._lock:
                stage.sample(time.monotonic())
                self._line.end(self._snapshot(stage))

    def on_step(self, name: str, done: int, total: int) -> None:
        """Note the step that the build is at; it is shown while no stage is under way."""
        self._build = self._build or Stage("build", total, time.monotonic())
        self._build.note, self._build.done = name, done

    @property
    def calls_per_second(self) -> float | None:
        """Return the mean rate of the last stage since it called an endpoint; `None` if it did not."""
        stage = self._stages[-1]
        seconds = time.monotonic() - stage.calling_since
        return stage.stats.calls / seconds if stage.stats and stage.stats.calls else None

    def snapshot(self) -> Snapshot:
        """Return the numbers of this moment."""
        last = self._stages[-1]
        return self._snapshot(self._build if self._build and last.finished else last)

    def _snapshot(self, stage: Stage) -> Snapshot:
        last = self._stages[-1]
        chains = next((stage for stage in self._stages if stage.name == CHAINS), Stage(CHAINS, 0, 0))
        totals: Counter[str] = Counter()
        for stats in [each.stats for each in self._stages if each.stats]:
            totals.update({name: getattr(stats, name) for name in COUNTS})
        counts = {name: totals[name] for name in COUNTS}
        tokens = counts["prompt_tokens"], counts["completion_tokens"]
        return Snapshot(
            stage=stage.name,
            note=stage.note,
            done=stage.done,
            total=stage.total,
            seconds=time.monotonic() - stage.since,
            seconds_left=stage.seconds_left,
            calls_per_second=stage.calls_per_second,
            tokens_per_second=stage.tokens_per_second,
            chains_done=chains.done,
            chains_total=chains.total,
            pairs=self._pairs,
            rejects=dict(self._rejects),
            in_flight=last.stats.in_flight if last.stats else 0,
            limit=last.stats.limit if last.stats else 0,
            cost=self.price.of(*tokens) if self.price else None,
            **counts,
        )

    def _count(self, chain: Chain, usage: Usage) -> None:
        self._pairs += len(chain.pairs)
        self._rejects.update(f"{reject.step}/{reject.reason}" for reject in chain.rejects)
        rejects = [
            {"round": r.round, "operation": r.operation, "step": r.step, "reason": r.reason} for r in chain.rejects
        ]
        numbers = {"rounds": chain.rounds, "pairs": len(chain.pairs), "rejects": rejects, **asdict(usage)}
        self.log("chain", seed_id=chain.seed_id, **numbers)

    def _tick(self) -> None:
        ticks = 0
        while not self._stop.wait(TICK):
            ticks += 1
            with self._lock:
                self._stages[-1].sample(time.monotonic())
                now = self.snapshot()
                if now.done < now.total:
                    self._line.show(now)
            if ticks % LOG_TICKS == 0:
                self.log("progress", **asdict(now))
