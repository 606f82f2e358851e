import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from datasets import load_dataset

from ecd_data.artifact import build as builds
from ecd_data.artifact.build import check_out
from ecd_data.artifact.manifest import read_manifest
from ecd_data.artifact.validation import validate_build
from ecd_data.core.errors import BuildError, CallFailed, EndpointError, GateError, StoreError
from ecd_data.core.recipe import Recipe, load_recipe
from ecd_data.core.request import Response
from ecd_data.core.row_groups import MAX_ROWS
from ecd_data.corpus.contamination import Contamination
from tests.helpers.building import chains_of, filled_spool, write_spool
from tests.helpers.forgery import TRAIN, edit_rows
from tests.helpers.scripted import RECIPE, ScriptedPool, scripted


def contents(build: Path) -> dict[str, bytes]:
    return {path.relative_to(build).as_posix(): path.read_bytes() for path in build.rglob("*") if path.is_file()}


def test_a_build_holds_what_a_release_needs_and_load_dataset_reads_it(make_build):
    build = make_build()
    names = set(contents(build))
    assert {"README.md", "manifest.json", "recipe.yaml", "schema/preference.schema.json"} < names
    assert "data/preference/train-00000-of-00001.parquet" in names
    assert not [name for name in names if name.endswith(".py")]
    pairs = load_dataset(str(build))
    manifest = read_manifest(build)
    assert sum(rows.num_rows for rows in pairs.values()) == manifest["counts"]["pairs"]
    assert load_dataset(str(build), "chains")["train"].num_rows > 0


def test_every_round_is_accounted_for(make_build):
    counts = read_manifest(make_build())["counts"]
    assert counts["seeds"] == 20
    assert counts["rounds"] == 40
    assert counts["pairs"] + sum(counts["rejects"].values()) == 40
    assert sum(counts["adapted_by"].values()) == sum(counts["by_class"].values()) == counts["pairs"]


def test_farther_pairs_come_on_top_of_one_outcome_for_each_round(make_build):
    counts = read_manifest(make_build(recipe=replace(RECIPE, rounds=5, pairs="all")))["counts"]
    assert set(counts["by_gap"]) > {"1"}
    assert counts["rounds"] == counts["by_gap"]["1"] + sum(counts["rejects"].values()) == 100
    assert counts["pairs"] == sum(counts["by_gap"].values())


def test_a_route_makes_no_more_than_its_share(make_build):
    free = read_manifest(make_build("free"))["counts"]
    capped = replace(RECIPE, max_share={"repair": 0.25})
    build = make_build("capped", pool=None, recipe=capped)
    counts = read_manifest(build)["counts"]
    gone = counts["rejects"]["contrast/route_share"]
    assert free["adapted_by"]["repair"] / free["pairs"] > 0.25 >= counts["adapted_by"]["repair"] / counts["pairs"]
    assert free["adapted_by"]["repair"] - gone == counts["adapted_by"]["repair"]
    assert free["adapted_by"]["edit"] == counts["adapted_by"]["edit"]
    assert counts["rounds"] == free["rounds"]
    again = make_build("again", pool=None, recipe=capped)
    assert contents(again) == contents(build)


def test_pairs_that_are_all_over_their_share_are_named(make_build):
    recipe = replace(RECIPE, routes={"repair": 1}, max_share={"repair": 0.5})
    with pytest.raises(BuildError, match=r"no pair came out of .* x contrast/route_share"):
        make_build(recipe=recipe)


def test_the_order_of_the_routes_is_kept(make_build):
    build = make_build(recipe=replace(RECIPE, routes={"repair": 1, "guided": 0, "edit": 1}))
    assert list(read_manifest(build)["recipe"]["routes"]) == ["repair", "guided", "edit"]


def test_a_replay_makes_the_same_bytes_and_so_does_any_concurrency(make_build, tmp_path):
    live = contents(make_build("live"))
    assert contents(make_build("replayed", pool=None)) == live
    for concurrency in (1, 64):
        (tmp_path / "responses.sqlite").rename(tmp_path / f"before-{concurrency}.sqlite")
        pool = ScriptedPool()
        pool.capacity = concurrency
        assert contents(make_build(f"at {concurrency}", pool=pool)) == live
        assert pool.requests


@pytest.mark.subprocess
@pytest.mark.parametrize("changes", [{}, {"max_share": {"repair": 0.25}}])
def test_any_number_of_parts_and_processes_makes_the_same_bytes(make_build, changes):
    recipe = replace(RECIPE, **changes)
    whole = contents(make_build("whole", recipe=recipe))
    assert contents(make_build("three parts", parts=3, recipe=recipe, pool=None)) == whole
    assert contents(make_build("more parts than seeds", parts=23, recipe=recipe, pool=None)) == whole
    assert contents(make_build("processes", parts=5, processes=2, recipe=recipe, pool=None)) == whole


