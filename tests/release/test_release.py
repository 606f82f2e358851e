import threading
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd, HfApi, snapshot_download
from huggingface_hub.errors import RepositoryNotFoundError

from ecd_data.artifact.validation import validate_build
from ecd_data.core.errors import PublishError
from ecd_data.release.download import download
from ecd_data.release.release import Release, Terms
from tests.helpers.scripted import RECIPE


def commits(hub, **where):
    return HfApi(hub.url, token="hf_write").list_repo_commits("org/ecd", repo_type="dataset", **where)


def downloaded(hub, cache, token="hf_write"):
    return snapshot_download("org/ecd", repo_type="dataset", endpoint=hub.url, token=token, cache_dir=cache)


def test_a_release_is_one_commit_and_the_same_content_again_is_none(hub, release, make_build, tmp_path):
    build = make_build()
    url = release().publish(build, "First release").url
    assert url == f"{hub.url}/datasets/org/ecd/commit/{commits(hub)[0].commit_id}"
    assert [commit.title for commit in commits(hub)] == ["First release", "initial commit"]
    assert not release().publish(build, "Again").new
    assert not release().publish(make_build("replayed", pool=None), "Replayed").new
    assert len(commits(hub)) == 2


def test_what_is_published_is_the_build(hub, release, make_build, tmp_path):
    build = make_build()
    release().publish(build, "First release")
    remote = Path(downloaded(hub, tmp_path))
    for path in (path for path in build.rglob("*") if path.is_file()):
        assert (remote / path.relative_to(build)).read_bytes() == path.read_bytes()
    validate_build(remote)


def test_a_new_release_replaces_the_files_of_the_old_one_and_leaves_others(hub, release, make_build):
    api = HfApi(hub.url, token="hf_write")
    release().publish(make_build(), "First release")
    extra = [CommitOperationAdd("NOTES.md", b"mine")]
    api.create_commit("org/ecd", extra, commit_message="Add notes", repo_type="dataset")
    only_train = make_build("second", recipe=replace(RECIPE, rounds=1, splits={"train": 1.0}))
    change = release().change(only_train)
    assert "data/preference/test-00000-of-00001.parquet" in change.deleted
    assert "NOTES.md" not in change.deleted
    release().publish(only_train, "Second release")
    files = api.list_repo_files("org/ecd", repo_type="dataset")
    assert "NOTES.md" in files
    assert "data/preference/test-00000-of-00001.parquet" not in files
    assert len(commits(hub)) == 4


def test_a_dry_look_changes_nothing(hub, release, make_build):
    change = release().change(make_build())
    assert change.parent is None
    assert "README.md" in change.added
    assert not any(method != "GET" for method, _ in hub.requests)


def test_somebody_elses_repository_is_left_alone(hub, release, make_build):
    api = HfApi(hub.url, token="hf_write")
    api.create_repo("org/ecd", repo_type="dataset")
    api.create_commit("org/ecd", [CommitOperationAdd("a.csv", b"x")], commit_message="a", repo_type="dataset")
    with pytest.raises(PublishError, match=r"not published by this program \(a.csv\).*Choose another id"):
        release().publish(make_build(), "Mine")
    assert len(commits(hub)) == 2


@pytest.mark.parametrize(
    "manifest", [b"{", b'{"format": 1, "files": {"keep.txt": {}}}', b'{"format": 1, "files": ["keep.txt"]}']
)
def test_a_manifest_of_another_program_is_not_taken_for_ours(hub, release, make_build, manifest):
    api = HfApi(hub.url, token="hf_write")
    api.create_repo("org/ecd", repo_type="dataset")
    files = [CommitOperationAdd("manifest.json", manifest), CommitOperationAdd("keep.txt", b"mine")]
    api.create_commit("org/ecd", files, commit_message="mine", repo_type="dataset")
    with pytest.raises(PublishError, match="not written by this program"):
        release().publish(make_build(), "Mine")
    assert "keep.txt" in api.list_repo_files("org/ecd", repo_type="dataset")


def test_only_what_the_manifest_lists_is_published(hub, release, make_build):
    build = make_build()
    (build / ".env").write_text("SECRET=1")
    (build / "ecd.py").write_text("")
    release().publish(build, "First release")
    files = HfApi(hub.url, token="hf_write").list_repo_files("org/ecd", repo_type="dataset")
    assert not {".env", "ecd.py"} & set(files)


