import base64
import json
import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, RepositoryNotFoundError
from huggingface_hub.utils import httpx

from ecd_data.core.errors import EcdError
from ecd_data.local.hub import Hub

TOKENS = {
    "hf_write": {"name": "ann", "orgs": ["org"], "role": "write"},
    "hf_read": {"name": "ann", "orgs": ["org"], "role": "read"},
    "hf_other": {"name": "bob", "orgs": [], "role": "write"},
}
PARQUET = os.urandom(3_000_000)


@pytest.fixture
def hub(tmp_path):
    with Hub(tmp_path / "hub", TOKENS) as hub:
        yield hub


@pytest.fixture
def api(hub):
    api = HfApi(hub.url, token="hf_write")
    api.create_repo("org/data", repo_type="dataset")
    return api


@pytest.fixture
def post(hub, api):
    """Sends what no well-behaved client sends; lines become NDJSON."""

    def send(path, *lines):
        content = lines[0] if isinstance(lines[0], bytes) else "\n".join(map(json.dumps, lines))
        return httpx.post(hub.url + path, content=content, headers={"Authorization": "Bearer hf_write"})

    return send


HEAD = {"key": "header", "value": {"summary": "x"}}
COMMIT = "/api/datasets/org/data/commit/main"
LFS_BATCH = "/datasets/org/data.git/info/lfs/objects/batch"


def wait_until(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def file_line(path):
    return {"key": "file", "value": {"path": path, "content": "eA==", "encoding": "base64"}}


def commit(api, files, message="files", **where):
    operations = [CommitOperationAdd(path, data) for path, data in files.items()]
    return api.create_commit("org/data", operations, commit_message=message, repo_type="dataset", **where)


def test_files_come_back_as_they_went(hub, api, tmp_path):
    files = {"README.md": b"# Hello", "data/train.parquet": PARQUET, "empty.txt": b"", "a b/\u00e9.txt": b"x"}
    commit(api, files)
    folder = snapshot_download("org/data", repo_type="dataset", endpoint=hub.url, cache_dir=tmp_path / "cache")
    for path, data in files.items():
        with open(os.path.join(folder, path), "rb") as file:
            assert file.read() == data
    entry = api.get_paths_info("org/data", "data/train.parquet", repo_type="dataset")[0]
    assert entry.lfs is not None
    assert entry.size == len(PARQUET)


def test_a_repository_is_made_once(api):
    with pytest.raises(HfHubHTTPError, match="409"):
        api.create_repo("org/data", repo_type="dataset")
    assert api.create_repo("org/data", repo_type="dataset", exist_ok=True).repo_id == "org/data"
    api.create_repo("org/data", repo_type="model")
    api.delete_repo("org/data", repo_type="dataset")
    assert not api.repo_exists("org/data", repo_type="dataset")
    assert api.repo_exists("org/data", repo_type="model")


def test_of_two_commits_with_one_parent_one_wins(api):
    head = api.repo_info("org/data", repo_type="dataset").sha
    commit(api, {"a.txt": b"1"}, parent_commit=head)
    with pytest.raises(HfHubHTTPError, match="412"):
        commit(api, {"a.txt": b"2"}, parent_commit=head)
    assert [c.title for c in api.list_repo_commits("org/data", repo_type="dataset")] == ["files", "initial commit"]


def test_deleting_what_is_not_there_is_refused(api):
    operations = [CommitOperationDelete("none.txt")]
    with pytest.raises(EntryNotFoundError):
        api.create_commit("org/data", operations, commit_message="x", repo_type="dataset")


def test_of_many_commits_at_once_with_one_parent_one_wins(api, post):
    parent = api.repo_info("org/data", repo_type="dataset").sha
    head = {"key": "header", "value": {"summary": "x", "parentCommit": parent}}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda i: post(COMMIT, head, file_line(f"{i}.txt")).status_code, range(8)))
    assert sorted(answers) == [200] + [412] * 7
    assert len(api.list_repo_files("org/data", repo_type="dataset")) == 2


@pytest.mark.parametrize(
    "path", ["../../x.txt", "/etc/x.txt", "a/../../x.txt", ".git/config", "a//x.txt", "./x.txt", "..\\x.txt", "x.txt/"]
)
def test_a_path_outside_the_repository_is_refused(post, tmp_path, path):
    before = sorted(tmp_path.rglob("*.txt"))
    assert post(COMMIT, HEAD, file_line(path)).status_code == 400
    assert sorted(tmp_path.rglob("*.txt")) == before


def test_a_path_cannot_be_a_file_and_a_folder(post):
    assert post(COMMIT, HEAD, file_line("a")).status_code == 200
    assert post(COMMIT, HEAD, file_line("a/b.txt")).status_code == 400


