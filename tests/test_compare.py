"""`ecd compare`: what moved between two builds, as a user reads it."""

from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from ecd_data import compare
from tests.helpers.forgery import TRAIN, cover_up, edit_rows
from tests.helpers.scripted import RECIPE


@pytest.fixture
def ecd_compare(monkeypatch, capsys):
    """Runs the verb; its lines by their first words."""

    def run(*arguments, code=0):
        monkeypatch.setattr("sys.argv", ["compare", *map(str, arguments)])
        assert compare.main() == code
        said = capsys.readouterr()
        return said.err if code else [" ".join(line.split()) for line in said.out.splitlines()]

    return run


def test_the_same_build_twice(ecd_compare, make_build):
    build = make_build()
    said = ecd_compare(build, build)
    assert "no row differs" in said
    pairs = pq.read_table(build / TRAIN).num_rows
    rows = next(line for line in said if line.startswith("preference "))
    assert int(rows.split()[1]) > pairs
    assert rows.endswith(" 0 0 0")


def test_what_moved_is_counted_by_class_and_named(ecd_compare, make_build, tmp_path):
    before, after = make_build("before"), make_build("after")
    gone = []

    def change(rows):
        rows[0]["adapted_by"] = "guided"
        rows[0]["rejected"][0]["content"] += " and more"
        gone.append(rows.pop())

    first = pq.read_table(before / TRAIN).to_pylist()[0]
    edit_rows(after, TRAIN, change)
    cover_up(after)
    said = ecd_compare(before, after)
    assert next(line for line in said if line.startswith("preference ")).endswith(" 0 1 1")
    kind = gone[0]["operation"].split("/")[0]
    assert next(line for line in said if line.startswith(f"- {kind} ")).split()[-2] == "1"
    assert f"removed train {gone[0]['id']}" in said
    assert f"changed train {first['id']} (adapted_by, rejected)" in said
    assert any(line.startswith("chosen by guided 0.0% → ") for line in said)
    assert not any(line.startswith("sft ") and not line.endswith(" 0 0 0") for line in said)


def test_another_recipe_shows_in_what_it_is_made_of_and_in_coverage(ecd_compare, make_build):
    more = make_build("more", recipe=replace(RECIPE, rounds=3, operations=("format/*",)))
    said = ecd_compare(make_build("few"), more)
    assert "recipe.rounds 2 3" in said
    assert any(line.startswith("with pairs in A only: style/") for line in said)
    assert any(line.startswith("rounds of style with a pair") and " 0.0% -" in line for line in said)


def test_what_is_no_build_is_one_message(ecd_compare, make_build, tmp_path):
    assert "it has no manifest.json" in ecd_compare(make_build(), tmp_path, code=1)
    assert "neither a directory here nor a dataset id" in ecd_compare(tmp_path / "no" / "thing", tmp_path, code=1)
