"""How much the answers of others surprise a model.

perplexity(surprise("out", chats), surprise("base", chats))   # times the base's, with its interval
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

RESAMPLES = 2_000
Surprise = dict[str, list[float]]


def surprise(weights: Path | str, chats: Sequence[Mapping[str, Any]]) -> Surprise:
    """Of each `answer` to a `prompt`, chats both: its negative log-probability under a model, in nats, and its tokens.

    The mark that ends an answer is left out: how long answers become is another question.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(weights)
    model = AutoModelForCausalLM.from_pretrained(weights, dtype=torch.float32, device_map="auto").eval()
    found: Surprise = {"nats": [], "tokens": []}
    for chat in chats:
        start = tokenizer.apply_chat_template(chat["prompt"], add_generation_prompt=True, return_dict=True)
        whole = tokenizer.apply_chat_template(
            chat["prompt"] + chat["answer"], continue_final_message=True, return_tensors="pt", return_dict=True
        )
        ids, first = whole["input_ids"].to(model.device), len(start["input_ids"])
        with torch.inference_mode():
            logits = model(ids).logits[0, first - 1 : -1]
        found["nats"].append(float(torch.nn.functional.cross_entropy(logits, ids[0, first:], reduction="sum")))
        found["tokens"].append(ids.shape[1] - first)
    return found


def perplexity(found: Surprise, base: Surprise | None = None) -> dict[str, float]:
    """Perplexity over all tokens with its interval; as a multiple of the `base`'s, on the same draws, if given."""
    nats, tokens = np.array(found["nats"]) - np.array(base["nats"] if base else 0.0), np.array(found["tokens"])
    draws = np.random.default_rng(0).integers(len(nats), size=(RESAMPLES, len(nats)))
    low, high = np.percentile(np.exp(nats[draws].sum(1) / tokens[draws].sum(1)), [2.5, 97.5])
    return {"value": float(np.exp(nats.sum() / tokens.sum())), "low": float(low), "high": float(high)}
