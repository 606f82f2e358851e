import os

import pyarrow as pa
import pyarrow.parquet as pq

from ecd_data.core.hub import load_dataset

CARD = "---\nconfigs:\n- config_name: preference\n  default: true\n  data_files: data/preference/train-*\n---\n"


def write(folder, *texts):
    (folder / "data" / "preference").mkdir(parents=True, exist_ok=True)
    (folder / "README.md").write_text(CARD)
    pq.write_table(pa.table({"text": list(texts)}), folder / "data" / "preference" / "train-0.parquet")
    return str(folder)


def texts(name):
    return load_dataset(name)["train"]["text"][:]


def test_folders_of_the_same_name_are_not_mixed_up(tmp_path):
    one, other = write(tmp_path / "one" / "build", "a"), write(tmp_path / "other" / "build", "b")
    assert (texts(one), texts(other)) == (["a"], ["b"])
    assert texts(one) == ["a"]


def test_a_folder_that_changed_is_loaded_again(tmp_path):
    build = write(tmp_path / "build", "a")
    assert texts(build) == ["a"]
    write(tmp_path / "build", "b")
    os.utime(tmp_path / "build" / "data" / "preference" / "train-0.parquet", ns=(1, 1))
    assert texts(build) == ["b"]
