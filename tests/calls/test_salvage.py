"""A damaged response store: what SQLite can still read of it is saved, and nothing that is not what was stored."""

import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from ecd_data.calls.salvage import readable_calls
from ecd_data.calls.store import Store
from ecd_data.core.errors import StoreError
from ecd_data.core.request import Model, Response, request_key
from tests.helpers.fake_endpoint import make_request

MODEL = Model("test/tiny-model", "0123abcd")
PAGE = 4096
TABLE_LEAF = 13  # the first byte of a page that holds rows
KEYS = [request_key(MODEL, make_request(number)) for number in range(600)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store of 600 responses of 2 kB and two failures."""
    path = tmp_path / "r.sqlite"
    with Store(path) as store:
        for number, key in enumerate(KEYS):
            store.put(key, MODEL, make_request(number), Response(os.urandom(1000).hex(), "stop"))
        failed = make_request(9999)
        for model, reason in ((MODEL, "refused"), (Model("other"), "no_answer")):
            store.put_failure(request_key(model, failed), model, failed, reason)
    return path


def saved(path: Path) -> list[str]:
    """The keys of the responses that are saved, which all have the text that was stored."""
    before = path.read_bytes()
    calls = list(readable_calls(path))
    assert path.read_bytes() == before
    return [call.key for call in calls if not call.failure]


def damage(path: Path, start: int, size: int) -> None:
    with open(path, "r+b") as file:
        file.seek(start)
        file.write(os.urandom(size))


def test_of_a_whole_store_everything_is_saved(path: Path) -> None:
    with Store(path, read_only=True) as store:
        assert sorted(readable_calls(path)) == sorted(store.calls(store.keys()))


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_of_a_file_that_is_cut_off_the_rows_before_the_cut_are_saved(path: Path, share: float) -> None:
    os.truncate(path, int(path.stat().st_size * share))
    kept = saved(path)
    assert kept == KEYS[: len(kept)]
    assert len(kept) > 600 * share * 0.8


def test_rows_on_both_sides_of_damaged_pages_are_saved(path: Path) -> None:
    content = path.read_bytes()
    leaves = [start for start in range(0, len(content), PAGE) if content[start] == TABLE_LEAF]
    for leaf in (leaves[len(leaves) // 4], leaves[len(leaves) // 2], leaves[len(leaves) // 2 + 1]):
        damage(path, leaf, PAGE)
    kept = saved(path)
    assert {KEYS[0], KEYS[299], KEYS[599]} - {*kept} <= {KEYS[299]}
    assert 580 < len(kept) < 600
    assert [call.failure for call in readable_calls(path) if call.failure] == ["refused", "no_answer"]


def test_a_row_that_is_not_what_its_key_says_is_left_out(path: Path) -> None:
    database = sqlite3.connect(path)
    database.execute("UPDATE responses SET request = (SELECT request FROM responses WHERE rowid = 8) WHERE rowid = 7")
    database.execute("UPDATE responses SET response = x'00' WHERE rowid = 9")
    database.commit()
    database.close()
    assert saved(path) == [*KEYS[:6], KEYS[7], *KEYS[9:]]


def test_of_a_damaged_log_the_commits_before_the_damage_are_saved(tmp_path: Path) -> None:
    path, copy = tmp_path / "r.sqlite", tmp_path / "copy" / "r.sqlite"
    copy.parent.mkdir()
    with Store(path) as store:
        for number in range(20):
            store.put(KEYS[number], MODEL, make_request(number), Response(f"answer {number}", "stop"))
        for name in ("r.sqlite", "r.sqlite-wal"):  # as a machine that stops leaves them
            shutil.copy(tmp_path / name, copy.parent / name)
    log = copy.with_name("r.sqlite-wal")
    damage(log, log.stat().st_size // 2, 100)
    kept = saved(copy)
    assert kept == KEYS[: len(kept)]
    assert 5 < len(kept) < 15


@pytest.mark.parametrize("size", [100, 3 * PAGE])
def test_a_file_whose_beginning_is_lost_names_what_may_still_help(path: Path, size: int) -> None:
    damage(path, 0, size)
    with pytest.raises(StoreError, match=r"r.sqlite: SQLite can read nothing of it .*`sqlite3 .* \.recover`"):
        list(readable_calls(path))
