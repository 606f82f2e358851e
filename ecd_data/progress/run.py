"""Watches a run: takes its counts, and shows them on a line, in a log and at a port.

with Watch(console, price=Price(0.1, 0.4), log=Path("run.jsonl"), metrics_port=0) as watch:
    Generation(..., listener=watch.listener)
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
from ecd_data.progress.line import Line
from ecd_data.progress.log import Log
from ecd_data.progress.numbers import Price, Snapshot, Stage

TICK = 0.5  # seconds between two looks at the counts
COUNTS = ("calls", "stored", "retries", "failed", "prompt_tokens", "completion_tokens")
LOG_TICKS = 10  # a `progress` event every five seconds


class Watch:
    """What a run tells of itself on its way to the eyes of people and machines.

    A thread looks at the counts twice a second, so that the run itself spends no time on showing them, and a run that
    waits for a slow endpoint is seen waiting.

    Args:
        console: shows it; without one only log and port do.
        price: of tokens, where the cost is to be shown.
        log: file for events as JSON.
        metrics_port: on loopback, for Prometheus; 0 takes a free one.
        say: takes plain lines of progress, where there is no console.

    Raises:
        WatchError: on entering, when the log or the port cannot be opened.
    """

    def __init__(
        self,
        console: Console | None = None,
        price: Price | None = None,
        log: Path | None = None,
        metrics_port: int | None = None,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self.price, self._log_path, self._port = price, log, metrics_port
        self._log: Log | None = None
        self._line = Line(console, say)
        self.say = self._line.say
        self.listener = Listener(self.begin, self.result, self.call)
        self._stages = [Stage("start", 0, time.monotonic())]
        self._build: Stage | None = None
        self._pairs = 0
        self._rejects: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._stop = threading.Event()

    def __enter__(self) -> Watch:
        with ExitStack() as opened:
            if self._log_path:
                self._log = Log(self._log_path, self.say)
                opened.callback(self._log.close)
            if self._port is not None:
                from ecd_data.progress.metrics import serve_metrics

                self.say(f"metrics at {opened.enter_context(serve_metrics(self._port, self.now))}")
            opened.enter_context(self._line)
            ticker = threading.Thread(target=self._tick_on, daemon=True)
            ticker.start()
            opened.callback(ticker.join)
            opened.callback(self._stop.set)
            self._opened = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        if kind:
            self.event("run_stopped", error=kind.__name__)  # not its message, which may quote a text
        self._opened.close()

    def event(self, name: str, **fields: Any) -> None:
        """Something for the log, if there is one."""
        if self._log:
            self._log.write(name, **fields)

    def begin(self, stage: str, total: int) -> None:
        """A stage of so many results begins."""
        with self._lock:
            self._stages.append(Stage(stage, total, time.monotonic()))
        self.event("stage_started", stage=stage, total=total)

    def call(self, stats: Stats) -> None:
        """A request is through: the totals of the stage, which go on counting."""
        self._stages[-1].stats = stats

    def result(self, result: object, usage: Usage) -> None:
        """A chain, or a question to the judge, is finished."""
        stage = self._stages[-1]
        stage.done += 1
        stage.answers += usage.calls
        if isinstance(result, Chain):
            self._count(result, usage)
        if stage.finished:
            with self._lock:
                stage.tick(time.monotonic())
                self._line.end(self._snapshot(stage))

    def step(self, name: str, done: int, total: int) -> None:
        """The making of the build has come to a step of that name; it is shown while no stage is under way."""
        self._build = self._build or Stage("build", total, time.monotonic())
        self._build.note, self._build.done = name, done

    @property
    def mean_rate(self) -> float | None:
        """Calls a second over all of the last stage, while the endpoint was asked; `None` when it was not."""
        stage = self._stages[-1]
        seconds = time.monotonic() - stage.asking_since
        return stage.stats.calls / seconds if stage.stats and stage.stats.calls else None

    def now(self) -> Snapshot:
        """The numbers of this moment."""
        last = self._stages[-1]
        return self._snapshot(self._build if self._build and last.finished else last)

    def _snapshot(self, stage: Stage) -> Snapshot:
        last = self._stages[-1]
        chains = next((stage for stage in self._stages if stage.name == CHAINS), Stage(CHAINS, 0, 0))
        totals: Counter[str] = Counter()
        for stats in [asked.stats for asked in self._stages if asked.stats]:
            totals.update({name: getattr(stats, name) for name in COUNTS})
        prompt_tokens, completion_tokens = totals["prompt_tokens"], totals["completion_tokens"]
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
            calls=totals["calls"],
            stored=totals["stored"],
            retries=totals["retries"],
            failed=totals["failed"],
            in_flight=last.stats.in_flight if last.stats else 0,
            limit=last.stats.limit if last.stats else 0,
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
            cost=self.price.of(prompt_tokens, completion_tokens) if self.price else None,
        )

    def _count(self, chain: Chain, usage: Usage) -> None:
        self._pairs += len(chain.pairs)
        self._rejects.update(f"{reject.step}/{reject.reason}" for reject in chain.rejects)
        rejects = [
            {"round": r.round, "operation": r.operation, "step": r.step, "reason": r.reason} for r in chain.rejects
        ]
        self.event(
            "chain",
            seed_id=chain.seed_id,
            rounds=chain.rounds,
            pairs=len(chain.pairs),
            rejects=rejects,
            **asdict(usage),
        )

    def _tick_on(self) -> None:
        ticks = 0
        while not self._stop.wait(TICK):
            ticks += 1
            with self._lock:
                self._stages[-1].tick(time.monotonic())
                now = self.now()
                if now.done < now.total:
                    self._line.show(now)
            if ticks % LOG_TICKS == 0:
                self.event("progress", **asdict(now))