def test_an_object_name_cannot_lead_to_a_file_outside(post, tmp_path):
    secret = tmp_path / "secret.md"
    secret.write_text("---\nsecret: 1\n---\n")
    line = {"key": "lfsFile", "value": {"path": "README.md", "algo": "sha256", "oid": str(secret), "size": 1}}
    assert post(COMMIT, HEAD, line).status_code == 400
    assert post(LFS_BATCH, {"objects": [{"oid": str(secret), "size": 1}]}).status_code == 400


@pytest.mark.parametrize(
    "name", ["..", ".hidden", "a b", "a%2F..%2Fb", "a..b", "a--b", "a.git", "\u00e9", "n" * 97, ""]
)
def test_an_odd_name_is_refused(post, name):
    answer = post("/api/repos/create", {"name": name, "organization": "org", "type": "dataset"})
    assert answer.status_code == 400
    assert answer.json()["error"]


@pytest.mark.parametrize(
    ("path", "lines"),
    [
        (COMMIT, [b"{oops"]),
        (COMMIT, [b"\xff"]),
        (COMMIT, [[1]]),
        (COMMIT, [HEAD, {"key": "file"}]),
        (COMMIT, [HEAD, {"key": "file", "value": {"path": "a"}}]),
        (LFS_BATCH, [{}]),
        ("/api/datasets/org/data/preupload/main", [{}]),
        ("/api/repos/create", [{}]),
    ],
)
def test_a_malformed_request_is_told_so(post, path, lines):
    assert post(path, *lines).status_code == 400


def test_everything_is_there_after_a_restart(tmp_path):
    with Hub(tmp_path / "hub") as hub:
        api = HfApi(hub.url, token=hub.token)
        api.create_repo("org/data", repo_type="dataset", private=True)
        commit(api, {"a.txt": b"1", "b.parquet": PARQUET})
        api.create_tag("org/data", tag="v1", repo_type="dataset")
    with Hub(tmp_path / "hub") as hub:
        api = HfApi(hub.url, token=hub.token)
        assert api.repo_info("org/data", repo_type="dataset", revision="v1").private
        path = hf_hub_download(
            "org/data", "b.parquet", repo_type="dataset", endpoint=hub.url, token=hub.token, cache_dir=tmp_path / "c"
        )
        with open(path, "rb") as file:
            assert file.read() == PARQUET


def test_an_upload_that_was_not_committed_is_not_repeated(hub, api):
    hub.faults.append(("POST", "/commit/", 400))
    with pytest.raises(HfHubHTTPError):
        commit(api, {"b.parquet": PARQUET})
    commit(api, {"b.parquet": PARQUET})
    assert sum(method == "PUT" for method, _ in hub.requests) == 1


@pytest.mark.parametrize("end", ["hangs up", "Hub stops"])
def test_an_upload_that_breaks_off_leaves_nothing(tmp_path, end):
    stored = tmp_path / "hub" / "lfs"
    with Hub(tmp_path / "hub") as hub:
        client = socket.create_connection(("127.0.0.1", int(hub.url.rsplit(":", 1)[1])))
        head = f"PUT /lfs-store/{'0' * 64} HTTP/1.1\r\nHost: hub\r\nContent-Length: {len(PARQUET)}\r\n\r\n"
        client.sendall(head.encode() + PARQUET[:1_000_000])
        wait_until(lambda: stored.exists() and len(list(stored.iterdir())) == 1)
        if end == "hangs up":
            client.close()
            wait_until(lambda: not list(stored.iterdir()))
    client.close()
    assert not list(stored.iterdir())


def test_a_full_disk_changes_nothing(hub, api, post, monkeypatch):
    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    answer = post(COMMIT, HEAD, file_line("a.txt"))
    monkeypatch.undo()
    assert answer.status_code == 507
    assert "No space left" in answer.json()["error"]
    assert api.list_repo_files("org/data", repo_type="dataset") == [".gitattributes"]
    assert post(COMMIT, HEAD, file_line("a.txt")).status_code == 200


def test_a_commit_that_its_refs_do_not_name_is_none(tmp_path, monkeypatch):
    """A commit is on disk before the refs name it: between the two, the old state stands."""
    with Hub(tmp_path / "hub") as hub:
        api = HfApi(hub.url, token=hub.token)
        api.create_repo("org/data", repo_type="dataset")
        replace = os.replace

        def killed(source, target):
            if str(target).endswith("refs.json"):
                raise OSError("killed")
            replace(source, target)

        monkeypatch.setattr("os.replace", killed)
        for attempt in (lambda: commit(api, {"a.txt": b"1"}), lambda: api.create_repo("org/new", repo_type="dataset")):
            with pytest.raises(HfHubHTTPError, match="507"):
                attempt()
        monkeypatch.undo()
    with Hub(tmp_path / "hub") as hub:
        api = HfApi(hub.url, token=hub.token)
        assert api.list_repo_files("org/data", repo_type="dataset") == [".gitattributes"]
        assert not api.repo_exists("org/new", repo_type="dataset")
        api.create_repo("org/new", repo_type="dataset")


