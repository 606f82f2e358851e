"""Releases that are tampered with, with and without covering it up: each is caught, and the row is named."""

import json
import shutil
from dataclasses import replace
from itertools import islice
from unittest import mock

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecd_data.artifact.manifest import read_manifest, write_manifest
from ecd_data.builders.ecd import Ecd
from ecd_data.calls.scheduler import ModelSource
from ecd_data.core.errors import BuildError, CallFailed
from ecd_data.core.hashing import canonical_json, file_sha256, sha256
from ecd_data.core.request import Model
from ecd_data.corpus.contamination import Contamination
from ecd_data.progress.monitor import ProgressMonitor
from ecd_data.proof.replay import replay
from ecd_data.proof.verification import verify
from tests.helpers.forgery import RESPONSES, TRAIN, cover_up, edit_manifest, edit_rows
from tests.helpers.scripted import MODEL, RECIPE, ScriptedPool, scripted

CHECKS = ["code", "files", "rows", "inputs", "responses", "manifest", "card", "load_dataset"]


JUDGE = Model("test/judge", "77")


class JudgePool(ScriptedPool):
    """A judge that is another model."""

    async def identify(self, model=None):
        return JUDGE


def verified(build, tmp_path=None, loads=False):
    """The problems by check, of those that found any; a folder to work in asks for the replay.

    Most of the time goes to `load_dataset`, so without a replay it is called only where a test is about it.
    """

    def again(published):
        return replay(published, tmp_path / "again", Ecd, ProgressMonitor())

    checks = verify(build, str(build), None, again if tmp_path else None)
    made = checks if tmp_path or loads else islice(checks, CHECKS.index("load_dataset"))
    return {check.name: "\n".join(check.problems) for check in made if check.problems}


JUDGED = replace(RECIPE, operations=("reasoning/*", "style/no_*"), judge_accuracy=0.0)


@pytest.fixture
def build(make_build):
    """A release of its own."""
    return make_build("release")


@pytest.fixture
def first(build):
    """The id of the first training pair."""
    return pq.read_table(build / TRAIN)["id"][0].as_py()


def test_a_release_is_verified_and_replayed(build, tmp_path):
    assert verified(build, tmp_path) == {}
    assert [check.name for check in verify(build, str(build))] == CHECKS


@pytest.mark.parametrize(
    "changes",
    [
        {"recipe": replace(RECIPE, max_share={"repair": 0.25})},
        {"recipe": replace(RECIPE, rounds=4, pairs="all")},
        {
            "recipe": JUDGED,
            "extra_models": {"judge": ModelSource(JUDGE, JudgePool())},
        },
        {"recipe": replace(JUDGED, judge_accuracy=1.0)},
    ],
    ids=["shares", "all pairs", "a judge of its own", "a judge that is not used"],
)
def test_any_release_replays_from_what_it_publishes(make_build, tmp_path, changes):
    assert verified(make_build(**changes), tmp_path) == {}


def test_so_does_one_with_calls_that_failed_and_seeds_that_were_left_out(make_build, tmp_path, corpus):
    def fails(request):
        if request.seed_id < "4":
            raise CallFailed("no_answer", "it timed out")
        return scripted(request)

    id_ = sha256(canonical_json(["", ""]))[:16]
    empty = replace(corpus.seeds[0], seed_id=id_, instruction="", group=id_)
    seeds = replace(corpus, seeds=(*corpus.seeds, empty), duplicates=3, sources=("org/seeds", "mine.jsonl"))
    kept_out = Contamination.from_prompts([corpus.seeds[3].instruction], 4, ["org/evaluation"])
    recipe = replace(RECIPE, max_failed=1.0, decontaminate_ngram=4)
    build = make_build(corpus=seeds, recipe=recipe, contamination=kept_out, pool=ScriptedPool(fails))
    rejects = read_manifest(build)["counts"]["rejects"]
    assert {"seed/empty", "seed/contaminated", "call/no_answer"} <= rejects.keys()
    assert verified(build, tmp_path) == {}
    edit_rows(build, "seeds/decontamination.parquet", lambda rows: rows.pop())
    cover_up(build)
    assert "hashes.decontamination: is" in verified(build)["inputs"]


def test_a_tampered_text_is_caught_and_its_row_named(build, first):
    edit_rows(build, TRAIN, lambda rows: rows[0]["chosen"][0].update(content="Something else, but, it, is, here."))
    found = verified(build)
    assert found["files"] == f"{TRAIN}: changed since it was built"
    assert f"preference/train row '{first}': chosen is marked met=True for " in found["rows"]
    cover_up(build)
    found = verified(build)
    assert found.keys() == {"rows"}
    assert f"preference/train row '{first}': its chain has other texts" in found["rows"]


