"""A run keeps every response, survives failures, and asks nothing twice."""

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ecd_data.calls.endpoint import Endpoint
from ecd_data.calls.pool import Pool
from ecd_data.calls.scheduler import ModelSource, Stats, run
from ecd_data.calls.store import Store
from ecd_data.core.errors import CallFailed, EndpointError, StoreError
from ecd_data.core.request import Model, Request, Response, request_key
from tests.helpers.chains import Talk, calls_of, talk
from tests.helpers.fake_endpoint import TGI_INFO, TGI_MODEL, FakeServer, Fault, make_request

REPLAY = ModelSource(TGI_MODEL)


def served_by(*servers: FakeServer, concurrency: int = 16, **changes: Any) -> ModelSource:
    endpoints = [Endpoint(server.url, timeout=5, token="secret-token") for server in servers]
    return ModelSource(TGI_MODEL, Pool(endpoints, max_concurrency=concurrency, **changes))


def live(server: FakeServer, store: Store, chains: int = 12, concurrency: int = 16) -> list[list[str]]:
    return list(run(map(talk, range(chains)), store, served_by(server, concurrency=concurrency)))


def test_replay_equals_the_live_run_at_any_concurrency(server: FakeServer, tmp_path: Path) -> None:
    outcomes, contents = [], []
    server.pause = lambda: random.uniform(0, 0.01)
    for concurrency in (1, 3, 16):
        server.bodies.clear()
        server.faults.extend([Fault(429), Fault(500), Fault(200, b"{")])
        with Store(tmp_path / f"{concurrency}.sqlite") as store:
            outcomes.append(live(server, store, concurrency=concurrency))
            assert store.count() == calls_of(12) == len(server.bodies) - 3
            outcomes.append(live(server, store, concurrency=concurrency))
            outcomes.append(list(run(map(talk, range(12)), store, REPLAY)))
            assert len(server.bodies) == calls_of(12) + 3
            contents.append(list(store.keys()))
    assert all(outcome == outcomes[0] for outcome in outcomes)
    assert all(content == contents[0] for content in contents)


def test_concurrency_is_reached_and_never_exceeded(server: FakeServer, tmp_path: Path) -> None:
    server.pause = lambda: 0.02
    with Store(tmp_path / "r.sqlite") as store:
        live(server, store, chains=20, concurrency=6)
    assert server.most_in_flight == 6


def test_stats_count_calls_and_stored_responses_apart(server: FakeServer, tmp_path: Path) -> None:
    seen: list[int] = []
    totals = Stats()

    def on_call(stats: Stats) -> None:
        nonlocal totals
        totals = stats
        seen.append(stats.calls + stats.stored)

    server.faults.append(Fault(429))
    with Store(tmp_path / "r.sqlite") as store:
        list(run(map(talk, range(2)), store, served_by(server), on_call=on_call))
        list(run(map(talk, range(4)), store, served_by(server), on_call=on_call))
    assert seen == [*range(calls_of(2) + 1), *range(calls_of(4) + 1)]
    new = calls_of(4) - calls_of(2)
    assert totals == Stats(new, calls_of(2), failed=0, retries=0, prompt_tokens=11 * new, completion_tokens=2 * new)


def test_retries_are_those_of_this_run(server: FakeServer, tmp_path: Path) -> None:
    seen = [0]
    source = served_by(server)
    server.faults.append(Fault(503))
    with Store(tmp_path / "r.sqlite") as store:
        for chains in (range(2), range(2, 4)):
            list(run(map(talk, chains), store, source, on_call=lambda stats: seen.append(stats.retries)))
            seen.append(-1)
    assert max(seen[: seen.index(-1)]) == 1
    assert set(seen[seen.index(-1) :]) == {0, -1}


def test_neither_token_nor_url_is_stored(server: FakeServer, tmp_path: Path) -> None:
    with Store(tmp_path / "r.sqlite") as store:
        list(run([talk(0)], store, served_by(server)))
        calls = str(list(store.calls(store.keys()))).encode()
        content = calls + b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"answer" in content
    assert b"secret-token" not in content
    assert b"127.0.0.1" not in content


