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
from ecd_data.corpus.seeds import Columns, label, read_corpus
from ecd_data.local.hub import Hub

ROWS = [{"instruction": "Name a fruit.", "response": "An apple."}, {"instruction": "Name a tree.", "response": "Oak."}]


def write(path, text, encoding="utf-8"):
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return str(path)


def test_every_format_gives_the_same_corpus(tmp_path):
    jsonl = "\n".join(json.dumps(row) for row in ROWS)
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "s.parquet")
    sources = [
        write(tmp_path / "s.jsonl", jsonl),
        write(tmp_path / "s.json", json.dumps(ROWS)),
        write(tmp_path / "s.csv", "instruction,response\r\nName a fruit.,An apple.\r\nName a tree.,Oak.\r\n"),
        write(tmp_path / "bom.jsonl", "\ufeff" + jsonl),
        str(tmp_path / "s.parquet"),
        f"file://{tmp_path}/s.jsonl",
    ]
    columns = Columns(response="response")
    hashes = {read_corpus([source], columns).sha256 for source in sources}
    assert len(hashes) == 1
    seeds = read_corpus(sources[:1], columns).seeds
    assert [(seed.instruction, seed.response) for seed in seeds] == [
        ("Name a fruit.", "An apple."),
        ("Name a tree.", "Oak."),
    ]


def test_a_corpus_comes_over_http(tmp_path):
    write(tmp_path / "s.jsonl", json.dumps(ROWS[0]))
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        (seed,) = read_corpus([f"http://127.0.0.1:{server.server_port}/s.jsonl"]).seeds
        with pytest.raises(SeedError, match="cannot be read"):
            read_corpus([f"http://127.0.0.1:{server.server_port}/none.jsonl"])
        server.shutdown()
    assert seed.instruction == "Name a fruit."


def test_a_response_is_used_only_when_its_column_is_named(tmp_path):
    source = write(tmp_path / "s.json", json.dumps(ROWS))
    assert all(seed.response is None for seed in read_corpus([source]).seeds)


def test_chats_are_taken_apart(tmp_path):
    chat = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": " Name a fruit. "},
        {"role": "assistant", "content": "Fig."},
        {"role": "user", "content": "Another."},
    ]
    source = write(tmp_path / "s.jsonl", json.dumps({"messages": chat}))
    (seed,) = read_corpus([source], Columns(response="messages")).seeds
    assert (seed.instruction, seed.response) == ("Name a fruit.", "Fig.")


def test_nested_columns_and_inputs(tmp_path):
    row = {"instruction": "What is the relation?", "instances": [{"input": "Night : Day", "output": "Opposites."}]}
    source = write(tmp_path / "s.jsonl", json.dumps(row))
    (seed,) = read_corpus([source], Columns(input="instances.0.input", response="instances.0.output")).seeds
    assert seed.instruction == "What is the relation?\n\nNight : Day"
    assert seed.response == "Opposites."


def test_duplicates_are_left_out_and_counted(tmp_path):
    source = write(tmp_path / "s.json", json.dumps([*ROWS, ROWS[0], {"instruction": " Name a fruit.  "}]))
    corpus = read_corpus([source])
    assert (len(corpus.seeds), corpus.duplicates) == (2, 2)


def test_the_id_of_a_seed_depends_on_its_text_alone(tmp_path):
    forth = read_corpus([write(tmp_path / "a.json", json.dumps(ROWS))]).seeds
    back = read_corpus([write(tmp_path / "b.json", json.dumps(ROWS[::-1]))]).seeds
    assert set(forth) == set(back)