def test_swapped_labels_are_caught_and_the_row_named(build, first):
    def swap(rows):
        rows[0]["chosen"], rows[0]["rejected"] = rows[0]["rejected"], rows[0]["chosen"]

    edit_rows(build, TRAIN, swap)
    cover_up(build)
    assert f"preference/train row '{first}': rejected is marked met=False" in verified(build)["rows"]


def test_a_tampered_vote_is_named_by_a_replay(make_build, tmp_path):
    build = make_build(recipe=JUDGED)
    named = []

    def less_sure(rows):
        row = next(row for row in rows if row["requirements"][0]["check"] == "judge")
        row["chosen_votes"][0] = 0.6667
        named.append(row["id"])

    edit_rows(build, TRAIN, less_sure)
    assert "rows_sha256" in verified(build)["rows"]
    cover_up(build)
    assert verified(build) == {}
    found = verified(build, tmp_path)["replay"]
    assert f"preference/train row '{named[0]}': the replay makes it with another chosen_votes" in found
    assert f"{TRAIN}: other bytes than the replay's" in found


@pytest.mark.parametrize("config", ["preference", "sft", "chains", "rejects"])
def test_a_missing_shard_is_caught_and_its_rows_named(build, config):
    shard = next((build / "data" / config).glob("train-*"))
    ids = pq.read_table(shard)["id"].to_pylist()
    shard.unlink()
    found = verified(build, loads=True)
    assert found["files"] == f"data/{config}/{shard.name}: missing"
    assert found["load_dataset"].startswith("load_dataset(")
    cover_up(build)
    found = verified(build)["rows"]
    if config == "chains":
        assert "no chain names it" in found
    else:
        assert all(f"{config}/train row '{id_}': missing; its chain names it" in found for id_ in ids)


def test_a_row_in_another_split_is_caught(build):
    other = next((build / "data" / "sft").glob("test-*"))
    row = pq.read_table(other).to_pylist()[0]
    edit_rows(build, other.relative_to(build), lambda rows: rows.pop(0))
    edit_rows(build, "data/sft/train-00000-of-00001.parquet", lambda rows: rows.append(row))
    cover_up(build)
    assert f"row '{row['id']}': seed {row['seed_id']} is in" in verified(build)["rows"]


LOOSE = ("versions", "hashes.code")  # another version of the code may have made it: a replay compares them


def leaves(value, path=()):
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    else:
        yield path


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_manifest_edited_by_hand_is_caught(make_build, tmp_path, data):
    """Any value in it, changed to another of its type, missing or of another type."""
    judged = tmp_path / "judged"  # of all examples: each leaves it as it was
    if not judged.exists():
        make_build("judged", recipe=replace(JUDGED, judge_items=10))
    untouched = read_manifest(judged)
    paths = [path for path in leaves(untouched) if not ".".join(path).startswith(("format", *LOOSE))]
    path = data.draw(st.sampled_from(paths))
    manifest = json.loads(json.dumps(untouched))
    holder = manifest
    for key in path[:-1]:
        holder = holder[key]
    value = holder[path[-1]]
    other = not value if isinstance(value, bool) else value + 1 if isinstance(value, (int, float)) else f"{value}0"
    how = data.draw(st.sampled_from(["other", "gone", "null", "list"]))
    holder[path[-1]] = {"other": other, "gone": None, "null": None, "list": [value]}[how]
    if how == "gone":
        del holder[path[-1]]
    write_manifest(judged, manifest)
    try:
        with mock.patch("ecd_data.proof.verification.load_problems", return_value=[]):
            found = bool(verified(judged, loads=True))
    except BuildError:
        found = True  # it is no manifest at all any more
    finally:
        write_manifest(judged, untouched)
    assert found is (manifest != untouched), (path, how)


@pytest.mark.parametrize("path", LOOSE)
def test_versions_and_code_are_compared_by_a_replay(build, tmp_path, path):
    parts = path.split(".")
    edit_manifest(build, lambda manifest: manifest[parts[0]].update({parts[-1]: "other", "pyarrow": "1.0"}))
    assert "code" not in verified(build)
    assert f"manifest.json.{parts[0]}" in verified(build, tmp_path)["replay"]