def test_nothing_is_answered_after_the_end(tmp_path):
    with httpx.Client() as client:
        with Hub(tmp_path / "hub") as hub:
            assert client.get(f"{hub.url}/api/spaces").status_code == 501
        with pytest.raises(httpx.TransportError):
            client.get(f"{hub.url}/api/spaces")


def test_a_taken_port_is_one_clear_message(hub, tmp_path):
    with pytest.raises(EcdError, match="cannot listen on port"):
        Hub(tmp_path / "other", port=int(hub.url.rsplit(":", 1)[1]))


def test_tokens_open_what_they_should(hub, api):
    api.create_repo("org/secret", repo_type="dataset", private=True)
    for token, status in [("hf_read", "403"), ("hf_other", "403"), ("hf_wrong", "401")]:
        with pytest.raises(HfHubHTTPError, match=status):
            commit(HfApi(hub.url, token=token), {"a.txt": b"1"})
    assert HfApi(hub.url, token="hf_read").repo_info("org/secret", repo_type="dataset").private
    for token in ("hf_other", False):
        with pytest.raises(RepositoryNotFoundError):
            HfApi(hub.url, token=token).repo_info("org/secret", repo_type="dataset")


def test_a_part_of_a_file_can_be_asked_for(hub, api):
    commit(api, {"b.parquet": PARQUET, "a.txt": b"0123456789"})
    for path, data in [("b.parquet", PARQUET), ("a.txt", b"0123456789")]:
        url = f"{hub.url}/datasets/org/data/resolve/main/{path}"
        for asked, wanted in [("2-5", data[2:6]), ("-3", data[-3:]), ("7-", data[7:])]:
            answer = httpx.get(url, headers={"Range": f"bytes={asked}"}, follow_redirects=True)
            assert (answer.status_code, answer.content) == (206, wanted)
        assert httpx.get(url, headers={"Range": "bytes=99999999-"}, follow_redirects=True).status_code == 416


def test_long_listings_come_in_pages(api):
    commit(api, {f"f/{i:04}.txt": b"x" for i in range(1500)})
    assert len(list(api.list_repo_tree("org/data", "f", repo_type="dataset"))) == 1500


def test_branches_tags_and_pull_requests(api):
    api.create_branch("org/data", branch="dev", repo_type="dataset")
    commit(api, {"a.txt": b"1"}, revision="dev")
    pull = commit(api, {"b.txt": b"1"}, create_pr=True)
    refs = api.list_repo_refs("org/data", repo_type="dataset", include_pull_requests=True)
    assert {branch.name for branch in refs.branches} == {"main", "dev"}
    assert [pr.ref for pr in refs.pull_requests] == [pull.pr_revision] == ["refs/pr/1"]
    assert "a.txt" not in api.list_repo_files("org/data", repo_type="dataset")
    assert "b.txt" in api.list_repo_files("org/data", repo_type="dataset", revision="refs/pr/1")


def test_a_broken_card_is_refused(api):
    with pytest.raises(ValueError, match="Invalid metadata"):
        commit(api, {"README.md": b"---\na: [\n---\n"})


@pytest.mark.parametrize("text", ["date: 2024-01-01\n2024-01-02: x", "a: [", "a: 2024-13-45", "&a [*a]", "- list"])
def test_any_card_leaves_the_repository_readable(api, post, text):
    line = file_line("README.md")
    line["value"]["content"] = base64.b64encode(f"---\n{text}\n---\n".encode()).decode()
    assert post(COMMIT, HEAD, line).status_code == 200
    assert api.repo_info("org/data", repo_type="dataset").siblings


def test_an_unknown_request_is_named(hub):
    answer = httpx.get(f"{hub.url}/api/spaces")
    assert answer.status_code == 501
    assert "GET /api/spaces" in answer.json()["error"]


@pytest.mark.subprocess
def test_datasets_pushes_loads_and_streams(tmp_path):
    script = """
from datasets import Dataset, DatasetDict, load_dataset
rows = {"train": list(range(50)), "test": [1, 2]}
DatasetDict({name: Dataset.from_dict({"a": values}) for name, values in rows.items()}).push_to_hub("org/pushed")
assert load_dataset("org/pushed")["train"]["a"] == rows["train"]
stream = load_dataset("org/pushed", split="test", streaming=True)
assert [row["a"] for row in stream] == [1, 2]
"""
    with Hub(tmp_path / "hub") as hub:
        environment = {"HF_ENDPOINT": hub.url, "HF_TOKEN": hub.token, "HF_HOME": str(tmp_path / "home")}
        command = [sys.executable, "-c", script]
        done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
