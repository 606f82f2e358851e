"""The settings of a training run, from the command line and a recipe, and what they say about the model."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from ecd_data.core.errors import EcdError

if TYPE_CHECKING:
    from peft import PeftConfig
    from transformers import PreTrainedTokenizerBase, TrainingArguments
    from trl import ModelConfig

# What transformers calls `--activation_checkpointing` until its version 6; a recipe's new name would win over it.
OLD_NAME = re.compile("^--gradient([_-])checkpointing")
Script = TypeVar("Script")
Config = TypeVar("Config")


class TrainingError(EcdError):
    """The dataset, the model or a setting does not allow the training that was asked for."""


def parse(
    script_class: type[Script], config_class: type[Config], args: Sequence[str] | None = None
) -> tuple[Script, Config, ModelConfig]:
    """The three groups of settings from the command line and the `--config` file.

    What they leave open suits the machine: the CPU where there is no GPU, bfloat16 arithmetic where it is fast, and
    weights in float32, since at the learning rates of DPO an update is too small to change a bfloat16 weight. Only
    the frozen weights under a LoRA adapter are bfloat16 then: they take no updates.

    Raises:
        TrainingError: when the file cannot be read or a value is refused; unknown flags exit with argparse's usage.
    """
    import torch
    import yaml
    from trl import ModelConfig, TrlParser

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
    if model_args.dtype is None:
        model_args.dtype = "bfloat16" if model_args.use_peft and fast_bfloat16 else "float32"
    return script_args, training_args, model_args


def has_fast_bfloat16() -> bool:
    """Whether this machine multiplies in bfloat16 faster than in float32; CPUs without the instructions emulate it."""
    import torch

    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if torch.accelerator.is_available():
        return True
    able = torch.cpu.get_capabilities()
    return any(able.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))  # x86, x86, Arm


def hide_token(training_args: TrainingArguments) -> None:
    """Move `--hub_token` to the environment: the trainer pickles its arguments beside the model and uploads them."""
    if training_args.hub_token:
        os.environ["HF_TOKEN"], training_args.hub_token = training_args.hub_token, None


def model_init_kwargs(training_args: TrainingArguments, model_args: ModelConfig) -> dict[str, Any]:
    """How the model is loaded, for `training_args.model_init_kwargs`, which wins where both say something."""
    return {
        "revision": model_args.model_revision,
        "trust_remote_code": training_args.trust_remote_code,
        "attn_implementation": model_args.attn_implementation,
        "dtype": model_args.dtype,
        **(training_args.model_init_kwargs or {}),
    }


def lora(model_args: ModelConfig) -> PeftConfig | None:
    """The adapter to train with `--use_peft`; `None` trains all weights.

    Raises:
        TrainingError: when `peft` is not installed.
    """
    from transformers.utils import is_peft_available
    from trl import get_peft_config

    if model_args.use_peft and not is_peft_available():
        raise TrainingError('--use_peft needs peft: run `pip install "ecd-data[train]"`, or leave it out')
    return get_peft_config(model_args)


def load_tokenizer(model_args: ModelConfig, trust_remote_code: bool) -> PreTrainedTokenizerBase:
    """The model's tokenizer, which must come with a chat template.

    Raises:
        TrainingError: when there is no such model, or it has no chat template.
    """
    from transformers import AutoTokenizer

    name = model_args.model_name_or_path
    if name is None:
        raise TrainingError("no model to train: name one with --model_name_or_path")
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            name, revision=model_args.model_revision, trust_remote_code=trust_remote_code
        )
    except (ValueError, OSError) as error:
        raise TrainingError(
            f"cannot load the tokenizer of model {name}: {error}: check --model_name_or_path and --model_revision"
        ) from error
    if tokenizer.chat_template is None:
        raise TrainingError(f"model {name} has no chat template: give --model_name_or_path an instruction-tuned model")
    return tokenizer