@pytest.mark.parametrize(
    ("old", "new", "check"),
    [
        (": 40 attempted", ": 400 attempted", "card"),
        ("dtype: float64", "dtype: float32", "card"),
        ("    path: data/preference/test-*", "    path: data/preference/train-*", "load_dataset"),
        ("    num_examples: ", "    num_examples: 1", "card"),
        ("license: ", "license: [", "card"),
        ("  default: true\n", "", "load_dataset"),
    ],
)
def test_a_card_edited_by_hand_is_caught(make_build, old, new, check):
    build = make_build(recipe=replace(RECIPE, license="mit"))
    card = build / "README.md"
    text = card.read_text()
    assert old in text
    card.write_text(text.replace(old, new))
    found = verified(build, loads=check == "load_dataset")
    assert check in found
    assert "README.md" in found["card"]


def test_a_line_of_the_card_is_named(build):
    card = build / "README.md"
    lines = card.read_text().splitlines()
    number = next(n for n, line in enumerate(lines, 1) if line.startswith("| spent |"))
    lines[number - 1] = "| spent | 1 call |"
    card.write_text("\n".join(lines) + "\n")
    assert f"README.md, line {number}: is '| spent | 1 call |', not '| spent | " in verified(build)["card"]


def test_a_figure_edited_by_hand_is_caught(build):
    figure = build / "figures" / "pairs.svg"
    figure.write_text(figure.read_text().replace("</svg>", "<text>99</text></svg>"))
    changed = {"sha256": file_sha256(figure), "size": figure.stat().st_size}
    edit_manifest(build, lambda manifest: manifest["files"].update({"figures/pairs.svg": changed}))
    assert "figures/pairs.svg, line " in verified(build)["card"]


def test_other_bytes_of_the_same_rows_are_caught(build, tmp_path):
    pq.write_table(pq.read_table(build / TRAIN), build / TRAIN, compression="gzip")
    assert verified(build).keys() == {"files"}
    cover_up(build)
    assert verified(build) == {}
    found = verified(build, tmp_path)["replay"]
    assert f"{TRAIN}: other bytes than the replay's" in found
    assert " row " not in found


def test_a_part_that_no_manifest_has_is_caught(build):
    edit_manifest(build, lambda manifest: manifest.update(award="best in class"))
    assert verified(build)["manifest"] == "award: is not a part of a manifest"


def test_a_stray_file_is_caught(build):
    (build / "data" / "extra.parquet").write_bytes(b"x")
    assert verified(build)["files"] == "data/extra.parquet: not in the manifest; remove it"


def test_responses_that_were_tampered_with_are_caught(build, tmp_path):
    def reword(rows):
        row = next(row for row in rows if row["role"] == "answer" and row["response"])
        row["response"] = json.dumps({**json.loads(row["response"]), "text": "Another first answer, and a long one."})

    whole = (build / RESPONSES).read_bytes()
    edit_rows(build, RESPONSES, reword)
    assert verified(build)["files"] == f"{RESPONSES}: changed since it was built"
    cover_up(build)
    assert "replay" in verified(build, tmp_path)
    (build / RESPONSES).write_bytes(whole)
    edit_rows(build, RESPONSES, lambda rows: rows[0].update(request=rows[1]["request"]))
    cover_up(build)
    assert "does not have the key that it claims" in verified(build)["responses"]


def test_responses_of_another_model_are_caught(build):
    edit_manifest(build, lambda manifest: manifest["model"].update(id="other/model"))
    assert f"is of {MODEL}, not of the manifest's model" in verified(build)["responses"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows.pop(), "has no seed, or occurs twice"),
        (lambda rows: rows[0].update(instruction="Another one."), "hashes.seeds: is"),
        (lambda rows: rows.append({"instruction": "One more.", "response": None}), "has no chain"),
    ],
)
def test_seeds_that_were_tampered_with_are_caught(build, change, message):
    edit_rows(build, "seeds/seeds.parquet", change)
    cover_up(build)
    assert message in verified(build)["inputs"]


def test_a_schema_or_recipe_that_was_edited_is_caught(build):
    schema = build / "schema" / "sft.schema.json"
    schema.write_text(schema.read_text().replace("minItems", "maxItems"))
    (build / "recipe.yaml").write_text((build / "recipe.yaml").read_text().replace("rounds: 2", "rounds: 3"))
    cover_up(build)
    found = verified(build)["inputs"]
    assert "recipe.rounds: is 2, but 3 according to recipe.yaml, seeds/ and schema/" in found
    assert "hashes.schemas: is" in found


def test_a_build_without_its_seeds_says_that_it_cannot_be_replayed(build, tmp_path):
    shutil.rmtree(build / "seeds")
    cover_up(build)
    assert "no seeds/seeds.parquet in it, so it cannot be replayed" in verified(build, tmp_path)["replay"]
