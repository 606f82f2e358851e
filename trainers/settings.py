"""The settings of a training run, from the command line and a recipe, and what they say about the model."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from ecd_data.errors import EcdError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, TrainingArguments
    from trl import ModelConfig

Script = TypeVar("Script")
Config = TypeVar("Config")


class TrainingError(EcdError):
    """The dataset, the model or a setting does not allow the training that was asked for."""


def parse(
    script_class: type[Script], config_class: type[Config], args: Sequence[str] | None = None
) -> tuple[Script, Config, ModelConfig]:
    """The three groups of settings from the command line and the `--config` file; without a GPU, for the CPU.

    Raises:
        TrainingError: when the file cannot be read or a value is refused; unknown flags exit with argparse's usage.
    """
    import torch
    import yaml
    from trl import ModelConfig, TrlParser

    parser = TrlParser((script_class, config_class, ModelConfig))
    if not torch.accelerator.is_available():
        parser.set_defaults(use_cpu=True)
    try:
        script_args, training_args, model_args = parser.parse_args_and_config(args)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise TrainingError(f"cannot use these settings: {error}") from error
    return script_args, training_args, model_args


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
        raise TrainingError(f"cannot load the tokenizer of model {name}: {error}") from error
    if tokenizer.chat_template is None:
        raise TrainingError(f"model {name} has no chat template: give --model_name_or_path an instruction-tuned model")
    return tokenizer
