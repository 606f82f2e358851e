import os
import signal
import sqlite3
import time
from unittest.mock import Mock

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from ecd_data.cluster import work_folder as module
from ecd_data.cluster.work_folder import SPOOL, WorkFolder, task_store
from ecd_data.core.errors import StoreError
from ecd_data.core.process import Terminated, raise_on_sigterm

PART = "part-00000-of-00001"


@pytest.fixture(params=["folder", "url"])
def work(request, tmp_path):
    return WorkFolder(str(tmp_path / "work") if request.param == "folder" else f"memory://{tmp_path}")


def rows(path):
    with sqlite3.connect(path) as database:
        return [row for (row,) in database.execute("SELECT * FROM t")]


def add(path, *values):
    path.parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE IF NOT EXISTS t (x)")
        database.executemany("INSERT INTO t VALUES (?)", [[value] for value in values])


def test_it_belongs_to_one_run_at_a_time(work):
    work.claim("fingerprint", 2)
    work.claim("fingerprint", 2)
    for other in [("another", 2), ("fingerprint", 3)]:
        with pytest.raises(StoreError, match="parts of another run"):
            work.claim(*other)
    work.clear(logs=True)
    work.claim("another", 3)


@pytest.mark.parametrize("name", ["logs/training.log", "responses/all.sqlite", "spool/queue"])
def test_a_folder_with_files_of_others_is_refused_and_left_alone(tmp_path, name):
    theirs = tmp_path / name
    theirs.parent.mkdir()
    theirs.write_text("not ours")
    work = WorkFolder(str(tmp_path))
    with work.unmerged_stores() as stores:
        assert not stores
    with pytest.raises(StoreError, match=r"which do not belong to a run: .* with --work"):
        work.claim("fingerprint", 1)
    assert theirs.read_text() == "not ours"


def test_what_else_is_in_the_folder_stays(tmp_path):
    work = WorkFolder(str(tmp_path / "work"))
    with work.launch_lock():
        work.claim("fingerprint", 1)
        for theirs in ("lock", "run.jsonl"):
            (tmp_path / "work" / theirs).write_text("not ours")
        work.clear(logs=True)
    assert {path.name for path in (tmp_path / "work").iterdir()} == {"lock", "run.jsonl"}


def test_a_run_that_was_killed_while_it_was_cleared_leaves_no_half_of_a_part(work, monkeypatch):
    work.claim("fingerprint", 1)
    with work.task_folder(0, PART) as folder:
        add(task_store(folder, 0), 1)
        (folder / SPOOL / PART).mkdir(parents=True)
    files, done = fsspec.url_to_fs(work.where)[0], f"{work.logs}/completions/00000"
    files.makedirs(done.rpartition("/")[0])
    files.touch(done)
    with monkeypatch.context() as patched:
        patched.setattr(type(files), "rm", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            work.clear(logs=True)
    with work.unmerged_stores() as stores:
        assert not stores  # the store of all runs has what is in them
    work.claim("fingerprint", 1)
    assert not work.has_part(PART)
    assert not files.exists(done)


def test_one_process_at_a_time_launches_tasks(tmp_path):
    work = WorkFolder(str(tmp_path / "work"))
    with (
        work.launch_lock(),
        pytest.raises(StoreError, match="another process is running tasks there"),
        work.launch_lock(),
    ):
        pass
    with work.launch_lock():
        pass
    assert not (tmp_path / "work").exists()


def test_a_task_finds_its_store_again_and_leaves_its_part(work):
    work.claim("fingerprint", 1)

    def fail():
        with work.task_folder(0, PART) as folder:
            add(task_store(folder, 0), 1, 2)
            raise ConnectionError

    with pytest.raises(ConnectionError):
        fail()
    assert not work.has_part(PART)
    with work.task_folder(0, PART) as folder:
        assert rows(task_store(folder, 0)) == [1, 2]
        add(task_store(folder, 0), 3)
        (folder / SPOOL / PART).mkdir(parents=True)
        (folder / SPOOL / PART / "keys").write_text("a")
    assert work.has_part(PART)
    with work.unmerged_stores() as (store,):
        assert rows(store) == [1, 2, 3]
    with work.finished_parts() as folder:
        assert (folder / SPOOL / PART / "keys").read_text() == "a"
    work.clear(logs=True)
    assert not work.has_part(PART)


def test_a_part_to_be_made_again(work):
    work.claim("fingerprint", 1)
    with work.task_folder(0, PART) as folder:
        (folder / SPOOL / PART).mkdir(parents=True)
        work.retry_part(0, PART)
    files, done = fsspec.url_to_fs(work.where)[0], f"{work.logs}/completions/00000"
    files.makedirs(done.rpartition("/")[0])
    files.touch(done)
    assert work.has_part(PART)  # this run goes on with it
    work.claim("fingerprint", 1)
    assert not work.has_part(PART)
    assert not files.exists(done)
    with work.task_folder(0, PART) as folder:
        (folder / SPOOL / PART).mkdir(parents=True)
    work.claim("fingerprint", 1)
    assert work.has_part(PART)


def test_a_task_that_is_killed_has_saved_its_store(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SAVED_EVERY", 0.01)
    work = WorkFolder(f"memory://{tmp_path}")
    files = fsspec.filesystem("memory")
    with work.task_folder(0, PART) as folder:
        add(task_store(folder, 0), 1)
        patience = time.monotonic() + 10
        while not files.exists(f"{tmp_path}/responses/00000.sqlite"):
            assert time.monotonic() < patience
            time.sleep(0.01)


def test_a_task_that_is_ended_while_it_puts_its_store_away_ends_after_that(tmp_path, monkeypatch):
    work, put_file = WorkFolder(f"memory://{tmp_path}"), MemoryFileSystem.put_file

    def interrupted(*args):
        os.kill(os.getpid(), signal.SIGTERM)
        put_file(*args)

    monkeypatch.setattr(MemoryFileSystem, "put_file", interrupted)
    with pytest.raises(Terminated), raise_on_sigterm(), work.task_folder(0, PART) as folder:
        add(task_store(folder, 0), 1)
    assert fsspec.filesystem("memory").exists(f"{tmp_path}/responses/00000.sqlite")


@pytest.mark.parametrize("where", ["nosuch://bucket/run", "/proc/nothing/here"])
def test_a_place_that_cannot_be_written_is_told(where):
    with pytest.raises(StoreError, match="with --work"):
        WorkFolder(where).claim("fingerprint", 1)
