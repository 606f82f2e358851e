"""Which checkpoints a training may be resumed from."""

from pathlib import Path

import pytest

from ecd_data.trainers import dpo
from ecd_data.trainers.common.arguments import TrainingError
from ecd_data.trainers.common.checkpoint import ORIGIN
from tests.helpers.tiny_model import write_variant
from tests.helpers.tiny_trainer import QUICK, pair, train, write_pairs


def test_a_checkpoint_of_another_model_or_dataset_is_refused(model: Path, build: Path, tmp_path: Path) -> None:
    common = [*QUICK, "--output_dir", tmp_path / "out", "--max_steps", 1]
    train(dpo, *common, "--dataset_name", build, "--model_name_or_path", model, "--save_steps", 1)
    saved = tmp_path / "out" / "checkpoint-1"
    assert str(tmp_path) not in (saved / ORIGIN).read_text(), "a checkpoint may be pushed, so it names no path"
    resume = [*common, "--resume_from_checkpoint", saved, "--model_name_or_path"]

    same_shape = write_variant(tmp_path / "tiny", model)
    with pytest.raises(TrainingError, match="checkpoint of another model .*resume with that"):
        train(dpo, "--dataset_name", build, *resume, same_shape)
    other_data = write_pairs(tmp_path / "other", train=[pair(1), pair(2)])
    with pytest.raises(TrainingError, match="checkpoint of another data .*resume with that"):
        train(dpo, "--dataset_name", other_data, *resume, model)
    (saved / ORIGIN).unlink()  # as one of another tool
    wide = write_variant(tmp_path / "wide", model, intermediate_size=64)
    with pytest.raises(TrainingError, match="checkpoint of another model: resume with its --model_name_or_path"):
        train(dpo, "--dataset_name", build, *resume, wide)


def test_what_is_not_a_checkpoint_is_refused_with_the_choices(model: Path, build: Path, tmp_path: Path) -> None:
    common = [*QUICK, "--dataset_name", build, "--model_name_or_path", model, "--output_dir", tmp_path]
    with pytest.raises(TrainingError, match="true is not a checkpoint to resume from: leave out"):
        train(dpo, *common, "--resume_from_checkpoint", "true")
    (tmp_path / "checkpoint-7").mkdir()
    with pytest.raises(TrainingError, match="choose one of .*checkpoint-7"):
        train(dpo, *common, "--resume_from_checkpoint", tmp_path / "checkpoint-8")
