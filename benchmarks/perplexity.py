"""Perplexity of a model on the answers of others.

perplexity(surprise("out", chats), surprise("base", chats))   # as a multiple of the base's, with its interval
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

RESAMPLES = 2_000
Surprise = dict[str, list[float]]


def surprise(weights: Path | str, chats: Sequence[Mapping[str, Any]]) -> Surprise:
    """Return the negative log-probability (nats) of each answer under a model, and its number of tokens.

    The mark that ends an answer is left out: how long answers become is another question.

    Args:
        weights: The model's folder or Hub id.
        chats: Rows with `prompt` and `answer`, both lists of messages.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(weights)
    model = AutoModelForCausalLM.from_pretrained(weights, dtype=torch.float32, device_map="auto").eval()
    result: Surprise = {"nats": [], "tokens": []}
    for chat in chats:
        start = tokenizer.apply_chat_template(chat["prompt"], add_generation_prompt=True, return_dict=True)
        whole = tokenizer.apply_chat_template(
            chat["prompt"] + chat["answer"], continue_final_message=True, return_tensors="pt", return_dict=True
        )
        ids, first = whole["input_ids"].to(model.device), len(start["input_ids"])
        with torch.inference_mode():
            logits = model(ids).logits[0, first - 1 : -1]
        result["nats"].append(float(torch.nn.functional.cross_entropy(logits, ids[0, first:], reduction="sum")))
        result["tokens"].append(ids.shape[1] - first)
    return result


def perplexity(model: Surprise, base: Surprise | None = None) -> dict[str, float]:
    """Return the perplexity over all tokens with its interval; given a `base`, as a multiple of its perplexity."""
    nats, tokens = np.array(model["nats"]) - np.array(base["nats"] if base else 0.0), np.array(model["tokens"])
    draws = np.random.default_rng(0).integers(len(nats), size=(RESAMPLES, len(nats)))
    low, high = np.percentile(np.exp(nats[draws].sum(1) / tokens[draws].sum(1)), [2.5, 97.5])
    return {"value": float(np.exp(nats.sum() / tokens.sum())), "low": float(low), "high": float(high)}