def test_a_second_run_asks_nothing(make_build):
    make_build("first")
    pool = ScriptedPool()
    make_build("second", pool=pool)
    assert pool.requests == []


def test_a_run_that_was_cut_short_goes_on_and_ends_in_the_same_bytes(make_build, tmp_path):
    whole = contents(make_build("whole"))
    (tmp_path / "responses.sqlite").rename(tmp_path / "whole.sqlite")
    for side in tmp_path.glob("responses.sqlite-*"):
        side.unlink()

    calls = 0

    def breaks_off(request):
        nonlocal calls
        calls += 1
        if calls == 40:
            raise EndpointError("the endpoint went away")
        return scripted(request)

    with pytest.raises(EndpointError):
        make_build("cut", pool=ScriptedPool(breaks_off))
    assert not (tmp_path / "cut").exists()
    assert not list(tmp_path.glob(".cut*"))
    pool = ScriptedPool()
    assert contents(make_build("cut", pool=pool)) == whole
    total = json.loads(whole["manifest.json"])["calls"]["total"]
    assert 0 < len(pool.requests) <= total - 39


def test_the_published_recipe_is_the_one_that_was_used(make_build):
    recipe = Recipe(rounds=1, routes={"repair": 1}, operations=("format/*",))
    assert load_recipe(str(make_build(recipe=recipe) / "recipe.yaml")) == recipe


def test_no_pair_at_all_is_an_error_that_lists_the_reasons(make_build):
    with pytest.raises(BuildError, match="no pair came out of 20 rounds .*20 x answer/empty"):
        make_build(pool=ScriptedPool(lambda request: Response("", "stop")))


def test_what_is_left_out_is_a_reject_and_named_in_the_card(make_build, corpus):
    shared = corpus.seeds[3].instruction
    seeds = (*corpus.seeds, replace(corpus.seeds[0], seed_id="f" * 16, instruction=""))
    contamination = Contamination.from_prompts([shared], 4, ["org/evaluation"])
    build = make_build(corpus=replace(corpus, seeds=seeds), contamination=contamination)
    manifest = read_manifest(build)
    assert manifest["counts"]["rejects"]["seed/empty"] == 1
    assert manifest["counts"]["rejects"]["seed/contaminated"] == 1
    assert manifest["hashes"]["decontamination"] == contamination.sha256
    assert manifest["seeds"]["decontaminated_from"] == ["org/evaluation"]
    assert "8 words in a row with `org/evaluation`" in (build / "README.md").read_text()
    assert validate_build(build)


def test_the_card_tells_of_the_judges_trial(make_build):
    recipe = replace(RECIPE, operations=("reasoning/*", "style/no_*"), judge_items=10, judge_accuracy=0.0)
    build = make_build(recipe=recipe)
    tried = read_manifest(build)["judge"]["calibration"]["overall"]["items"]
    assert f"was tried on {tried} questions" in (build / "README.md").read_text()


