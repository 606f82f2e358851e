"""What a training shows, and when it stops."""

import io
from pathlib import Path
from typing import Any

import pytest
from transformers import TrainerControl, TrainerState, TrainingArguments

from ecd_data.trainers import dpo
from ecd_data.trainers.common import callbacks
from ecd_data.trainers.common.arguments import TrainingError
from ecd_data.trainers.common.callbacks import ProgressLine
from tests.helpers.tiny_model import write_variant
from tests.helpers.tiny_trainer import QUICK, train, weights


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("saving", [["--save_strategy", "no"], ["--save_steps", 1]])
def test_a_loss_that_is_not_a_number_ends_the_run_and_is_not_saved(
    saving: list, model: Path, build: Path, tmp_path: Path
) -> None:
    from safetensors.torch import save_file

    broken, out = write_variant(tmp_path / "broken", model), tmp_path / "out"
    tensors = weights(broken)
    tensors["model.norm.weight"].fill_(float("inf"))
    save_file(tensors, broken / "model.safetensors", metadata={"format": "pt"})
    args = [*QUICK, "--dataset_name", build, "--model_name_or_path", broken, "--output_dir", out, *saving]
    step = 1 if saving[-1] == 1 else 2
    with pytest.raises(TrainingError, match=rf"the loss is nan at step {step}: lower --learning_rate \(it is 0.01\)"):
        train(dpo, *args, "--logging_steps", 10)
    assert not [*out.rglob("*.safetensors")]


def shown(stderr: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> str:
    """What is on standard error after four steps, of which the third is logged with all its metrics."""
    monkeypatch.setattr("sys.stderr", stderr)
    line, args = ProgressLine(), TrainingArguments("unused", use_cpu=True, disable_tqdm=False)
    state, control = TrainerState(max_steps=4, is_world_process_zero=True), TrainerControl()
    line.on_train_begin(args, state, control)
    logs: dict[str, Any] = {"loss": 0.51234, "rewards/accuracies": 0.75, "logps/chosen": -3.0}
    for state.global_step in (1, 2, 3, 4):
        line.on_step_end(args, state, control)
        if state.global_step == 3:
            line.on_log(args, state, control, logs=logs)
    line.on_log(args, state, control, logs={"train_loss": 0.5, "train_runtime": 9.0})
    line.on_train_end(args, state, control)
    return stderr.getvalue()


def test_progress_is_one_line_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(Terminal(), monkeypatch)
    assert text.count("\n") == 1
    assert "4/4" in text
    assert "loss=0.5123, reward accuracy=0.75" in text
    assert "logps" not in text


def test_progress_is_a_plain_line_now_and_then_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(io.StringIO(), monkeypatch) == "", "not so soon"
    monkeypatch.setattr(callbacks, "PLAIN_SECONDS", 0.0)
    assert shown(io.StringIO(), monkeypatch) == "training: 3/4, loss 0.5123, reward accuracy 0.75, ETA 0:00:00\n"