def test_a_fresh_repository_with_a_card_is_taken(hub, release, make_build):
    api = HfApi(hub.url, token="hf_write")
    api.create_repo("org/ecd", repo_type="dataset")
    card = [CommitOperationAdd("README.md", b"---\nlicense: mit\n---\n")]
    api.create_commit("org/ecd", card, commit_message="card", repo_type="dataset")
    assert release().publish(make_build(), "First release")


def test_a_branch_of_its_own(hub, release, make_build):
    release().publish(make_build(), "First release")
    second = make_build("second", recipe=replace(RECIPE, rounds=1))
    release(revision="dev").publish(second, "Try")
    assert commits(hub)[0].title == "First release"
    assert commits(hub, revision="dev")[0].title == "Try"


def test_private_repositories_are_private(hub, release, make_build, tmp_path):
    release(terms=Terms(private=True)).publish(make_build(), "First release")
    assert HfApi(hub.url, token="hf_write").repo_info("org/ecd", repo_type="dataset").private
    with pytest.raises(RepositoryNotFoundError):
        downloaded(hub, tmp_path, token=False)


@pytest.mark.parametrize(
    ("token", "repo_id", "message"),
    [
        ("hf_read", "org/ecd", "the Hub token is read-only"),
        ("hf_wrong", "org/ecd", "does not accept the token"),
        (None, "org/ecd", "no Hub token"),
        ("hf_write", "ecd", "looks like org/name"),
        ("hf_write", "a/b/c", "Repo id must be"),
        ("hf_write", "org/\u00e9 x", "Repo id must"),
        ("hf_\u00e9", "org/ecd", "no HTTP header can carry"),
    ],
)
def test_access_is_checked_before_any_work(release, token, repo_id, message):
    with pytest.raises(PublishError, match=message):
        release(token, repo_id).check_access()


def test_a_foreign_namespace_is_refused_and_nothing_is_made(hub, release, make_build):
    with pytest.raises(PublishError, match="may not write there"):
        release("hf_other").publish(make_build(), "Mine")
    assert not HfApi(hub.url, token="hf_write").repo_exists("org/ecd", repo_type="dataset")


def test_a_hub_that_is_down_is_named(make_build):
    release = Release("org/ecd", api=HfApi("http://127.0.0.1:9", token="hf_x"), sleep=lambda seconds: None)
    with pytest.raises(PublishError, match=r"127.0.0.1:9 .*cannot be reached"):
        release.publish(make_build(), "First release")


@pytest.mark.parametrize("status", [409, 412, 429, 500, 503])
def test_a_transient_error_is_retried_and_nothing_is_uploaded_twice(hub, release, make_build, status):
    hub.faults.append(("POST", "/commit/", status))
    assert release().publish(make_build(), "First release")
    assert len(commits(hub)) == 2
    uploads = [path for method, path in hub.requests if method == "PUT"]
    assert len(uploads) == len(set(uploads))


def test_an_error_that_lasts_is_quoted(hub, release, make_build):
    hub.faults += [("POST", "/commit/", 503)] * 10
    with pytest.raises(PublishError, match="answered 503"):
        release().publish(make_build(), "First release")


def test_of_two_publishers_at_once_both_end_well(hub, release, make_build):
    builds = [make_build("a"), make_build("b", recipe=replace(RECIPE, rounds=1))]
    release().publish(builds[0], "Base")
    threads = [
        threading.Thread(target=release().publish, args=(build, f"From {build.name}"))
        for build in (builds[1], builds[1])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [commit.title for commit in commits(hub)] == ["From b", "Base", "initial commit"]


def test_no_token_is_in_anything_that_is_published(release, make_build):
    build = make_build()
    release().publish(build, "First release")
    for path in (path for path in build.rglob("*") if path.is_file()):
        assert b"hf_write" not in path.read_bytes()


def test_a_source_that_is_neither_directory_nor_dataset_is_named():
    with pytest.raises(PublishError, match="neither a directory here nor a dataset id"):
        download("no such/thing at all")
