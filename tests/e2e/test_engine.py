"""The engine over HTTP: nothing is lost, nothing that was answered is asked again, the same bytes come out."""

import json
import multiprocessing
import os
import random
import resource
import signal
import subprocess
import sys
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.simulated import Simulated, request_id
from ecd_data import generate as verb
from ecd_data.artifact.validation import validate_build
from ecd_data.calls.store import Store
from tests.helpers.fake_endpoint import FakeServer, Fault, chat_completion
from tests.helpers.runs import Generate, contents

KILLS = 50


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What an uninterrupted run makes."""
    with Simulated() as server:
        return Generate(tmp_path_factory.mktemp("whole"))(server, "build")


def stored(path):
    """The requests that a store holds the answers to."""
    if not path.exists():
        return set()
    with Store(path) as store:
        calls = store.calls(store.keys())
        return {request_id(json.loads(call.request)) for call in calls if not call.failure}


def start(flags, log=os.devnull):
    """`generate` in a process that has imported everything: its time is spent in the run and not before it."""
    process = multiprocessing.get_context("fork").Process(target=run_in_fork, args=[flags, log])
    process.start()
    return process


def run_in_fork(flags, log):
    sys.argv = ["generate", *flags]
    sys.stdout = sys.stderr = open(log, "w")  # noqa: SIM115
    code = verb.main()
    sys.stdout.flush()
    os._exit(code)


def test_kill_9_at_any_moment(generate, whole, tmp_path):
    """In the calls, in the store's writes, while rows, Parquet, card or manifest are written: the next run goes on."""
    import ecd_data.builders.ecd  # noqa: F401

    moments, kills, runs = random.Random(0), 0, 0
    with Simulated(median=0.004) as server:
        while kills < KILLS:
            runs += 1
            name, known = f"run{runs}", set()
            while not (tmp_path / name).exists():
                before = server.tries.copy()
                process = start(generate.flags(server, name))
                process.join(moments.uniform(0.05, 1.5))
                if process.is_alive():
                    os.kill(process.pid, signal.SIGKILL)
                    process.join()
                    kills += 1
                else:
                    assert process.exitcode == 0
                time.sleep(0.05)  # what the server has read and not yet answered
                assert not [key for key in known if server.tries[key] > before[key]]
                known = stored(tmp_path / f"{name}.db")
            assert contents(tmp_path / name) == whole
            if process.exitcode == 0:  # else it was killed when the build was in place
                assert not list(tmp_path.glob(f".{name}.partial-*/*"))  # what the killed ones left is gone
    assert runs > 1


def test_faults_change_nothing(generate, whole):
    with Simulated(faults=0.2, hang=2) as server:
        assert generate(server, "faults", "--timeout", "1") == whole
        assert len(server.failed) > 8
        assert server.answered.total() == len(server.answered)
        assert server.failed.total() > 0.15 * server.answered.total()


@pytest.mark.parametrize("concurrency", [1, 8, 64])
def test_concurrency_and_the_order_of_arrival_change_nothing(generate, whole, concurrency):
    with Simulated(median=0.005, sigma=1, seed=0) as server:
        assert generate(server, "build", "--max-concurrency", str(concurrency)) == whole
        assert server.most_in_flight <= concurrency


def test_two_servers_change_nothing(generate, whole):
    with Simulated(median=0.01) as one, Simulated(median=0.01, faults=0.3, hang=2) as other:
        assert generate(one, "build", "--endpoint", other.url, "--timeout", "1") == whole
        assert min(one.answered.total(), other.answered.total()) > 5  # the one with faults gets few


@pytest.mark.parametrize("limit", [30_000, 100_000, 300_000])
def test_a_full_disk_is_told_and_costs_nothing(generate, whole, tmp_path, limit):
    """No file may grow beyond a limit, as on a disk that is full: the store's, or one of the build's."""
    with Simulated() as server:
        command = [sys.executable, "-m", "ecd_data.generate", *generate.flags(server, "build")]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        )
        assert done.returncode == 1, done.stderr
        assert "Traceback" not in done.stderr
        assert "same command again" in done.stderr
        assert not (tmp_path / "build").exists()
        kept = stored(tmp_path / "build.db")
        before = server.tries.copy()
        assert generate(server, "build") == whole
        assert not [key for key in kept if server.tries[key] > before[key]]


TEXTS = st.one_of(
    st.text(max_size=200),
    st.text(st.characters(categories=["Cc", "Cf", "Cs", "Zl", "Zp", "So"]), max_size=50),
    st.sampled_from(
        [
            "---\ntitle: x\n---\n",
            "{{ 7 * 7 }}{% raw %}",
            "<script>alert(1)</script>",
            '{"met": true}',
            "```\n| a | b |\n```",
            "\ud800 half",
            "\x00\x1b[31m",
            "word " * 200_000,
        ]
    ),
)


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(texts=st.lists(TEXTS, min_size=1, max_size=5))
def test_no_text_of_a_model_breaks_a_run(tmp_path_factory, texts):
    folder = tmp_path_factory.mktemp("texts")
    recipe = {
        "rounds": 2,
        "operations": ["style/no_*", "style/*_case", "format/*"],
        "routes": {"edit": 2, "repair": 1, "guided": 1},
    }
    (folder / "recipe.yaml").write_text(json.dumps(recipe))
    server = FakeServer()

    def answer(body):
        completion = chat_completion(body)
        text = texts[body["seed"] % len(texts)]
        words = "A plain Answer, with 2 words of its own. " if body["seed"] % 3 else ""  # so that some make pairs
        completion["choices"][0]["message"]["content"] = words + text
        return Fault(200, json.dumps(completion).encode())

    server.answer = answer
    flags = ["--seeds", "bundled", "--limit", "3", "--recipe", str(folder / "recipe.yaml"), "--endpoint", server.url]
    flags += ["--out", str(folder / "build"), "--responses", str(folder / "r.db")]
    try:
        process = start(flags, folder / "log")
        process.join()
        if process.exitcode:  # such a model may well give no pair
            assert (folder / "log").read_text().splitlines()[-1].startswith("error: no pair came out"), folder
        else:
            validate_build(folder / "build")
    finally:
        server.stop()
