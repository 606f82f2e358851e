"""How a release is published: pull requests, tags, settings, collections, and what is refused."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import GatedRepoError

from ecd_data.core.errors import PublishError
from ecd_data.release.release import Terms
from tests.helpers.scripted import RECIPE

SMALLER = replace(RECIPE, rounds=1)


@pytest.fixture
def api(hub):
    return HfApi(hub.url, token="hf_write")


def refs(api):
    return api.list_repo_refs("org/ecd", repo_type="dataset", include_pull_requests=True)


def head(api, revision="main"):
    return api.repo_info("org/ecd", repo_type="dataset", revision=revision).sha


def test_a_pull_request_leaves_the_branch_as_it_is(hub, api, release, make_build):
    release().publish(make_build("old"), "Old")
    before, build = head(api), make_build("new", recipe=SMALLER)
    published = release(terms=Terms(create_pr=True)).publish(build, "New")
    assert (published.url, published.new) == (f"{hub.url}/datasets/org/ecd/discussions/1", True)
    assert head(api) == before
    assert not release(revision="refs/pr/1").change(build)


def test_a_pull_request_is_opened_once(api, release, make_build):
    release().publish(make_build("old"), "Old")
    builds = [make_build("a", recipe=SMALLER), make_build("b", recipe=replace(SMALLER, min_similarity=0.6))]
    published = [release(terms=Terms(create_pr=True)).publish(build, "New") for build in (*builds, *builds)]
    assert [(one.url.rpartition("/")[2], one.new) for one in published] == [
        ("1", True),
        ("2", True),
        ("1", False),
        ("2", False),
    ]
    assert [one.commit for one in published[:2]] == [one.commit for one in published[2:]]


def test_a_tag_names_the_commit_and_stays(api, release, make_build):
    first, second = make_build("first"), make_build("second", recipe=SMALLER)
    published = release(terms=Terms(tag="v1")).publish(first, "First")
    assert head(api, "v1") == published.commit
    with pytest.raises(PublishError, match="'v1' names another release"):
        release(terms=Terms(tag="v1")).publish(second, "Second")
    assert head(api) == published.commit
    assert not release(terms=Terms(tag="v1")).publish(first, "First").new
    release(terms=Terms(tag="v2")).publish(second, "Second")
    release(terms=Terms(tag="v1")).publish(first, "Back to the first")  # the same content is fine, wherever it is
    assert head(api, "v1") == published.commit


def test_a_tag_is_made_up_for_later(api, release, make_build):
    published = release().publish(make_build(), "First")
    assert not release(terms=Terms(tag="v1")).publish(make_build("again", pool=None), "Again").new
    assert head(api, "v1") == published.commit


def test_a_branch_is_no_tag(api, release, make_build):
    release().publish(make_build(), "First")
    with pytest.raises(PublishError, match="'main' is a branch"):
        release(terms=Terms(tag="main")).publish(make_build("again", pool=None), "Again")


@pytest.mark.parametrize("exists", [False, True])
def test_a_repository_is_private_and_gated_before_anything_is_in_it(hub, api, release, make_build, exists):
    if exists:
        api.create_repo("org/ecd", repo_type="dataset")
    release(terms=Terms(private=True, gated="manual")).publish(make_build(), "First")
    info = api.repo_info("org/ecd", repo_type="dataset")
    assert (info.private, info.gated) == (True, "manual")
    writes = [path for method, path in hub.requests if method in ("POST", "PUT")]
    settings = next(i for i, path in enumerate(writes) if path.endswith("/settings"))
    assert settings < next(i for i, path in enumerate(writes) if "/preupload/" in path)


def test_a_gated_dataset_is_read_by_its_members(hub, api, release, make_build, tmp_path):
    release(terms=Terms(gated="auto")).publish(make_build(), "First")
    other = HfApi(hub.url, token="hf_other")
    with pytest.raises(GatedRepoError):
        other.hf_hub_download("org/ecd", "README.md", repo_type="dataset", cache_dir=tmp_path)
    assert api.hf_hub_download("org/ecd", "README.md", repo_type="dataset", cache_dir=tmp_path)


def test_a_collection_has_the_dataset_once(api, release, make_build):
    slug = api.create_collection("Preference data", namespace="org").slug
    terms, build = Terms(collection=slug), make_build()
    release(terms=terms).publish(build, "First")
    release(terms=terms).publish(build, "Again")
    assert [(item.item_type, item.item_id) for item in api.get_collection(slug).items] == [("dataset", "org/ecd")]


def test_a_collection_that_is_not_there_stops_the_release_before_it_begins(api, release, make_build):
    with pytest.raises(PublishError, match="no such collection"):
        release(terms=Terms(collection="org/none-64f9a55bb3115b4f513ec026")).publish(make_build(), "First")
    assert not api.repo_exists("org/ecd", repo_type="dataset")


def with_card(build, old, new):
    """The same build with something else in its card."""
    card = build / "README.md"
    text = card.read_text()
    assert old in text
    card.write_text(text.replace(old, new))
    return build


GAP = "  - name: gap\n    dtype: int32\n"


@pytest.mark.parametrize(
    ("published", "change"),
    [
        (GAP + "  - name: distance\n    dtype: int32\n", r"- preference: distance \(int32\)"),
        (GAP.replace("int32", "string"), r"~ preference: gap \(string -> int32\)"),
    ],
)
def test_a_change_that_breaks_readers_is_refused(api, release, make_build, published, change):
    release().publish(with_card(make_build("old"), GAP, published), "Old")
    before, build = head(api), make_build("new", recipe=SMALLER)
    with pytest.raises(PublishError, match=f"(?s)breaks whoever reads.*{change}.*--allow-schema-change"):
        release().publish(build, "New")
    assert head(api) == before
    assert release(terms=Terms(allow_schema_change=True)).publish(build, "New").new


def test_a_field_more_breaks_nobody(release, make_build):
    release().publish(with_card(make_build("old"), GAP, ""), "Old")
    build = make_build("new", recipe=SMALLER)
    assert "fields\n  + preference: gap (int32)" in str(release().change(build))
    assert release().publish(build, "New").new


def test_a_dry_run_reads_as_a_diff(release, make_build):
    old, new = make_build("old"), make_build("new", recipe=replace(SMALLER, splits={"train": 1.0}))
    assert "\nrows\n  ~ preference/test  0 -> " in str(release().change(old))
    release().publish(old, "Old")
    rows = [json.loads((build / "manifest.json").read_text())["configs"]["preference"] for build in (old, new)]
    lines = str(release().change(new)).splitlines()
    assert [line for line in lines if not line.startswith(" ")] == ["files", "rows", "card"]
    assert f"  ~ preference/train  {rows[0]['train']['rows']} -> {rows[1]['train']['rows']}" in lines
    assert f"  ~ preference/test  {rows[0]['test']['rows']} -> 0" in lines
    assert any(line.startswith("  - data/preference/test-00000-of-00001.parquet  ") for line in lines)
    assert f"  -{old.joinpath('README.md').read_text().splitlines()[-1]}" not in lines
    assert not any("num_bytes" in line or "@@" in line for line in lines)
    assert any(line.startswith("  -| rounds | 2 per seed: ") for line in lines)
    assert any(line.startswith("  +| rounds | 1 per seed: ") for line in lines)
    release().publish(new, "New")
    assert str(release().change(new)) == ""


def test_a_card_cannot_play_with_the_terminal(release, make_build):
    old = make_build("old")
    (old / "README.md").write_text((old / "README.md").read_text() + "\x1b[2Jgone\n")
    release().publish(old, "Old")
    text = str(release().change(make_build("new", recipe=SMALLER)))
    assert "[2Jgone" in text
    assert "\x1b" not in text


def test_a_release_that_came_between_is_left_alone(api, hub, release, make_build):
    ours, theirs = make_build("ours"), make_build("theirs", recipe=SMALLER)

    def meanwhile(seconds):
        if not api.repo_exists("org/ecd", repo_type="dataset") or len(commits(api)) == 1:
            release().publish(theirs, "Theirs")

    publisher = release(sleep=meanwhile)
    hub.faults.append(("POST", "/commit/", 412))
    with pytest.raises(PublishError, match="(?s)another release came between.*~ preference/train"):
        publisher.publish(ours, "Ours")
    assert [commit.title for commit in commits(api)] == ["Theirs", "initial commit"]
    assert release().publish(ours, "Ours").new  # the same command again


def commits(api):
    return api.list_repo_commits("org/ecd", repo_type="dataset")


def test_what_others_change_meanwhile_does_not_matter(api, hub, release, make_build):
    def meanwhile(seconds):
        api.upload_file(path_or_fileobj=b"mine", path_in_repo="NOTES.md", repo_id="org/ecd", repo_type="dataset")

    release().publish(make_build("old"), "Old")
    hub.faults.append(("POST", "/commit/", 412))
    assert release(sleep=meanwhile).publish(make_build("new", recipe=SMALLER), "New").new
    assert "NOTES.md" in api.list_repo_files("org/ecd", repo_type="dataset")


@pytest.mark.subprocess
def test_a_tag_loads(hub, release, make_build, tmp_path):
    first = make_build("first")
    release(terms=Terms(tag="v1.0")).publish(first, "First")
    release(terms=Terms(tag="v1.1")).publish(make_build("second", recipe=SMALLER), "Second")
    script = """
import sys
from datasets import load_dataset
tagged = load_dataset("org/ecd", "sft", revision="v1.0", split="train")
print(tagged.num_rows, load_dataset(sys.argv[1], "sft", split="train").to_list() == tagged.to_list())
print(next(iter(load_dataset("org/ecd", revision="v1.0", split="train", streaming=True)))["id"])
"""
    environment = {**os.environ, "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        [sys.executable, "-c", script, str(first)], env=environment, capture_output=True, text=True, check=False
    )
    rows = json.loads((first / "manifest.json").read_text())["configs"]["sft"]["train"]["rows"]
    assert done.stdout.splitlines()[0] == f"{rows} True", done.stderr
    assert done.stdout.splitlines()[1]
