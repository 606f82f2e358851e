import json
import shutil
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ecd_data.artifact.manifest import read_manifest, write_manifest
from ecd_data.artifact.row_checks import tie_problems
from ecd_data.artifact.validation import validate_build
from ecd_data.core.errors import BuildError, GateError
from ecd_data.core.hashing import file_sha256
from ecd_data.methods.contrast import similarity
from tests.helpers.scripted import RECIPE

TRAIN = "data/preference/train-00000-of-00001.parquet"


def change_rows(build, name, change):
    """Edits the rows of a file and covers it up in the manifest, so that only the gate can notice."""
    table = pq.read_table(build / name)
    rows = table.to_pylist()
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows, table.schema), build / name)
    manifest = read_manifest(build)
    manifest["files"][name] = {"sha256": file_sha256(build / name), "size": (build / name).stat().st_size}
    write_manifest(build, manifest)


def swap(rows):
    rows[0]["chosen"], rows[0]["rejected"] = rows[0]["rejected"], rows[0]["chosen"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (swap, "is marked met="),
        (lambda rows: rows[0].update(rejected=rows[0]["chosen"]), "are the same"),
        (lambda rows: rows[1].update(id=rows[0]["id"]), "its id occurs twice"),
        (lambda rows: rows[0].update(rejected_met=[True] * len(rows[0]["requirements"])), "rejected_met"),
        (lambda rows: rows[0].update(chosen_met=rows[0]["chosen_met"] + [True]), "differ in number"),
        (lambda rows: rows[0]["prompt"][0].update(role="system"), "prompt.0.role"),
        (lambda rows: rows[0].update(gap=-1), "gap"),
        (lambda rows: rows[0].update(gap=0), "gap 0 does not fit the negative 'evolved'"),
        (lambda rows: rows[0]["requirements"][0].update(id="format/no_such_thing"), "not in the taxonomy"),
        (lambda rows: rows.pop(), "rows differ from the manifest's"),
        (lambda rows: rows[0]["requirements"][0].update(kwargs='{"no_such": 1}'), "kwargs do not fit"),
        (lambda rows: rows[0]["requirements"][0].update(kwargs="{x}"), "kwargs do not fit"),
        (lambda rows: rows[0]["rejected_votes"].__setitem__(0, 1.0), "its share of votes is 1.0"),
        (lambda rows: rows[0]["chosen_votes"].__setitem__(0, 0.6667), "its share of votes is 0.6667"),
        (lambda rows: rows[0].update(similarity=float("nan")), "similarity: nan is not of type 'number'"),
        (lambda rows: rows[0]["rejected_votes"].__setitem__(0, float("nan")), "nan is not of type 'number'"),
        (lambda rows: rows[0].update(similarity=0.5), "similarity is 0.5, but that of chosen and rejected is"),
        (lambda rows: rows[0].update(model="other/model"), "model is 'other/model', but the manifest says"),
        (lambda rows: rows[0].update(operation="style/no_such_thing"), "is not its newest requirement"),
        (lambda rows: rows[0].update(seed_id="0" * 16), "its id is not one of seed 0000000000000000 and round"),
        (lambda rows: rows[0]["prompt"][0].update(content="Do it."), "its chain has other texts"),
        (lambda rows: rows[0].update(adapted_by="guided"), "its chain has other texts, requirements or routes"),
        (
            lambda rows: rows[0]["requirements"][0].update(check="judge", kwargs="{}"),
            "checked by judge, which it is not",
        ),
    ],
)
def test_a_changed_row_is_found(make_build, change, message):
    build = make_build()
    change_rows(build, TRAIN, change)
    with pytest.raises(GateError, match=message):
        validate_build(build)


def test_a_problem_names_config_split_and_row(make_build):
    build = make_build()
    id_ = pq.read_table(build / TRAIN)["id"][0].as_py()
    change_rows(build, TRAIN, swap)
    with pytest.raises(GateError, match=f"preference/train row '{id_}': chosen is marked met="):
        validate_build(build)


def test_an_accepted_turn_that_is_no_pair_is_checked_too(make_build):
    build = make_build(recipe=replace(RECIPE, max_share={"repair": 0.25}))
    pairs = {row["id"] for path in (build / "data/preference").glob("*") for row in pq.read_table(path).to_pylist()}

    def spoil(rows):
        alone = next(row for row in rows if row["round"] and row["id"] not in pairs)
        alone["completion"][0]["content"] = "One, two, three, and UPPER."

    change_rows(build, TRAIN.replace("preference", "sft"), spoil)
    with pytest.raises(GateError, match=r"sft/train row '\w+-r\d': completion is marked met=True for \w+/\w+, but: "):
        validate_build(build)


