"""What reaches the log and the numbers of a run, and that no text does."""

import asyncio
import json

import pytest

from ecd_data.artifact.schema import configs
from ecd_data.core.errors import EndpointError
from ecd_data.core.hashing import file_sha256
from ecd_data.core.recipe import recipe_from_dict
from ecd_data.generation.generation import Usage
from ecd_data.progress import monitor as module
from ecd_data.progress.monitor import ProgressMonitor
from ecd_data.progress.price import Price
from tests.helpers.building import chains_of, filled_spool, write_spool
from tests.helpers.scripted import ANSWER, RECIPE, ScriptedPool

JUDGED = recipe_from_dict({**RECIPE.to_dict(), "operations": ["content/*", "style/no_*"], "judge_items": 20})


@pytest.fixture
def monitored(make_generation, monkeypatch):
    """Run a generation to its end with a monitor, and return its chains."""
    monkeypatch.setattr(module, "TICK", 0.01)

    def run(monitor, endpoint=None, **changes):
        with monitor:
            return chains_of(make_generation(endpoint or ScriptedPool(), listener=monitor.listener, **changes))

    return run


def events(path, name):
    return [event for event in map(json.loads, path.read_text().splitlines()) if event["event"] == name]


def test_the_numbers_are_those_of_all_stages(monitored):
    monitor, endpoint = ProgressMonitor(price=Price(1.0, 2.0)), ScriptedPool()
    chains = monitored(monitor, endpoint, recipe=JUDGED)
    now = monitor.snapshot()
    answers = [endpoint.answer(request) for request in endpoint.requests]
    assert (now.chains_done, now.chains_total) == (20, 20)
    assert now.pairs == sum(len(chain.pairs) for chain in chains) > 0
    assert sum(now.rejects.values()) == sum(len(chain.rejects) for chain in chains) > 0
    assert now.calls == len(answers)
    assert now.prompt_tokens == sum(answer.prompt_tokens for answer in answers)
    assert now.completion_tokens == sum(answer.completion_tokens for answer in answers)
    assert now.cost == pytest.approx((now.prompt_tokens + 2 * now.completion_tokens) / 1e6)
    assert (now.stored, now.in_flight, now.limit) == (0, 0, 16)


def test_what_comes_from_the_store_costs_nothing(monitored):
    monitored(ProgressMonitor())
    monitor = ProgressMonitor(price=Price(1.0, 1.0))
    monitored(monitor)
    now = monitor.snapshot()
    assert now.stored > 0
    assert (now.calls, now.prompt_tokens, now.completion_tokens, now.cost) == (0, 0, 0, 0)
    assert monitor.calls_per_second is None


def test_the_log_has_every_chain_and_no_text(monitored, tmp_path, corpus):
    path = tmp_path / "run.jsonl"
    chains = monitored(ProgressMonitor(log=path), recipe=JUDGED)
    assert [(event["stage"], event["total"]) for event in events(path, "stage_started")] == [
        ("judge trial", 20),
        ("chains", 20),
    ]
    logged = events(path, "chain")
    assert [event["seed_id"] for event in logged] == [chain.seed_id for chain in chains]
    assert [event["pairs"] for event in logged] == [len(chain.pairs) for chain in chains]
    assert all(event["rounds"] == event["pairs"] + len(event["rejects"]) for event in logged)
    reasons = [(r["round"], r["step"], r["reason"]) for event in logged for r in event["rejects"]]
    assert reasons == [(r.round, r.step, r.reason) for chain in chains for r in chain.rejects]
    text = path.read_text()
    assert ANSWER[:20] not in text
    assert not any(seed.instruction in text for seed in corpus.seeds)


def test_a_slow_run_is_seen_waiting(monitored, tmp_path, monkeypatch):
    class Slow(ScriptedPool):
        capacity = 4

        async def complete(self, request, priority=()):
            self.in_flight += 1
            await asyncio.sleep(0.02)
            self.in_flight -= 1
            return await super().complete(request)

    monkeypatch.setattr(module, "LOG_TICKS", 1)
    path = tmp_path / "run.jsonl"
    monitored(ProgressMonitor(log=path), Slow())
    progress = events(path, "progress")
    assert max(event["in_flight"] for event in progress) > 2
    assert {event["limit"] for event in progress} >= {4}
    assert [event["calls"] for event in progress] == sorted(event["calls"] for event in progress)


def test_a_run_that_stops_is_logged_without_the_message(monitored, tmp_path):
    class Broken(ScriptedPool):
        async def complete(self, request, priority=()):
            raise EndpointError("no " + request.messages[-1]["content"])

    path = tmp_path / "run.jsonl"
    with pytest.raises(EndpointError):
        monitored(ProgressMonitor(log=path), Broken())
    (stopped,) = events(path, "run_stopped")
    assert set(stopped) == {"time", "event", "error"}
    assert stopped["error"] == "EndpointError"


def test_the_steps_of_the_build_are_shown_while_no_chain_is_at_work():
    monitor = ProgressMonitor()
    monitor.on_step("preference", 0, 8)
    monitor.on_stage("chains", 1)
    assert (monitor.snapshot().stage, monitor.snapshot().note) == ("chains", "")
    monitor.on_result(None, Usage())
    assert (monitor.snapshot().stage, monitor.snapshot().note) == ("build", "preference")
    monitor.on_step("sft", 1, 8)
    assert (monitor.snapshot().note, monitor.snapshot().done, monitor.snapshot().total) == ("sft", 1, 8)


def test_lines_can_be_printed_elsewhere(monitored):
    printed = []
    monitored(ProgressMonitor(print_line=printed.append))
    assert printed[-1].startswith("chains: ")


def test_a_build_with_a_monitor_is_the_same_build(make_generation, tmp_path):
    hashes, steps = [], []
    for name, hooks in [("plain", False), ("monitored", True)]:
        with ProgressMonitor(price=Price(1, 1), log=tmp_path / "run.jsonl", metrics_port=0) as monitor:
            generation = make_generation(**{"listener": monitor.listener} if hooks else {})
            spool = filled_spool(generation, tmp_path / f"{name}-spool")
            write_spool(spool, generation, tmp_path / f"{name}-build", lambda *step: steps.append(step))
        files = sorted(path for path in (tmp_path / f"{name}-build").rglob("*") if path.is_file())
        hashes.append({path.name: file_sha256(path) for path in files})
    assert hashes[0] == hashes[1]
    names = [*configs(), "responses", "manifest", "validation", "card"]
    assert steps == [(name, number, len(names)) for number, name in enumerate(names)] * 2