def test_a_replay_names_the_response_that_is_missing(server: FakeServer, tmp_path: Path) -> None:
    with Store(tmp_path / "r.sqlite") as store:
        live(server, store, chains=2)
        with pytest.raises(StoreError) as caught:
            list(run(map(talk, range(3)), store, REPLAY))
    message = str(caught.value)
    assert "call `edit` of seed seed2, round 0, attempt 0" in message
    assert "run without --replay" in message
    assert str(TGI_MODEL) in message


def test_an_endpoint_with_another_model_is_refused(server: FakeServer, tmp_path: Path) -> None:
    with Store(tmp_path / "r.sqlite") as store:
        with pytest.raises(EndpointError, match="now serves test/tiny-model@0123abcd"):
            list(run([talk(0)], store, ModelSource(Model(TGI_MODEL.id, "other"), served_by(server).pool)))
        assert store.count() == 0
    assert server.bodies == []


def test_a_failed_run_keeps_its_responses_and_can_be_continued(server: FakeServer, tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    with Store(tmp_path / "whole.sqlite") as store:
        whole = live(server, store)
    answered = 0
    for allowed in (5, 12):
        server.bodies.clear()
        with Store(path) as store:
            limited = ModelSource(TGI_MODEL, Pool([LimitedEndpoint(server.url, allowed)], max_concurrency=3))
            with pytest.raises(EndpointError, match="limit"):
                list(run(map(talk, range(12)), store, limited))
            answered += allowed
            assert store.count() == answered
    server.bodies.clear()
    with Store(path) as store:
        assert live(server, store) == whole
        assert len(server.bodies) == calls_of(12) - answered
    assert server.in_flight == 0


class LimitedEndpoint(Endpoint):
    """Answers `allowed` calls, then fails."""

    def __init__(self, url: str, allowed: int) -> None:
        super().__init__(url)
        self.allowed = allowed
        self.lock = asyncio.Lock()

    async def complete(self, request: Request) -> Response:
        async with self.lock:
            response = await super().complete(request)
            self.allowed -= 1
            if self.allowed < 0:
                raise EndpointError("limit")
            return response


GENERATE = """
import sys
from ecd_data.calls.endpoint import Endpoint
from ecd_data.calls.pool import Pool
from ecd_data.calls.scheduler import ModelSource, run
from ecd_data.calls.store import Store
from tests.helpers.fake_endpoint import TGI_MODEL
from tests.helpers.chains import talk
source = ModelSource(TGI_MODEL, Pool([Endpoint(sys.argv[2])], max_concurrency=4))
with Store(sys.argv[1]) as store:
    for result in run(map(talk, range(12)), store, source):
        print("".join(result), flush=True)
"""


def generate(path: Path, url: str) -> subprocess.Popen[str]:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", GENERATE, str(path), url]
    return subprocess.Popen(command, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.subprocess
def test_nothing_is_asked_twice_after_kill_9(server: FakeServer, tmp_path: Path) -> None:
    server.pause = lambda: 0.02
    process = generate(tmp_path / "r.sqlite", server.url)
    assert process.stdout is not None
    first = process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    server.pause = lambda: 0.0
    with Store(tmp_path / "r.sqlite") as store:
        kept = store.count()
        assert kept >= 6  # the first chain's calls
        time.sleep(0.1)  # what was in flight when the process died
        server.bodies.clear()
        results = live(server, store)
    assert "".join(results[0]) == first.strip()
    assert len(server.bodies) == calls_of(12) - kept
    with Store(tmp_path / "whole.sqlite") as store:
        assert live(server, store) == results


@pytest.mark.subprocess
def test_ctrl_c_stops_what_is_in_flight(server: FakeServer, tmp_path: Path) -> None:
    server.always = Fault(hang=30)
    process = generate(tmp_path / "r.sqlite", server.url)
    while len(server.bodies) < 4:  # as many as may be in flight
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=10)
    assert process.returncode != 0
    assert stderr.splitlines()[-1] == "KeyboardInterrupt"
    assert "never awaited" not in stderr
    assert "was destroyed" not in stderr
    assert "never retrieved" not in stderr


def test_an_abandoned_run_leaves_nothing_behind(
    server: FakeServer, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    threads = threading.active_count()
    with Store(tmp_path / "r.sqlite") as store:
        results = run(map(talk, range(50)), store, served_by(server, concurrency=4))
        assert next(results)
        server.always = Fault(hang=30)
        results.close()  # type: ignore[attr-defined]
        kept = store.count()
        assert kept < calls_of(50)
    assert threading.active_count() <= threads + 8  # the server's, one per connection
    assert not recwarn.list


# --- calls that fail for good ---------------------------------------------------------------------------------------


def tolerant(number: int) -> Talk:
    """A chain that notes the failures and goes on."""
    steps = talk(number)
    reasons = []
    try:
        requests = next(steps)
        while True:
            try:
                responses = yield requests
            except CallFailed as failure:
                reasons.append(failure.reason)
                responses = [Response("sorry", "stop") for _ in requests]
            requests = steps.send(responses)
    except StopIteration as stop:
        return reasons + stop.value


def refuse(*numbers: int) -> Callable[[dict[str, Any]], Fault | None]:
    """Make a server refuse the first call of some chains."""
    seeds = {make_request(number).seed for number in numbers}
    return lambda body: Fault(422) if body["seed"] in seeds and not body["messages"][0]["content"] else None


def test_a_failed_call_is_thrown_into_its_chain_and_a_replay_meets_it_again(
    server: FakeServer, tmp_path: Path
) -> None:
    server.answer = refuse(1)
    with Store(tmp_path / "r.sqlite") as store:
        outcomes = list(run(map(tolerant, range(4)), store, served_by(server)))
        assert [outcome[0] == "refused" for outcome in outcomes] == [False, True, False, False]
        assert list(run(map(tolerant, range(4)), store, REPLAY)) == outcomes
        server.answer = lambda body: None
        again = list(run(map(tolerant, range(4)), store, served_by(server)))  # an endpoint is asked again
        assert [outcome[0] == "refused" for outcome in again] == [False] * 4
        assert list(run(map(tolerant, range(4)), store, REPLAY)) == again


def test_a_chain_that_does_not_catch_a_failure_ends_the_run(server: FakeServer, tmp_path: Path) -> None:
    server.answer = refuse(1)
    with Store(tmp_path / "r.sqlite") as store, pytest.raises(CallFailed, match="422"):
        list(run(map(talk, range(4)), store, served_by(server)))


def test_too_many_failures_end_the_run(server: FakeServer, tmp_path: Path) -> None:
    server.answer = refuse(*range(12))
    with Store(tmp_path / "r.sqlite") as store:
        with pytest.raises(EndpointError, match=r"\d calls failed for good, .* No more than 5 % of the calls"):
            list(run(map(tolerant, range(12)), store, served_by(server)))
        assert len(list(run(map(tolerant, range(12)), store, served_by(server), max_failed=0.5))) == 12


def test_calls_of_the_chain_that_is_furthest_ahead_come_first(server: FakeServer, tmp_path: Path) -> None:
    asked: list[tuple[Request, tuple[int, ...]]] = []

    class Watched(Pool):
        async def complete(self, request: Request, priority: tuple[int, ...] = ()) -> Response:
            asked.append((request, priority))
            return await super().complete(request, priority)

    with Store(tmp_path / "r.sqlite") as store:
        list(run(map(talk, range(5)), store, ModelSource(TGI_MODEL, Watched([Endpoint(server.url)]))))
    order = [request for request, _ in sorted(asked, key=lambda call: call[1])]
    assert [request.round for request in order] == sorted((request.round for request in order), reverse=True)
    last = [request.seed_id for request in order if request.round == 2]
    assert last == sorted(last)  # among equals the earlier chain, so that rows can be written


@pytest.mark.subprocess
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_answers_that_have_arrived_are_stored_if_the_run_is_stopped(
    server: FakeServer, tmp_path: Path, stop: int
) -> None:
    server.pause = lambda: random.uniform(0, 0.05)
    process = generate(tmp_path / "r.sqlite", server.url)
    while len(server.bodies) < 12:
        time.sleep(0.005)
    process.send_signal(stop)
    process.communicate(timeout=10)
    time.sleep(0.1)
    with Store(tmp_path / "r.sqlite") as store:
        assert store.count() >= len(server.bodies) - 4  # all but those in flight
        server.bodies.clear()
        kept = store.count()
        live(server, store)
        assert len(server.bodies) == calls_of(12) - kept


def test_a_request_goes_to_the_model_it_names(server: FakeServer, tmp_path: Path) -> None:
    strong = Model("test/strong", "01")
    other = FakeServer()
    other.routes["/info"] = {**TGI_INFO, "model_id": strong.id, "model_sha": strong.revision}

    def steps() -> Any:
        return (yield [make_request(1), make_request(1, model_name="strong"), make_request(2, model_name="judge")])

    def again(others: dict[str, ModelSource]) -> list[Any]:
        return list(run([steps()], store, REPLAY, extra_models=others))

    try:
        with Store(tmp_path / "r.sqlite") as store:
            others = {"strong": ModelSource(strong, Pool([Endpoint(other.url)]))}
            live = list(run([steps()], store, served_by(server), extra_models=others))
            assert (len(server.bodies), len(other.bodies)) == (2, 1)  # a judge that is not named is the model itself
            assert again({"strong": ModelSource(strong)}) == live
            with pytest.raises(EndpointError, match="give its server, --endpoint strong=URL"):
                again({})
    finally:
        other.stop()
    assert request_key(strong, make_request(1)) == request_key(strong, make_request(1, model_name="strong"))


@pytest.mark.subprocess
def test_a_second_ctrl_c_loses_no_answer_that_waits_for_the_disk(server: FakeServer, tmp_path: Path) -> None:
    Store(tmp_path / "r.sqlite").close()
    other = sqlite3.connect(tmp_path / "r.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    process = generate(tmp_path / "r.sqlite", server.url)
    while len(server.bodies) < 4:
        time.sleep(0.01)
    for _ in range(2):
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    other.execute("COMMIT")
    _, stderr = process.communicate(timeout=10)
    assert stderr.splitlines()[-1] == "KeyboardInterrupt"
    assert other.execute("SELECT count(*) FROM responses").fetchone()[0] == len(server.bodies)


def test_a_model_that_changes_during_a_run_is_reported(server: FakeServer, tmp_path: Path) -> None:
    def changes(body: dict[str, Any]) -> None:
        server.routes["/info"] = {**TGI_INFO, "model_id": "test/other"}

    server.answer = changes
    with Store(tmp_path / "r.sqlite") as store, pytest.raises(EndpointError, match="a new --responses file"):
        list(run([talk(0)], store, served_by(server)))


def test_a_server_that_stops_after_the_last_answer_does_not_fail_the_run(server: FakeServer, tmp_path: Path) -> None:
    stopping = FakeServer()

    def stop(body: dict[str, Any]) -> None:
        stopping.routes["/info"] = Fault(503)

    server.answer = stopping.answer = stop
    for number, servers in enumerate([[server, stopping], [stopping]]):
        stopping.routes["/info"] = TGI_INFO
        with Store(tmp_path / f"{number}.sqlite") as store:
            pool = Pool([Endpoint(one.url) for one in servers])
            assert len(list(run([talk(0)], store, ModelSource(TGI_MODEL, pool)))) == 1
    stopping.stop()
