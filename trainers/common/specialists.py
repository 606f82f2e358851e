"""The specialists of AutoMixAlign: a model for each task, and its log-probabilities of the task's answers."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING

from accelerate import PartialState
from transformers import AutoModelForCausalLM
from trl import DPOTrainer

from ecd_data.trainers.common.trainer import PreferenceTrainer, make_trainer, train_and_save

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedTokenizerBase
    from trl import DPOConfig, ModelConfig

    from ecd_data.trainers.common.data import TrainingData

# The columns of TRL with the log-probabilities of a reference model, and ours with those of the specialist.
COLUMNS = {f"ref_{side}_logps": f"specialist_{side}_logps" for side in ("chosen", "rejected")}


def train_specialist(
    number: int,
    training_args: DPOConfig,
    model_args: ModelConfig,
    tokenizer: PreTrainedTokenizerBase,
    data: TrainingData,
) -> str:
    """Train on the `number`-th dataset by DPO, with the same settings, and return the model's folder.

    The folder stays for a training that is resumed. Its name begins with `_`, which a push to the Hub leaves out.
    """
    folder = Path(training_args.output_dir) / "_specialists" / str(number)
    if not (training_args.resume_from_checkpoint and (folder / "README.md").is_file()):
        args = copy.copy(training_args)
        args.output_dir, args.push_to_hub, args.resume_from_checkpoint = str(folder), False, None
        args.eval_strategy = args.save_strategy = "no"
        train_and_save(make_trainer(PreferenceTrainer, data, tokenizer, args, model_args))
        PartialState().wait_for_everyone()  # until the first process has saved it
    return str(folder)


def add_specialist_logps(
    rows: Dataset, specialist: str, training_args: DPOConfig, tokenizer: PreTrainedTokenizerBase
) -> Dataset:
    """Return the rows with the specialist's log-probabilities (nats) of the chosen and the rejected answers.

    TRL computes a reference model's, once and cached, so the specialist is loaded as the reference.
    """
    args = copy.copy(training_args)
    args.model_init_kwargs = None
    loading = {**training_args.model_init_kwargs, "revision": None}  # that one is the base model's
    model = AutoModelForCausalLM.from_pretrained(
        specialist, **loading
    )  # unlike TRL, it takes the folder of an adapter
    trainer = DPOTrainer(model, args=args, train_dataset=rows, processing_class=tokenizer)
    for theirs, ours in COLUMNS.items():
        rows = rows.add_column(ours, trainer.train_dataset[theirs][:])
    return rows
