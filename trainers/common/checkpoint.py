"""The origin of a checkpoint, so that no training goes on from another model's or another dataset's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from ecd_data.core.hashing import files_sha256
from ecd_data.trainers.common.arguments import TrainingError

if TYPE_CHECKING:
    from transformers import TrainingArguments
    from trl import ModelConfig

    from ecd_data.trainers.common.data import Source

ORIGIN = "origin.json"  # in each checkpoint


class SaveOrigin(TrainerCallback):
    """Write `origin.json` into each checkpoint."""

    def __init__(self, origin: dict[str, Any]) -> None:
        self.origin = origin

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.is_world_process_zero:
            path = Path(args.output_dir) / f"checkpoint-{state.global_step}" / ORIGIN
            path.write_text(json.dumps(self.origin), encoding="utf-8")


def origin_of(model_args: ModelConfig, sources: Sequence[Source]) -> dict[str, Any]:
    """Return what a checkpoint must share with the run that resumes it; a local model is known by its weights."""
    base = Path(model_args.model_name_or_path)
    if base.is_dir():
        model = f"{base.resolve().name} with weights sha256:{files_sha256(base, base.glob('*.safetensors'))}"
    else:
        model = f"{base.as_posix()} at {model_args.model_revision}"
    return {"model": model, "data": [f"{source.name} at {source.revision}" for source in sources]}


def check_checkpoint(training_args: TrainingArguments, origin: dict[str, Any]) -> None:
    """Raise unless `--resume_from_checkpoint`, if given, names a checkpoint of this origin.

    Raises:
        TrainingError: It is not a checkpoint, or is one of another model or dataset.
    """
    name = training_args.resume_from_checkpoint
    if name is None:
        return
    if not (Path(name) / "trainer_state.json").is_file():
        choices = sorted(map(str, Path(training_args.output_dir).glob("checkpoint-*")))
        raise TrainingError(
            f"{name} is not a checkpoint to resume from: "
            + (
                f"choose one of {', '.join(choices)}"
                if choices
                else "leave out --resume_from_checkpoint to start anew"
            )
        )
    if (path := Path(name) / ORIGIN).is_file():
        saved = json.loads(path.read_text(encoding="utf-8"))
        for part, expected in origin.items():
            if saved[part] != expected:
                raise TrainingError(
                    f"{name} is a checkpoint of another {part} ({saved[part]}; this run has {expected}): resume with "
                    "that model and data, or leave out --resume_from_checkpoint to start anew"
                )
