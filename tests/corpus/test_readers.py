import gzip
import json
import os
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from huggingface_hub import HfApi

from ecd_data.core.errors import SeedError
from ecd_data.corpus.readers import published_name, read_rows, without_secrets
from ecd_data.local.hub import Hub

ROWS = [{"instruction": "Name a fruit.", "response": "An apple."}, {"instruction": "Name a tree.", "response": "Oak."}]


def write(path, text):
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text.encode())
    return str(path)


def rows(source):
    return [row for _, row in read_rows(source)]


def test_every_format_gives_the_same_rows(tmp_path):
    jsonl = "\n".join(json.dumps(row) for row in ROWS)
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "s.parquet")
    (tmp_path / "s.jsonl.gz").write_bytes(gzip.compress(jsonl.encode()))
    sources = [
        write(tmp_path / "s.jsonl", jsonl + "\n\n"),
        write(tmp_path / "s.json", json.dumps(ROWS)),
        write(tmp_path / "s.csv", "instruction,response\r\nName a fruit.,An apple.\r\nName a tree.,Oak.\r\n"),
        write(tmp_path / "bom.jsonl", "\ufeff" + jsonl),
        str(tmp_path / "s.jsonl.gz"),
        str(tmp_path / "s.parquet"),
        f"file://{tmp_path}/s.jsonl",
    ]
    assert [rows(source) for source in sources] == [ROWS] * len(sources)


def test_an_empty_file_has_no_rows(tmp_path):
    assert rows(write(tmp_path / "s.jsonl", "")) == []


def test_rows_come_over_http(tmp_path):
    write(tmp_path / "s.jsonl", json.dumps(ROWS[0]))
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert rows(f"http://127.0.0.1:{server.server_port}/s.jsonl") == ROWS[:1]
        with pytest.raises(SeedError, match="cannot be read"):
            rows(f"http://127.0.0.1:{server.server_port}/none.jsonl")
        server.shutdown()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("s.jsonl", b'{"prompt": "x"', "line 1: not valid JSON"),
        ("s.jsonl", b'{"instruction": "ok"}\n[1]', "line 2: expected a JSON object"),
        ("s.jsonl", b'{"instruction": "caf\xe9"}', "not UTF-8"),
        ("s.jsonl", b'{"instruction": ' + b"9" * 5000 + b"}", "line 1"),
        ("s.json", b'{"instruction": "x"}', "a list of objects"),
        ("s.json", b"[" * 100_000, "not valid JSON"),
        ("s.csv", b'instruction\n"x', "not valid CSV"),
        ("s.csv", b"instruction\nWrite about love, loss and hope\n", "line 2: more fields than columns"),
        ("s.csv", b"instruction,instruction\na,b\n", "two columns have the same name"),
        ("s.jsonl.gz", gzip.compress(b'{"instruction": "x"}', mtime=0)[:-9], "cannot be read"),
        ("s.parquet", b"PAR?", "cannot be read"),
        ("s.txt", b"x", "seeds come from"),
    ],
)
def test_an_unreadable_file_is_reported(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SeedError, match=message):
        rows(str(tmp_path / name))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SeedError, match="nowhere.jsonl: cannot be read"):
        rows(str(tmp_path / "nowhere.jsonl"))
    with pytest.raises(SeedError, match="nosuch://x.jsonl: cannot be read"):
        rows("nosuch://x.jsonl")


def test_neither_messages_nor_names_show_the_secrets_of_a_url():
    for secret in ("https://ann:pass@host/s.jsonl", "https://host/s.jsonl?token=pass", "https://host/s.jsonl#pass"):
        assert without_secrets(secret) == "https://host/s.jsonl"
        assert published_name(secret) == "s.jsonl"
        with pytest.raises(SeedError) as error:
            rows(secret.replace("https://", "nosuch://"))
        assert "pass" not in str(error.value)
    assert without_secrets("what?.jsonl") == "what?.jsonl"
    assert without_secrets("org/data") == "org/data"


CARD = """---
configs:
- config_name: easy
  data_files: [{split: train, path: easy.jsonl}]
- config_name: hard
  data_files: [{split: train, path: none.jsonl}, {split: extra, path: hard.jsonl}]
---
"""
READ = """
import sys
from ecd_data.corpus.readers import published_name, read_rows
from ecd_data.core.errors import SeedError
for source in sys.argv[1:]:
    try:
        print(*[row["instruction"] for _, row in read_rows(source)], published_name(source))
    except SeedError as error:
        print(error)
"""


@pytest.mark.subprocess
def test_a_source_may_name_revision_config_and_split_of_a_dataset_on_the_hub(tmp_path):
    for name, text in [("easy", "Name a fruit."), ("none", "Not this."), ("hard", "Name a tree.")]:
        write(tmp_path / "data" / f"{name}.jsonl", json.dumps({"instruction": text}))
    write(tmp_path / "data" / "README.md", CARD)
    sources = ["org/seeds:easy", "org/seeds@main:hard:extra", "org/seeds:hard:none", "org/seeds", "org/seeds@v9:easy"]
    with Hub(tmp_path / "hub") as hub:
        api = HfApi(hub.url, token=hub.token)
        api.create_repo("org/seeds", repo_type="dataset")
        api.upload_folder(repo_id="org/seeds", folder_path=tmp_path / "data", repo_type="dataset")
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path)}
        done = subprocess.run([sys.executable, "-c", READ, *sources], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    easy, hard, no_split, no_config, no_revision = done.stdout.splitlines()
    assert easy == "Name a fruit. org/seeds:easy"
    assert hard == "Name a tree. org/seeds@main:hard:extra"
    assert no_split == "org/seeds:hard:none: there is no split 'none'; the splits are: train, extra."
    assert "'easy', 'hard'" in no_config
    assert no_config.endswith("named as in org/seeds:CONFIG:SPLIT.")
    assert "v9" in no_revision
