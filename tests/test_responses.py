"""`ecd responses`: the store looked at, moved, saved and cleaned, as a user would."""

import os
import re

import pytest

from ecd_data import responses
from ecd_data.calls.store import Store
from ecd_data.core.recipe import Recipe
from ecd_data.core.request import Model, Response, request_key
from tests.helpers.building import chains_of
from tests.helpers.fake_endpoint import make_request


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def ecd(monkeypatch, capsys):
    """Runs the verb; what it printed."""

    def run(*arguments, code=0):
        monkeypatch.setattr("sys.argv", ["responses", *map(str, arguments)])
        assert responses.main() == code
        said = capsys.readouterr()
        return said.out + said.err

    return run


def test_a_build_replays_from_the_responses_it_was_published_with(ecd, make_build, tmp_path):
    """What the card promises: the folder `responses/` is all that it takes."""
    build = make_build("published")
    (tmp_path / "responses.sqlite").rename(tmp_path / "gone.sqlite")
    said = ecd("import", build, "--responses", tmp_path / "responses.sqlite")
    assert "0 were there" in said
    assert contents(make_build("replayed", pool=None)) == contents(build)
    assert ecd("import", build, "--responses", tmp_path / "responses.sqlite").split(": ")[1].startswith("0 new")


def test_stats(ecd, make_build, tmp_path):
    make_build()
    said = ecd("stats", "--responses", tmp_path / "responses.sqlite")
    assert "responses" in said
    assert "- test/scripted@0123456789abcdef" in said
    assert "- edit" in said
    assert "bytes a response" in said
    assert "There is no response store" in ecd("stats", "--responses", tmp_path / "none.sqlite", code=1)


def test_the_size_is_that_of_what_is_not_yet_in_the_file_too(ecd, tmp_path):
    model, path = Model("test/model"), tmp_path / "r.sqlite"
    with Store(path) as store:
        for number in range(50):
            request = make_request(number)
            store.put(request_key(model, request), model, request, Response("yes " * 1000, "stop"))
        size = sum((tmp_path / name).stat().st_size for name in ("r.sqlite", "r.sqlite-wal"))
        assert f"{size / 50:.0f} bytes a response" in ecd("stats", "--responses", path)


def test_a_damaged_store_is_saved_as_far_as_it_can_be_read(ecd, make_build, tmp_path):
    build = make_build("build")
    store = tmp_path / "copy.sqlite"
    ecd("import", build, "--responses", store)
    os.truncate(store, store.stat().st_size // 2)
    for verb in (["stats"], ["import", build]):
        assert "`ecd responses export` saves what can be read" in ecd(*verb, "--responses", store, code=1)
    said = ecd("export", "--responses", store, "-o", tmp_path / "kept.parquet")
    assert f"`sqlite3 {store} .recover`" in said
    kept = int(re.search(r"kept.parquet: (\d+) responses", said)[1])
    assert kept > 20
    assert f"{kept} new" in ecd("import", tmp_path / "kept.parquet", "--responses", tmp_path / "new.sqlite")


def test_gc_keeps_what_builds_need(ecd, make_build, make_generation, tmp_path):
    build = make_build("kept")
    before = contents(build)
    chains_of(make_generation(recipe=Recipe(seed=9, rounds=1)))
    store = tmp_path / "responses.sqlite"
    dry = ecd("gc", "--keep", build, "--responses", store, "--dry-run")
    assert "would be removed" in dry
    removed = int(dry.split(": ")[1].split()[0])
    assert removed > 10
    assert f"{removed} responses removed" in ecd("gc", "--keep", build, "--responses", store)
    assert contents(make_build("again", pool=None)) == before
    assert "not a build with responses. Nothing was removed" in ecd(
        "gc", "--keep", tmp_path, "--responses", store, code=1
    )
    assert "0 responses removed" in ecd("gc", "--model", "another", "--responses", store)
    assert ", 0 stay" in ecd("gc", "--model", "test/scripted", "--responses", store)
    assert "responses  0" in ecd("stats", "--responses", store)


def test_gc_removes_nothing_when_one_of_the_builds_is_none(ecd, make_build, tmp_path):
    build, store = make_build("kept"), tmp_path / "responses.sqlite"
    said = ecd("gc", "--keep", build, tmp_path / "kepd", "--responses", store, code=1)
    assert "kepd: not a build with responses. Nothing was removed" in said
    assert not (tmp_path / "none.sqlite").exists()
    assert "no response store" in ecd("gc", "--keep", build, "--responses", tmp_path / "none.sqlite", code=1)
    assert not (tmp_path / "none.sqlite").exists()


def test_failures_are_no_responses(ecd, tmp_path):
    model, path = Model("test/model"), tmp_path / "r.sqlite"
    with Store(path) as store:
        for number, answer in enumerate([Response("yes", "stop"), None, None]):
            request = make_request(number)
            key = request_key(model, request)
            store.put(key, model, request, answer) if answer else store.put_failure(key, model, request, "no_answer")
    assert "1 responses, 2 failures" in ecd("export", "--responses", path, "-o", tmp_path / "r.parquet")
    assert "1 of 1 responses would be removed" in ecd("gc", "--model", model.id, "--responses", path, "--dry-run")
    assert "1 responses removed, 0 stay" in ecd("gc", "--model", model.id, "--responses", path)


def test_an_export_replaces_nothing_before_it_is_whole(ecd, make_build, tmp_path):
    make_build()
    store, out = tmp_path / "responses.sqlite", tmp_path / "kept.parquet"
    before = store.read_bytes()
    assert "is the response store itself" in ecd("export", "--responses", store, "-o", store, code=1)
    assert "is not a file" in ecd("export", "--responses", store, "-o", tmp_path, code=1)
    nowhere = ecd("export", "--responses", store, "-o", tmp_path / "none" / "r.parquet", code=1)
    assert "none/r.parquet cannot be written: No such file or directory" in nowhere
    assert store.read_bytes() == before
    ecd("export", "--responses", store, "-o", out)
    kept = out.read_bytes()
    (tmp_path / "damaged.sqlite").write_bytes(before[:100] + bytes(4000))
    assert "error" in ecd("export", "--responses", tmp_path / "damaged.sqlite", "-o", out, code=1)
    assert out.read_bytes() == kept
    assert not list(tmp_path.glob(".kept*"))
