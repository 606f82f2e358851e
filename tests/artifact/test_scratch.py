"""Scratch folders: gone at the end, and gone with the next run when the process was killed."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ecd_data.artifact.scratch import LOCK, scratch

HOLD = """
import sys, time
from pathlib import Path
from ecd_data.artifact.scratch import scratch
with scratch(Path(sys.argv[1])) as folder:
    (folder / "rows").mkdir()
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


@pytest.mark.subprocess
def test_what_a_killed_process_left_goes_with_the_next_run(tmp_path, holder):
    out = tmp_path / "build [v2]"
    process, left = holder(out)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert [str(path) for path in tmp_path.iterdir()] == [left]
    with scratch(out) as folder:
        assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.subprocess
def test_what_is_in_use_stays(tmp_path, holder):
    out = tmp_path / "build"
    _, used = holder(out)
    with scratch(out) as outer, scratch(out) as inner:
        assert sorted(map(str, tmp_path.iterdir())) == sorted([used, str(outer), str(inner)])
    assert [str(path) for path in tmp_path.iterdir()] == [used]


@pytest.mark.subprocess
def test_that_of_another_build_stays(tmp_path, holder):
    process, left = holder(tmp_path / "builder")
    process.kill()
    process.wait()
    with scratch(tmp_path / "build"):
        pass
    assert [str(path) for path in tmp_path.iterdir()] == [left]


@pytest.mark.subprocess
def test_runs_at_once_take_nothing_from_each_other(tmp_path):
    code = """
import sys
from pathlib import Path
from ecd_data.artifact.scratch import scratch
for _ in range(300):
    with scratch(Path(sys.argv[1])) as folder:
        (folder / "rows").write_text("some")
"""
    command = [sys.executable, "-c", code, str(tmp_path / "build")]
    runs = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [run.communicate()[1] for run in runs] == [""] * 3
    assert not list(tmp_path.iterdir())


@pytest.mark.subprocess
def test_a_lock_goes_last(tmp_path, holder, monkeypatch):
    """A process that is killed while it removes its folder leaves what the next one knows for a leftover."""
    process, left = holder(tmp_path / "build")
    process.kill()
    process.wait()
    monkeypatch.setattr(shutil, "rmtree", stopped)
    with pytest.raises(KeyboardInterrupt), scratch(tmp_path / "build"):
        pass
    monkeypatch.undo()
    assert Path(left, LOCK).exists()
    with scratch(tmp_path / "build"):
        pass
    assert not list(tmp_path.iterdir())


def stopped(*_, **__):
    raise KeyboardInterrupt