def test_limit_takes_the_first_seeds_of_all_sources(tmp_path):
    sources = [write(tmp_path / f"{i}.json", json.dumps([{"instruction": f"Name {i}."}])) for i in range(3)]
    assert [seed.instruction for seed in read_corpus(sources, limit=2).seeds] == ["Name 0.", "Name 1."]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("s.jsonl", b"", "no seed"),
        ("s.jsonl", b"\n\n", "no seed"),
        ("s.jsonl", b'{"prompt": "x"', "line 1: not valid JSON"),
        ("s.jsonl", b'{"instruction": "ok"}\n[1]', "line 2: expected a JSON object"),
        ("s.jsonl", b'{"text": "x"}', "no column 'instruction'; there are: text.*--instruction-column"),
        ("s.jsonl", b'{"instruction": "  "}', "no seed"),
        ("s.jsonl", b'{"instruction": 7}', "holds a int"),
        ("s.jsonl", b'{"instruction": "\\ud800"}', "surrogate"),
        ("s.jsonl", b'{"instruction": "caf\xe9"}', "not UTF-8"),
        ("s.json", b'{"instruction": "x"}', "a list of objects"),
        ("s.json", b"[" * 100_000, "not valid JSON"),
        ("s.csv", b'instruction\n"x', "not valid CSV"),
        ("s.csv", b"instruction\nWrite about love, loss and hope\n", "line 2: more fields than columns"),
        ("s.csv", b"instruction,instruction\na,b\n", "two columns have the same name"),
        ("s.jsonl", b'{"instruction": ' + b"9" * 5000 + b"}", "line 1"),
        ("s.jsonl.gz", gzip.compress(b'{"instruction": "x"}', mtime=0)[:-9], "cannot be read"),
        ("s.parquet", b"PAR?", "cannot be read"),
        ("s.txt", b"x", "seeds come from"),
    ],
)
def test_bad_input_is_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SeedError, match=message):
        read_corpus([str(tmp_path / name)])


def test_an_empty_row_and_an_endless_one_stop_nothing(tmp_path):
    source = write(tmp_path / "s.csv", 'instruction\n""\nName a fruit.\n""\n' + "x" * 200_000 + "\n")
    corpus = read_corpus([source])
    assert [len(seed.instruction) for seed in corpus.seeds] == [0, 13, 200_000]
    assert corpus.duplicates == 1


def test_what_a_url_gives_away_is_not_shown():
    for secret in ("https://ann:pass@host/s.jsonl", "https://host/s.jsonl?token=pass", "https://host/s.jsonl#pass"):
        assert label(secret) == "https://host/s.jsonl"
        with pytest.raises(SeedError) as error:
            read_corpus([secret.replace("https://", "nosuch://")])
        assert "pass" not in str(error.value)
    assert label("what?.jsonl") == "what?.jsonl"
    assert label("org/data") == "org/data"


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
from ecd_data.corpus.seeds import read_corpus
from ecd_data.core.errors import SeedError
for source in sys.argv[1:]:
    try:
        corpus = read_corpus([source])
        print(*[seed.instruction for seed in corpus.seeds], *corpus.sources)
    except SeedError as error:
        print(error)
"""


def test_a_config_and_a_split_of_a_dataset_on_the_hub(tmp_path):
    for name, text in [("easy", "Name a fruit."), ("none", "Not this."), ("hard", "Name a tree.")]:
        write(tmp_path / "data" / f"{name}.jsonl", json.dumps({"instruction": text}))
    write(tmp_path / "data" / "README.md", CARD)
    asked = ["org/seeds:easy", "org/seeds@main:hard:extra", "org/seeds:hard:none", "org/seeds", "org/seeds@v9:easy"]
    with Hub(tmp_path / "hub") as hub:
        api = HfApi(hub.url, token=hub.token)
        api.create_repo("org/seeds", repo_type="dataset")
        api.upload_folder(repo_id="org/seeds", folder_path=tmp_path / "data", repo_type="dataset")
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path)}
        said = subprocess.run([sys.executable, "-c", READ, *asked], env=env, capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    easy, hard, no_split, no_config, no_revision = said.stdout.splitlines()
    assert easy == "Name a fruit. org/seeds:easy"
    assert hard == "Name a tree. org/seeds@main:hard:extra"
    assert no_split == "org/seeds:hard:none: there is no split 'none'; there are: train, extra."
    assert "'easy', 'hard'" in no_config
    assert no_config.endswith("named as in org/seeds:CONFIG:SPLIT.")
    assert "v9" in no_revision


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SeedError, match="nowhere.jsonl: cannot be read"):
        read_corpus([str(tmp_path / "nowhere.jsonl")])
    with pytest.raises(SeedError, match="nosuch://x.jsonl: cannot be read"):
        read_corpus(["nosuch://x.jsonl"])


def test_an_unknown_column_lists_what_there_is(tmp_path):
    source = write(tmp_path / "s.json", json.dumps(ROWS))
    with pytest.raises(SeedError, match="no column 'answer'; there are: instruction, response.*--response-column"):
        read_corpus([source], Columns(response="answer"))