def test_what_is_not_a_build_is_left_alone(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("do not touch")
    with pytest.raises(BuildError, match="is neither empty nor a build directory"):
        check_out(tmp_path / "mine")
    with pytest.raises(BuildError, match="is a file"):
        check_out(tmp_path / "mine" / "thesis.txt")
    with pytest.raises(BuildError, match="is a mount point"):
        check_out(Path("/"))


def test_a_folder_with_a_manifest_of_another_program_is_left_alone(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "manifest.json").write_text('{"manifest_version": 3}')
    with pytest.raises(BuildError, match="is neither empty nor a build directory"):
        check_out(tmp_path / "mine")


def test_a_build_with_files_of_the_users_is_left_alone(make_build):
    build = make_build()
    check_out(build)
    (build / "thesis.txt").write_text("do not touch")
    with pytest.raises(BuildError, match=r"thesis\.txt"):
        check_out(build)


def test_a_link_is_followed_and_stays(make_build, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    make_build("link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "manifest.json").exists()


def test_an_older_build_stays_when_a_new_one_fails(make_build):
    old = contents(make_build())

    def fails(request):
        raise EndpointError("down")

    with pytest.raises(EndpointError):
        make_build(pool=ScriptedPool(fails), recipe=Recipe(seed=5, rounds=1))
    assert contents(make_build(pool=None)) == old


@pytest.mark.subprocess
def test_a_full_disk_leaves_no_half_made_build(make_build, tmp_path):
    make_build("enough")  # its responses are stored, so the next run writes the build alone
    script = f"""
import resource, sys
from pathlib import Path
sys.path[:0] = {sys.path!r}
from ecd_data.calls.scheduler import ModelSource
from ecd_data.calls.store import Store
from ecd_data.corpus.seeds import read_corpus
from ecd_data.core.errors import BuildError
from ecd_data.generation.generation import Generation
from tests.helpers.building import filled_spool, write_spool
from tests.helpers.scripted import MODEL, RECIPE
store = Store({str(tmp_path / "responses.sqlite")!r}, read_only=True)
generation = Generation(read_corpus(["bundled"], limit=20), RECIPE, ModelSource(MODEL), store)
spool = filled_spool(generation, Path({str(tmp_path)!r}) / "work")
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    write_spool(spool, generation, Path({str(tmp_path)!r}) / "full")
except BuildError as error:
    print(error)
    sys.exit(1)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "cannot be written" in done.stdout
    assert not (tmp_path / "full").exists()
    assert not list(tmp_path.glob(".full*"))


def test_a_build_validates(make_build):
    report = validate_build(make_build())
    assert report.rechecked > 0


@pytest.mark.parametrize(
    ("before", "change", "said"),
    [
        ("make_manifest", {"similarity": 2.0}, "similarity: 2.0 is greater"),
        ("make_manifest", {"similarity": 0.0}, "similarity is 0.0, but"),
        ("check_rows", {}, "changed since it was built"),  # the same rows in other bytes
        ("write_card", {"model": "other"}, "changed since it was built"),
    ],
)
def test_a_file_that_is_not_what_was_meant_stops_the_build(make_build, tmp_path, monkeypatch, before, change, said):
    step = getattr(builds, before)

    def after_a_change(partial, *args):
        edit_rows(partial, TRAIN, lambda rows: rows[0].update(change))
        return step(partial, *args)

    monkeypatch.setattr(builds, before, after_a_change)
    with pytest.raises(GateError, match=said):
        make_build(anew=True)
    assert not (tmp_path / "build").exists()


def test_row_groups_are_small_and_pages_have_an_index(make_build):
    for path in make_build().rglob("*.parquet"):
        found = pq.ParquetFile(path).metadata
        for number in range(found.num_row_groups):
            group = found.row_group(number)
            assert group.num_rows <= MAX_ROWS
            for column in range(group.num_columns):
                assert group.column(column).has_offset_index
                assert group.column(column).has_column_index or group.column(column).statistics is None


def test_configs_and_splits_load_by_their_names(make_build):
    build = make_build()
    for config, splits in read_manifest(build)["configs"].items():
        for split, recorded in splits.items():
            assert load_dataset(str(build), config, split=split).num_rows == recorded["rows"]
            streamed = load_dataset(str(build), config, split=split, streaming=True)
            assert next(iter(streamed)) == load_dataset(str(build), config, split=split)[0]


def test_an_older_build_is_put_back_when_the_new_one_cannot_take_its_place(make_build, tmp_path, monkeypatch):
    out = make_build()
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    rename = Path.rename

    def fails(source, target):
        if ".partial-" in source.parent.name and source.name == "build":
            raise OSError(5, "Input/output error")
        return rename(source, target)

    monkeypatch.setattr(Path, "rename", fails)
    with pytest.raises(BuildError, match="Input/output error"):
        make_build(recipe=replace(RECIPE, rounds=1))
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []


def test_a_call_that_another_run_answers_meanwhile_is_no_failure_of_the_build(make_generation, corpus, tmp_path):
    def fails(request):
        if request.round == 1 and request.seed_id == corpus.seeds[0].seed_id:
            raise CallFailed("no_answer", "no")
        return scripted(request)

    def another_run(name="", number=0, total=0):  # which has better luck
        if number == 0:
            chains_of(make_generation())

    generation = make_generation(ScriptedPool(fails))
    spool = filled_spool(generation, tmp_path / "spool")
    with pytest.raises(StoreError, match="run the same command again"):
        write_spool(spool, generation, tmp_path / "out", another_run)
    for writing in (generation, make_generation(pool=None)):  # as a run does, and the merge of tasks
        with pytest.raises(StoreError, match="run the same command again"):
            write_spool(spool, writing, tmp_path / "out")
    write_spool(filled_spool(generation, tmp_path / "again"), generation, tmp_path / "out")


def test_a_call_that_fails_again_for_another_reason_replays_with_that_one(make_generation, corpus, tmp_path):
    def failing(reason):
        def answer(request):
            if request.round == 1 and request.seed_id == corpus.seeds[0].seed_id:
                raise CallFailed(reason, "no")
            return scripted(request)

        return make_generation(ScriptedPool(answer))

    def made(generation, name, on_step=lambda *_: None):
        write_spool(filled_spool(generation, tmp_path / f"{name}.spool"), generation, tmp_path / name, on_step)
        return {p.relative_to(tmp_path / name): p.read_bytes() for p in (tmp_path / name).rglob("*") if p.is_file()}

    first = made(failing("no_answer"), "first")
    second = made(failing("refused"), "second")
    assert first != second
    assert made(make_generation(pool=None), "replayed") == second
    with pytest.raises(StoreError, match="run the same command again"):
        made(failing("refused"), "third", lambda *_: chains_of(failing("no_answer")))