@pytest.mark.parametrize("judge", [None, {"used": False}])
def test_a_judged_row_of_a_build_whose_judge_is_not_used_is_found(make_build, judge):
    build = make_build(recipe=replace(RECIPE, operations=("reasoning/*", "style/no_*"), judge_accuracy=0.0))
    manifest = read_manifest(build)
    assert manifest["judge"]["used"]
    manifest["judge"] = judge and {**manifest["judge"], **judge}
    write_manifest(build, manifest)
    with pytest.raises(
        GateError, match=r"row '\w+-r\d': requirement '\w+/\w+' is judged, but by the manifest no judge"
    ):
        validate_build(build)


@pytest.mark.parametrize("name", ["recipe", "model", "judge"])
def test_a_manifest_that_lacks_a_part_is_named(make_build, name):
    build = make_build()
    manifest = read_manifest(build)
    manifest[name] = {"no": "such thing"}
    write_manifest(build, manifest)
    with pytest.raises(BuildError, match=r"manifest.json: not as this version writes it"):
        validate_build(build)


@pytest.mark.parametrize("told", [5, {"train": 3}, {"train": {"rows": 3}}])
def test_rows_that_a_manifest_tells_of_in_another_way_are_named(make_build, told):
    build = make_build()
    manifest = read_manifest(build)
    manifest["configs"]["preference"] = told
    write_manifest(build, manifest)
    with pytest.raises(BuildError, match=r"manifest.json: not a manifest of format"):
        validate_build(build)


def test_a_seed_in_two_splits_is_found(make_build):
    build = make_build()
    leaked = pq.read_table(build / TRAIN).slice(0, 1).to_pylist()[0]
    splits = [p for p in (build / "data" / "preference").glob("*.parquet") if not p.name.startswith("train")]
    if not splits:
        pytest.fail("the fixture's corpus must fill more than one split")

    def leak(rows):
        rows[0]["seed_id"] = leaked["seed_id"]

    change_rows(build, splits[0].relative_to(build).as_posix(), leak)
    with pytest.raises(GateError, match=f"seed {leaked['seed_id']} is in"):
        validate_build(build)


def test_a_changed_or_missing_file_is_found(make_build):
    build = make_build()
    (build / "recipe.yaml").write_text("rounds: 9\n")
    (build / "schema" / "sft.schema.json").unlink()
    with pytest.raises(GateError, match=r"(?s)recipe.yaml: changed.*sft.schema.json: missing"):
        validate_build(build)


def test_a_shard_that_nobody_listed_is_found(make_build):
    build = make_build()
    shutil.copy(build / TRAIN, build / "data/preference/train-00001-of-00002.parquet")
    with pytest.raises(GateError, match="not in the manifest"):
        validate_build(build)


@pytest.mark.parametrize("name", ["../secret", "data/../../secret", "/etc/hostname"])
def test_a_manifest_names_no_file_outside(make_build, name):
    build = make_build()
    manifest = read_manifest(build)
    manifest["files"][name] = {"sha256": "0" * 64, "size": 1}
    write_manifest(build, manifest)
    with pytest.raises(GateError, match=f"{name}: not a path inside a build"):
        validate_build(build)


@pytest.mark.parametrize("name", [".env", "ecd.py", "data/notes.txt"])
def test_a_file_that_is_not_of_the_build_is_found(make_build, name):
    build = make_build()
    (build / name).write_text("x")
    with pytest.raises(GateError, match=f"{name}: not in the manifest"):
        validate_build(build)


def test_a_build_without_its_card_is_not_valid(make_build):
    build = make_build()
    (build / "README.md").unlink()
    with pytest.raises(GateError, match="README.md: missing"):
        validate_build(build)


CHAINS = "data/chains/train-00000-of-00001.parquet"


def forget_a_pair(rows):
    next(row for row in rows if row["pairs"])["pairs"].pop()


