"""Which rows a training gets, and the messages about those that it cannot have."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ecd_data.core.errors import RepositoryError
from ecd_data.core.hashing import files_sha256
from ecd_data.trainers.common.arguments import ScriptArguments, TrainingError
from ecd_data.trainers.common.data import Source, drop_long_prompts, find_source, load_splits
from tests.helpers.tiny_trainer import answer, pair, write_build, write_pairs


def load(name: object, **others: Any) -> dict[str, Any]:
    arguments = ScriptArguments(dataset_name=str(name), **others)
    return load_splits(arguments, find_source(arguments))


def source_of(name: object, **others: Any) -> Source:
    return find_source(ScriptArguments(dataset_name=str(name), **others))


def test_an_unknown_revision_or_dataset_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import HfApi, constants

    from ecd_data.local.hub import Hub

    with Hub(tmp_path / "hub") as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        HfApi(token=hub.token).create_repo("org/ecd", repo_type="dataset")
        with pytest.raises(RepositoryError, match="no revision 'v9'.*--dataset_revision a branch, tag or commit"):
            source_of("org/ecd", dataset_revision="v9")
        with pytest.raises(RepositoryError, match="no dataset org/ecdd: .*Check the name"):
            source_of("org/ecdd")
        with pytest.raises(RepositoryError, match="Check the name"):
            source_of("not//an id")
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # nobody listens there
    with pytest.raises(RepositoryError, match="check HF_ENDPOINT and the network"):
        source_of("org/ecd")


def test_a_dataset_must_be_named() -> None:
    with pytest.raises(TrainingError, match="no dataset to train on: name one with --dataset_name"):
        find_source(ScriptArguments())


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"no column chosen, rejected: .*--dataset_config preference"):
        load(write_build(tmp_path / "sft", sft={"train": [answer(1)]}))


def test_an_unknown_config_is_named(build: Path) -> None:
    with pytest.raises(TrainingError, match=r"'nothing' not found.*preference"):
        load(build, dataset_config="nothing")


def test_an_empty_dataset_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "nothing"
    folder.mkdir()
    (folder / "train.csv").write_text("prompt,chosen,rejected\n")
    with pytest.raises(TrainingError, match="cannot load dataset .*nothing: .*each of its splits must have rows"):
        load(folder)


def test_a_file_without_rows_is_explained(tmp_path: Path) -> None:
    empty = pa.Table.from_pylist([pair(1)]).slice(0, 0)
    folder = write_pairs(tmp_path / "build", train=[pair(1)], validation=[pair(2)])
    pq.write_table(empty, folder / "data" / "preference" / "validation-00000-of-00001.parquet")
    with pytest.raises(TrainingError, match="cannot load dataset .*each of its splits must have rows.*`ecd validate`"):
        load(folder)


def test_a_folder_has_no_revision(build: Path) -> None:
    with pytest.raises(TrainingError, match="leave out --dataset_revision"):
        source_of(build, dataset_revision="main")


def test_a_folder_is_known_by_its_rows(build: Path, tmp_path: Path) -> None:
    source = source_of(build)
    assert source == Source("fruit", f"sha256:{files_sha256(build, build.rglob('*.parquet'))}", on_hub=False)
    copy = write_pairs(tmp_path / "fruit", train=[pair(1)])
    (copy / "README.md").write_text("another card")
    alone = source_of(copy)
    assert alone.revision != source.revision
    (copy / "README.md").unlink()
    assert source_of(copy) == alone


def test_no_row_that_fits_is_an_error(build: Path, model: Path) -> None:
    from transformers import AutoTokenizer

    rows, tokenizer = load(build)["train"], AutoTokenizer.from_pretrained(model)
    with pytest.raises(TrainingError, match=r"dropped 7 of 7 .*raise --max_length"):
        drop_long_prompts("train", rows, tokenizer, 4)
    assert drop_long_prompts("train", rows, tokenizer, None) == (rows, "")


def test_the_count_agrees_with_what_trl_would_drop(build: Path, model: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer
    from trl import DPOConfig, DPOTrainer

    rows, tokenizer = load(build)["train"], AutoTokenizer.from_pretrained(model)
    lengths = [
        len(tokenizer.apply_chat_template(prompt, add_generation_prompt=True)["input_ids"])
        for prompt in rows["prompt"]
    ]
    for max_length in (min(lengths) + 1, max(lengths), max(lengths) + 1):
        kept, _ = drop_long_prompts("train", rows, tokenizer, max_length)
        config = DPOConfig(output_dir=str(tmp_path / "out"), max_length=max_length, report_to="none", use_cpu=True)
        trainer = DPOTrainer(str(model), args=config, train_dataset=rows, processing_class=tokenizer)
        assert trainer.train_dataset["id"] == kept["id"]
