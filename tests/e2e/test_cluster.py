"""A generation in tasks: local processes, Ray with a worker that is killed, and the script that Slurm gets."""

import json
import os
import signal
import stat
import sys
import time

import psutil
import pytest

from benchmarks import simulated
from benchmarks.simulated import Simulated
from tests.helpers.runs import contents

pytestmark = pytest.mark.subprocess

# What Slurm does with a script, one task after the other: enough to run what we hand to it.
SBATCH = """#!{python}
import os, re, subprocess, sys
script = open(sys.argv[-1]).read()
if "merge_stats" not in script:
    first, last = re.search(r"--array=(\\d+)-(\\d+)", script).groups()
    for task in range(int(first), int(last) + 1):
        environment = dict(os.environ, SLURM_ARRAY_TASK_ID=str(task), SLURM_NODELIST="here", RUN_OFFSET="0")
        subprocess.run(["bash", "-c", script], env=environment, check=True, stdout=sys.stderr)
print("Submitted batch job 7")
"""
TOOLS = {"sbatch": SBATCH, "srun": '#!/bin/bash\nshift 3\nexec "$@"\n', "scontrol": "#!/bin/bash\necho here\n"}

STOPPED = 30  # answers after which a server fails, well before any of the tasks has all of its own
IMPATIENT = ["--max-retries", "0", "--max-concurrency", "2"]
ON_THE_WAY = 4  # answers at most that two workers have not stored yet when they are ended


def events(log):
    return [json.loads(line)["event"] for line in log.read_text().splitlines()]


def test_local_processes(generate, whole, tmp_path):
    asked = json.loads(whole["manifest.json"])["calls"]["total"]
    with Simulated() as server:
        flags = ["--executor", "local", "--workers", "2", "--log-json", str(tmp_path / "log.jsonl")]
        assert generate(server, "tasks", *flags, "--tasks", "3") == whole
        assert server.answered.total() == asked
        assert events(tmp_path / "log.jsonl") == ["run_started"]  # there is no judge to try
        logged = events(tmp_path / "log-00002.jsonl")
        assert (logged[0], logged[-1]) == ("run_started", "run_finished")
        assert "chain" in logged
        assert generate(server, "tasks", *flags, "--tasks", "5") == whole
        assert server.answered.total() == asked  # all is in the store of the first
        assert generate(server, "tasks") == whole
    assert not (tmp_path / "tasks.work").exists()


def test_a_work_folder_at_a_url(generate, whole, tmp_path):
    flags = ["--executor", "local", "--tasks", "3", "--workers", "2", "--work", f"file://{tmp_path}/there"]
    with Simulated() as server:
        server.stop_after = STOPPED
        _, said = generate.run(server, "tasks", *flags, *IMPATIENT)
        assert "run the same command again" in said
        server.stop_after = None
        before = server.answered.copy()
        assert generate(server, "tasks", *flags) == whole
        twice = server.answered.total() - before.total() - (len(server.answered) - len(before))
        assert twice <= ON_THE_WAY, said
    assert not list((tmp_path / "there").rglob("*.zip"))


def test_ray_loses_a_worker(generate, whole, tmp_path):
    with Simulated(median=0.05) as server:
        process = generate.start(
            server, "ray", "--executor", "ray", "--tasks", "4", "--workers", "2", "--max-concurrency", "2"
        )
        workers = []
        while server.answered.total() < 40 or len(workers) < 2:
            assert process.poll() is None, process.stdout.read()
            time.sleep(0.05)
            workers = [p for p in psutil.Process(process.pid).children(recursive=True) if "RankWorker" in p.name()]
        unwatched = [child for worker in workers for child in worker.children()]  # whose end Ray would not see
        workers[0].kill()
        said, _ = process.communicate(timeout=300)
        assert process.returncode == 0, said
        assert not unwatched
        assert contents(tmp_path / "ray") == whole


def test_slurm_gets_a_script_that_makes_the_build(generate, whole, tmp_path, monkeypatch):
    (tmp_path / "bin").mkdir()
    for name, text in TOOLS.items():
        tool = tmp_path / "bin" / name
        tool.write_text(text.replace("{python}", sys.executable))
        tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.path.dirname(sys.executable)}:{os.environ['PATH']}")
    monkeypatch.setenv("ECD_TOKEN", "secret-token-of-the-endpoint")
    wanted = ["--sbatch", "partition=cpu", "--sbatch", "time=01:00:00", "--sbatch", "account=lab"]
    with Simulated() as server:
        generate(server, "slurm", "--executor", "slurm", "--tasks", "3", *wanted)
    assert contents(tmp_path / "slurm") == whole
    left = contents(tmp_path / "slurm.work")
    assert b"#SBATCH --account=lab" in left["logs/launch_script.slurm"]
    assert b"#SBATCH --array=0-2" in left["logs/launch_script.slurm"]
    assert not [name for name, content in left.items() if b"secret-token" in content]


