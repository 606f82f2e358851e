"""The arguments of a training run, from the command line and a recipe, and what they say about the model."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import torch
import trl
import yaml
from transformers import AutoTokenizer
from transformers.utils import is_peft_available
from trl import ModelConfig, TrlParser

from ecd_data.core.errors import EcdError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, TrainingArguments

# An older name of `--activation_checkpointing` that transformers still takes; a recipe's new name would win over it.
OLD_NAME = re.compile("^--gradient([_-])checkpointing")
Script = TypeVar("Script")
Config = TypeVar("Config")


class TrainingError(EcdError):
    """The dataset, the model or a setting does not allow the training."""


@dataclass
class ScriptArguments(trl.ScriptArguments):
    """TRL's arguments that name the dataset, with the dataset's revision; the evaluation split is `validation`."""

    dataset_name: str | None = field(default=None, metadata={"help": "Dataset id on the Hub, or a build directory."})
    dataset_config: str | None = field(
        default=None, metadata={"help": "Config of the dataset; the default one of an ECD dataset is `preference`."}
    )
    dataset_revision: str | None = field(
        default=None, metadata={"help": "Branch, tag or commit of the dataset; its newest commit by default."}
    )
    dataset_test_split: str = field(
        default="validation",
        metadata={"help": "Split to evaluate on before and after training, if the dataset has it."},
    )

    def __post_init__(self) -> None:
        for flag in ("dataset_streaming", "ignore_bias_buffers"):
            if getattr(self, flag):
                raise TrainingError(f"--{flag} is not supported by these trainers: leave it out")


def parse_arguments(
    script_class: type[Script], config_class: type[Config], args: Sequence[str] | None = None
) -> tuple[Script, Config, ModelConfig]:
    """Parse the command line and its `--config` file into arguments of the script, of the training and of the model.

    The defaults suit the machine: the CPU where there is no GPU, bfloat16 arithmetic where it is fast, and weights in
    float32, since at the learning rates of DPO an update is too small to change a bfloat16 weight. Only the frozen
    weights under a LoRA adapter are bfloat16, because they take no updates.

    `--hub_token` moves to the environment: the trainer pickles its arguments beside the model and uploads them.

    Raises:
        TrainingError: The file cannot be read, a value is refused, or peft is needed and not installed. Unknown flags
            exit with argparse's usage.
    """
    args = [OLD_NAME.sub(r"--activation\1checkpointing", arg) for arg in (sys.argv[1:] if args is None else args)]
    parser = TrlParser((script_class, config_class, ModelConfig))
    parser.set_defaults(dtype=None)
    if not torch.accelerator.is_available():
        parser.set_defaults(use_cpu=True)
    fast_bfloat16 = has_fast_bfloat16()
    if not fast_bfloat16:
        parser.set_defaults(bf16=False)
    try:
        script_args, training_args, model_args = parser.parse_args_and_config(args)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise TrainingError(f"cannot use these settings: {error}") from error
    if model_args.use_peft and not is_peft_available():
        raise TrainingError('--use_peft needs peft: run `pip install "ecd-data[train]"`, or leave it out')
    if model_args.dtype is None:
        model_args.dtype = "bfloat16" if model_args.use_peft and fast_bfloat16 else "float32"
    training_args.model_init_kwargs = {
        "revision": model_args.model_revision,
        "trust_remote_code": training_args.trust_remote_code,
        "attn_implementation": model_args.attn_implementation,
        "dtype": model_args.dtype,
        **(training_args.model_init_kwargs or {}),
    }
    if training_args.hub_token:
        os.environ["HF_TOKEN"], training_args.hub_token = training_args.hub_token, None
    return script_args, training_args, model_args


def has_fast_bfloat16() -> bool:
    """Check whether this machine multiplies faster in bfloat16 than in float32; most CPUs only emulate bfloat16."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if torch.accelerator.is_available():
        return True
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))  # x86, x86, Arm


def load_tokenizer(model_args: ModelConfig, training_args: TrainingArguments) -> PreTrainedTokenizerBase:
    """Load the model's tokenizer, which must come with a chat template.

    Raises:
        TrainingError: There is no such model, or it has no chat template.
    """
    name = model_args.model_name_or_path
    if name is None:
        raise TrainingError("no model to train: name one with --model_name_or_path")
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            name, revision=model_args.model_revision, trust_remote_code=training_args.trust_remote_code
        )
    except (ValueError, OSError) as error:
        raise TrainingError(
            f"cannot load the tokenizer of model {name}: {error}: check --model_name_or_path and --model_revision"
        ) from error
    if tokenizer.chat_template is None:
        raise TrainingError(f"model {name} has no chat template: give --model_name_or_path an instruction-tuned model")
    return tokenizer
