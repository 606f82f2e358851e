"""The bundled GGUF file as a transformers checkpoint for training."""

import json
import math
import urllib.request

import pytest

from ecd_data.local.model import LocalModelError, checkpoint, find_model
from ecd_data.local.tgi import TextGeneration


@pytest.mark.model
def test_checkpoint_is_the_model_that_the_endpoint_serves(tmp_path):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = checkpoint(find_model(), tmp_path / "model")
    assert (folder / "model.safetensors").stat().st_size < 300e6  # bfloat16
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    assert model.dtype == torch.bfloat16
    assert not hasattr(model.config, "quantization_config")

    messages = [{"role": "user", "content": "Name three fruits."}]
    prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    with torch.no_grad():
        logprobs = model(**prompt).logits[0, -1].float().log_softmax(-1)
    body = {"messages": messages, "max_tokens": 1, "temperature": 0, "logprobs": True, "top_logprobs": 5}
    with TextGeneration(slots=1) as tgi:
        request = urllib.request.Request(f"{tgi.url}/v1/chat/completions", json.dumps(body).encode())
        with urllib.request.urlopen(request) as answer:
            served = json.load(answer)
    assert served["usage"]["prompt_tokens"] == prompt["input_ids"].shape[1]
    # llama.cpp quantises the activations too, so the numbers are close and not equal.
    for top in served["choices"][0]["logprobs"]["content"][0]["top_logprobs"]:
        (token,) = tokenizer.encode(top["token"], add_special_tokens=False)
        assert math.isclose(top["logprob"], logprobs[token].item(), abs_tol=0.6)


def test_missing_library_is_named_with_its_install_command(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "gguf", None)
    with pytest.raises(LocalModelError, match=r'gguf is not installed: run `pip install "ecd-data\[train\]"`'):
        checkpoint(find_model(), tmp_path)