def test_mistakes_are_told(generate, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", os.path.dirname(sys.executable))  # no Slurm there
    with Simulated() as server:
        for flags, expected in [
            (["--executor", "slurm"], "Slurm needs partition and time: add --sbatch partition="),
            (["--executor", "slurm", "--sbatch", "partition=cpu", "--sbatch", "time=1"], "This machine has no sbatch"),
            (["--executor", "local", "--replay"], "are for one process"),
            (["--executor", "ray", "--metrics-port", "0"], "are for one process"),
            (["--tasks", "0", "--executor", "local"], "must be at least 1, got 0"),
            (["--executor", "local", "--work", "memory://run"], "is visible to one process only"),
            (["--executor", "local", "--work", "gopher://run"], "name a folder or URL that you may write to"),
            (["--executor", "local", "--work", str(tmp_path / "no")], "would be where the build goes"),
        ]:
            code, said = generate.run(server, "no", *flags)
            assert code != 0
            assert expected in said
            assert "Traceback" not in said
            assert not (tmp_path / "no.work").exists()


TASKS = ["--executor", "local", "--tasks", "3", "--workers", "2"]


@pytest.mark.parametrize("then", [TASKS, []])
def test_a_task_that_fails_is_told_and_the_next_run_goes_on(generate, whole, tmp_path, monkeypatch, then):
    monkeypatch.setenv("ECD_TOKEN", "secret-token-of-the-endpoint")
    with Simulated() as server:
        server.stop_after = STOPPED
        process = generate.start(server, "tasks", *TASKS, *IMPATIENT)
        said, _ = process.communicate(timeout=120)
        assert process.returncode == 1, said
        assert said.splitlines()[-1].startswith("error: ")
        assert "run the same command again" in said.splitlines()[-1]
        logs = "".join(path.read_text() for path in (tmp_path / "tasks.work").rglob("*.log"))
        assert "failed" in logs
        assert "secret-token" not in logs + said
        server.stop_after = None
        before = server.answered.copy()
        assert generate(server, "tasks", *then) == whole
        twice = server.answered.total() - before.total() - (len(server.answered) - len(before))
        assert twice <= ON_THE_WAY


@pytest.mark.parametrize("killed", ["task", "launcher"])
def test_what_is_killed_leaves_nobody_waiting(generate, whole, tmp_path, killed):
    with Simulated(median=0.05) as server:
        process = generate.start(server, "tasks", *TASKS, *IMPATIENT)
        while server.answered.total() < STOPPED:
            assert process.poll() is None, process.stdout.read()
            time.sleep(0.01)
        started = psutil.Process(process.pid).children()
        workers = [child for child in started if "spawn_main" in " ".join(child.cmdline())]
        (workers[0] if killed == "task" else process).kill()
        said, _ = process.communicate(timeout=60)  # its output ends when the last of them has
        if killed == "task":
            assert process.returncode == 1, said
            assert "A task was killed" in said.splitlines()[-1]
        before = server.answered.copy()
        assert generate(server, "tasks", *TASKS) == whole
        twice = server.answered.total() - before.total() - (len(server.answered) - len(before))
        assert twice <= ON_THE_WAY


def test_the_same_command_beside_itself_is_refused_and_harms_nothing(generate, whole, tmp_path):
    with Simulated(median=0.05) as server:
        first = generate.start(server, "tasks", *TASKS, "--max-concurrency", "2")
        while server.answered.total() < STOPPED:
            assert first.poll() is None, first.stdout.read()
            time.sleep(0.01)
        code, said = generate.run(server, "tasks", *TASKS)
        assert code == 1, said
        assert "another process is running tasks there" in said.splitlines()[-1]
        said, _ = first.communicate(timeout=60)
        assert first.returncode == 0, said
        assert server.answered.total() == len(server.answered)
    assert contents(tmp_path / "tasks") == whole


def test_ctrl_c_ends_the_tasks_too(generate, whole):
    tasks = ["--executor", "local", "--tasks", "6", "--workers", "2", "--max-concurrency", "2"]
    with Simulated(median=0.05) as server:
        process = generate.start(server, "tasks", *tasks, start_new_session=True)
        while server.answered.total() < STOPPED:
            assert process.poll() is None, process.stdout.read()
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        before = server.answered.total()
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 130, said
        assert server.answered.total() - before <= ON_THE_WAY
        assert generate(server, "tasks", *tasks) == whole


def test_a_store_that_a_killed_task_left_hinders_nobody(generate, whole, tmp_path):
    with Simulated() as server:
        server.stop_after = STOPPED
        generate.run(server, "tasks", *TASKS, *IMPATIENT)
        server.stop_after = None
        store = tmp_path / "tasks.work" / "responses" / "00000.sqlite"
        store.write_bytes(b"no database" * 100)
        code, said = generate.run(server, "tasks", *TASKS)
        assert code == 1
        assert "00000.sqlite of" in said
        assert "without that file the run goes on" in said
        store.write_bytes(b"")  # it was killed before it made the tables
        assert generate(server, "tasks", *TASKS) == whole


def test_calls_that_failed_are_asked_by_the_next_run(generate, whole, tmp_path, monkeypatch):
    monkeypatch.setattr(simulated, "FAULTS", ("500",))
    asked = json.loads(whole["manifest.json"])["calls"]["total"]
    tasks = ["--executor", "local", "--tasks", "3", "--workers", "1"]
    with Simulated(faults=0.03) as server:
        server.stop_after = asked // 2
        code, said = generate.run(server, "tasks", *tasks, *IMPATIENT)
        assert code == 1, said
        assert list((tmp_path / "tasks.work").glob("again/*")), "a task in which a few calls failed has ended well"
        server.faults, server.stop_after = 0, None
        assert generate(server, "tasks", *tasks) == whole
