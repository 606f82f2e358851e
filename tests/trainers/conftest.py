"""The tiny model and the tiny build that the trainers' tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny import TEMPLATE, pair, write_build


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama with a word tokenizer and a chat template, saved as a checkpoint."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    words = ["<unk>", "<pad>", "<eos>", "user", "assistant", "fruit", "an", "a", "and", "apple", "pear", *"0123456789"]
    words_model = Tokenizer(models.WordLevel({word: index for index, word in enumerate(words)}, unk_token="<unk>"))
    words_model.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words_model, unk_token="<unk>", pad_token="<pad>", eos_token="<eos>", chat_template=TEMPLATE
    )
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(words), hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=2
    )
    folder = tmp_path_factory.mktemp("checkpoint") / "tiny"
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight training pairs, three of them with a prompt of 40 words, and two for evaluation."""
    rounds = [(1, 6), (1, 6), (2, 6), (2, 40), (3, 6), (3, 40), (3, 40), (1, 6)]
    train = [pair(number, round, words) for number, (round, words) in enumerate(rounds)]
    return write_build(tmp_path_factory.mktemp("builds") / "fruit", train=train, validation=[pair(8, 1), pair(9, 2)])
