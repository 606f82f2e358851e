"""`ecd verify` and `load_dataset` as a stranger meets a release: on a Hub, offline, in clean caches."""

import json
import os
import shutil
import subprocess
import sys

import pyarrow.parquet as pq
import pytest
from huggingface_hub import HfApi

from ecd_data import verify
from ecd_data.local.hub import Hub
from ecd_data.release.release import Release
from tests.helpers.forgery import TRAIN, cover_up, edit_rows


@pytest.fixture
def ecd_verify(monkeypatch, capsys):
    """Runs the verb; what it printed."""

    def run(*arguments, code=0):
        monkeypatch.setattr("sys.argv", ["verify", *map(str, arguments)])
        assert verify.main() == code
        return capsys.readouterr()

    return run


def test_a_release_is_proved_in_a_table(ecd_verify, make_build):
    build = make_build()
    said = ecd_verify(build)
    table = [line.split() for line in said.out.splitlines() if line.startswith(" ")]
    names = ["check", "code", "files", "rows", "inputs", "responses", "manifest", "card", "load_dataset"]
    assert [row[0] for row in table if len(row) > 1] == names
    assert said.out.count(" ok ") == 8
    assert f"{build}: verified; --replay also makes it again" in said.out
    assert "checking: load_dataset" in said.err
    assert " replay " in ecd_verify(build, "--replay").out


def test_what_is_wrong_is_named_and_shown_without_control_characters(ecd_verify, make_build):
    build = make_build()
    ids = pq.read_table(build / TRAIN)["id"].to_pylist()

    def spoil(rows):
        for row in rows:
            row["operation"] = "\x1b[31mstyle/red"

    edit_rows(build, TRAIN, spoil)
    cover_up(build)
    said = ecd_verify(build, code=1).out
    assert "FAILED" in said
    assert f"rows: preference/train row '{ids[0]}': operation" in said
    assert f"rows: ... and {len(ids) - 10} more" in said
    assert "\x1b" not in said
    assert "checks failed" in said


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["{tmp}"], "it has no manifest.json"),
        (["{tmp}", "--revision", "v1"], "is a directory, which has no revisions"),
        (["no such thing"], "neither a directory here nor a dataset id"),
    ],
)
def test_what_cannot_be_verified_is_one_message(ecd_verify, tmp_path, flags, message):
    said = ecd_verify(*(flag.format(tmp=tmp_path) for flag in flags), code=1)
    assert message in said.err
    assert not said.out


def stranger(tmp_path, **environment):
    """The environment of somebody who has nothing but the release."""
    return {**os.environ, "HF_HOME": str(tmp_path / "stranger"), "ECD_HOME": str(tmp_path / "no-store"), **environment}


def run(*command, env):
    return subprocess.run([sys.executable, *command], env=env, capture_output=True, text=True, check=False)


@pytest.mark.subprocess
def test_a_stranger_proves_a_published_revision_and_finds_what_was_changed_later(make_build, tmp_path):
    build = make_build()
    (tmp_path / "responses.sqlite").rename(tmp_path / "gone.sqlite")
    with Hub(tmp_path / "hub") as hub:
        api = HfApi(hub.url, token=hub.token)
        Release("org/ecd", api=api).publish(build, "first")
        api.create_tag("org/ecd", tag="v1.0", repo_type="dataset")
        id_ = pq.read_table(build / TRAIN)["id"][0].as_py()
        edit_rows(build, TRAIN, lambda rows: rows[0].update(adapted_by="guided"))
        cover_up(build)
        api.upload_folder(repo_id="org/ecd", folder_path=build, repo_type="dataset")
        env = stranger(tmp_path, HF_ENDPOINT=hub.url)
        good = run("-m", "ecd_data.verify", "org/ecd", "--revision", "v1.0", "--replay", env=env)
        bad = run("-m", "ecd_data.verify", "org/ecd", "--replay", env=env)
    assert good.returncode == 0, good.stdout + good.stderr
    assert "org/ecd at " in good.stdout
    assert (bad.returncode, bad.stderr.count("Traceback")) == (1, 0), bad.stdout + bad.stderr
    assert f"preference/train row '{id_}': its chain has other texts, requirements or routes" in bad.stdout
    assert f"preference/train row '{id_}': the replay makes it with another adapted_by" in bad.stdout


LOAD = """
import json, sys
from datasets import get_dataset_config_names, load_dataset
rows = {}
for config in get_dataset_config_names(sys.argv[1]):
    whole = load_dataset(sys.argv[1], config)
    streamed = load_dataset(sys.argv[1], config, streaming=True)
    rows[config] = [{split: list(data) for split, data in found.items()} for found in (whole, streamed)]
rows["default"] = {split: list(data) for split, data in load_dataset(sys.argv[1]).items()}
print(json.dumps(rows))
"""


@pytest.mark.subprocess
def test_offline_and_in_a_clean_cache_load_dataset_gives_the_rows_of_a_build_directory(make_build, tmp_path):
    build = tmp_path / "moved"
    shutil.copytree(make_build(), build)
    done = run("-c", LOAD, str(build), env=stranger(tmp_path, HF_HUB_OFFLINE="1"))
    assert done.returncode == 0, done.stderr
    loaded = json.loads(done.stdout.splitlines()[-1])
    for config in ("preference", "sft", "chains", "rejects"):
        shards = {path.name.split("-")[0]: path for path in (build / "data" / config).glob("*.parquet")}
        expected = {split: pq.read_table(path).to_pylist() for split, path in shards.items()}
        assert loaded[config] == [expected, expected]
    assert loaded["default"] == loaded["preference"][0]
