"""The specialists of AutoMixAlign: a model for each task, and what it says about the task's pairs."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING

from accelerate import PartialState
from transformers import AutoModelForCausalLM
from trl import DPOConfig, DPOTrainer

from ecd_data.trainers.data import Source
from ecd_data.trainers.run import fit
from ecd_data.trainers.settings import model_init_kwargs

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedTokenizerBase
    from trl import ModelConfig

SIDES = ("chosen", "rejected")


def train(
    number: int,
    training_args: DPOConfig,
    model_args: ModelConfig,
    tokenizer: PreTrainedTokenizerBase,
    rows: Dataset,
    source: Source,
) -> str:
    """Trains on one dataset by DPO, with the same settings, and returns the model's folder.

    It is kept for a training that is resumed. Its name begins with `_`, which a push to the Hub leaves out.
    """
    folder = Path(training_args.output_dir) / "_specialists" / str(number + 1)
    if not (training_args.resume_from_checkpoint and (folder / "README.md").is_file()):
        args = copy.copy(training_args)
        args.output_dir, args.push_to_hub, args.resume_from_checkpoint = str(folder), False, None
        args.eval_strategy = args.save_strategy = "no"
        fit(args, model_args, tokenizer, rows, None, [source], DPOTrainer)
        PartialState().wait_for_everyone()  # until the first process has saved it
    return str(folder)


def logps(
    name: str,
    training_args: DPOConfig,
    model_args: ModelConfig,
    tokenizer: PreTrainedTokenizerBase,
    rows: Dataset,
) -> dict[str, list[float]]:
    """The specialist's log-probabilities (nats) of the chosen and the rejected answers, row by row.

    TRL computes a reference model's, once and cached, so the specialist is loaded as the reference.
    """
    args = copy.copy(training_args)
    args.model_init_kwargs = None
    loading = {**model_init_kwargs(training_args, model_args), "revision": None}  # that one is the base model's
    model = AutoModelForCausalLM.from_pretrained(name, **loading)  # unlike TRL, it takes the folder of an adapter
    trainer = DPOTrainer(model, args=args, train_dataset=rows, processing_class=tokenizer)
    return {side: trainer.train_dataset[f"ref_{side}_logps"][:] for side in SIDES}