def swap_rejects(rows):
    one, other = [row for row in rows if row["rejects"]][:2]
    one["rejects"], other["rejects"] = other["rejects"], one["rejects"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (forget_a_pair, r"are not one for each round(?s:.*)preference/train row '\w+-r\d': no chain names it"),
        (swap_rejects, "are not one for each round"),
        (lambda rows: rows[0].update(rounds=3), "says 3 rounds instead of 2"),
        (lambda rows: rows[0]["pairs"].append(rows[0]["id"] + "-r2-g7"), r"has no turns for its pair '\w+-r2-g7'"),
        (lambda rows: rows[0].update(group="7" * 16), "its group belongs in test"),
    ],
)
def test_chains_that_do_not_fit_their_outcomes_are_found(make_build, change, message):
    build = make_build()
    change_rows(build, CHAINS, change)
    with pytest.raises(GateError, match=message):
        validate_build(build)


def test_a_text_that_nothing_else_tells_of_is_found_by_the_hash_of_the_rows(make_build):
    build = make_build()
    change_rows(build, CHAINS, lambda rows: rows[0]["turns"][-1]["candidates"][0].update(text="Another one."))
    with pytest.raises(GateError, match="chains: the train rows do not have the manifest's rows_sha256"):
        validate_build(build)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda row: row.update(second=row["first"]), "first and second are the same"),
        (lambda row: row["second"][0].update(content="Another one."), "similarity is"),
        (lambda row: row["second_met"].__setitem__(-1, True), "second is marked met=True for"),
        (lambda row: row["first_votes"].__setitem__(-1, 0.5), "0.5 should not be valid"),
        (lambda row: row.update(routes=["evolved"]), "routes: "),
        (lambda row: row.update(round=row["round"] + 1), "its id is not one of seed"),
        (lambda row: row.update(operation="style/no_such_thing"), "is not its newest requirement"),
    ],
)
def test_a_changed_tie_is_found(make_build, change, message):
    build = make_build()
    change_rows(build, TRAIN.replace("preference", "ties"), lambda rows: change(rows[0]))
    with pytest.raises(GateError, match=message):
        validate_build(build)


def test_a_tie_whose_sides_miss_different_requirements_is_none():
    row = {
        "first": [{"content": "One, two"}],
        "second": [{"content": "one; two"}],
        "requirements": [
            {"id": f"reasoning/{name}", "text": ".", "kwargs": "{}", "check": "judge", "round": 1}
            for name in ("justify", "ranking")
        ],
        "first_met": [True, False],
        "second_met": [False, True],
        "first_votes": [1.0, 0.0],
        "second_votes": [0.0, 1.0],
        "similarity": similarity("One, two", "one; two"),
    }
    assert list(tie_problems(row)) == ["first and second do not miss the same requirements, so they are not a tie"]


def test_a_build_without_ties_is_valid_and_says_nothing_of_them(make_build):
    build = make_build(recipe=replace(RECIPE, routes={"repair": 1}))
    assert read_manifest(build)["configs"]["ties"] == {}
    assert "ties" not in (build / "README.md").read_text()
    assert validate_build(build).rows["ties"] == {}


def test_a_build_of_before_there_were_ties_is_valid(make_build):
    build = make_build(recipe=replace(RECIPE, routes={"repair": 1}))
    manifest = read_manifest(build)
    del manifest["configs"]["ties"], manifest["files"]["schema/ties.schema.json"]
    (build / "schema/ties.schema.json").unlink()
    write_manifest(build, manifest)
    assert validate_build(build).rechecked > 0


def test_a_build_without_any_pair_says_so(make_build):
    build = make_build(recipe=replace(RECIPE, splits={"train": 1.0}))
    (build / TRAIN).unlink()
    manifest = read_manifest(build)
    del manifest["files"][TRAIN], manifest["configs"]["preference"]["train"]
    write_manifest(build, manifest)
    with pytest.raises(GateError, match="it has no preference pairs"):
        validate_build(build)


def test_rejects_that_vanish_are_missed(make_build):
    build = make_build()
    name = next((build / "data" / "rejects").glob("train-*")).relative_to(build).as_posix()
    change_rows(build, name, lambda rows: rows.pop())
    manifest = read_manifest(build)
    manifest["configs"]["rejects"]["train"]["rows"] -= 1
    write_manifest(build, manifest)
    with pytest.raises(GateError, match="missing; its chain names it"):
        validate_build(build)


@pytest.mark.parametrize(
    ("text", "message"), [("{", "cannot be read"), (json.dumps({"format": 99}), "not a manifest of format")]
)
def test_a_broken_manifest_is_named(tmp_path, text, message):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(BuildError, match=message):
        validate_build(tmp_path)


def test_a_folder_that_is_no_build_is_named(tmp_path):
    with pytest.raises(BuildError, match="is not a build directory"):
        validate_build(tmp_path)
