"""Small tasks, and a random model that is quick to ask."""

import json

import pytest


@pytest.fixture
def jsonl(tmp_path):
    """Writes rows to a file."""

    def write(rows, name="prompts.jsonl"):
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    return write


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """A random Llama with a word tokenizer and a chat template, saved as a checkpoint; it takes 40 tokens."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    words = ["<unk>", "<eos>", "user", "assistant", "Name", "fruit", "No", "commas.", "an", "apple", *"0123456789"]
    model = Tokenizer(models.WordLevel({word: index for index, word in enumerate(words)}, unk_token="<unk>"))
    model.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    template = (
        "{% for message in messages %}{% if message.role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
        "{{ message.role }} {{ message.content }} {% endfor %}{% if add_generation_prompt %}assistant {% endif %}"
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=model, unk_token="<unk>", eos_token="<eos>", chat_template=template
    )
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(words),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=40,
        eos_token_id=1,
        bos_token_id=None,
        initializer_range=1.0,
    )
    folder = tmp_path_factory.mktemp("checkpoint") / "tiny"
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
