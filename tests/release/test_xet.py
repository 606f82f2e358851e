"""Publishing as clients do by default, over Xet."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest
from huggingface_hub import HfApi

from tests.helpers.scripted import RECIPE
from tests.helpers.xet_hub import XetHub

LOADED = """
import sys
from datasets import load_dataset
for config in ("preference", "sft", "chains", "rejects"):
    here, there = (load_dataset(where, config) for where in (sys.argv[1], "org/ecd"))
    assert {split: rows.to_list() for split, rows in here.items()} == {s: rows.to_list() for s, rows in there.items()}
    assert next(iter(load_dataset("org/ecd", config, split="train", streaming=True))) == there["train"][0]
"""


@pytest.fixture
def run(tmp_path):
    pytest.importorskip("hf_xet")
    with XetHub(tmp_path / "hub", tmp_path / "store") as hub:
        variables = {"HF_ENDPOINT": hub.url, "HF_TOKEN": hub.token, "HF_HUB_DISABLE_XET": "0"}
        environment = {**os.environ, **variables, "HF_HOME": str(tmp_path / "home")}

        def run(*arguments):
            command = [sys.executable, *arguments]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            if "local://" in done.stderr:
                pytest.skip("this hf_xet has no local store")
            assert done.returncode == 0, done.stderr
            return done.stdout

        run.hub = hub
        yield run


@pytest.mark.subprocess
def test_a_release_goes_and_comes_over_xet(run, make_build):
    first, second = make_build("first"), make_build("second", recipe=replace(RECIPE, rounds=1))
    publish = ["-m", "ecd_data.publish", "org/ecd", "--build"]
    assert "published: " in run(*publish, str(first), "--tag", "v1")
    run("-c", LOADED, str(first))
    assert "published: " in run(*publish, str(second))
    run("-c", LOADED, str(second))
    assert "nothing to publish" in run(*publish, str(second))
    assert not any("/lfs/objects/batch" in path for _, path in run.hub.requests)
    commits = HfApi(run.hub.url, token=run.hub.token).list_repo_commits("org/ecd", repo_type="dataset")
    assert len(commits) == 3
