"""Scratch folders: gone at the end, and gone with the next run when the process was killed."""

import signal
import subprocess
import sys

import pytest

from ecd_data.artifact.scratch import scratch

HOLD = """
import sys, time
from pathlib import Path
from ecd_data.artifact.scratch import scratch
with scratch(Path(sys.argv[1])) as folder:
    (folder / "rows").write_text("much")
    print(folder, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder():
    """A process that holds a scratch folder of a path, and that folder's path."""
    started = []

    def hold(out):
        started.append(subprocess.Popen([sys.executable, "-c", HOLD, str(out)], stdout=subprocess.PIPE, text=True))
        return started[-1], started[-1].stdout.readline().strip()

    yield hold
    for process in started:
        process.kill()
        process.communicate()


def test_it_lies_beside_the_build_and_goes(tmp_path):
    with scratch(tmp_path / "new" / "build") as folder:
        assert folder.parent == tmp_path / "new"
        (folder / "rows").write_text("some")
    assert list((tmp_path / "new").iterdir()) == []


def test_what_a_killed_process_left_goes_with_the_next_run(tmp_path, holder):
    out = tmp_path / "build [v2]"
    process, left = holder(out)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert [str(path) for path in tmp_path.iterdir()] == [left]
    with scratch(out) as folder:
        assert list(tmp_path.iterdir()) == [folder]


def test_what_is_in_use_stays(tmp_path, holder):
    out = tmp_path / "build"
    _, used = holder(out)
    with scratch(out) as outer, scratch(out) as inner:
        assert sorted(map(str, tmp_path.iterdir())) == sorted([used, str(outer), str(inner)])
    assert [str(path) for path in tmp_path.iterdir()] == [used]


def test_that_of_another_build_stays(tmp_path, holder):
    process, left = holder(tmp_path / "builder")
    process.kill()
    process.wait()
    with scratch(tmp_path / "build"):
        pass
    assert [str(path) for path in tmp_path.iterdir()] == [left]
