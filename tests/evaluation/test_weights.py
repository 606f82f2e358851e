"""A model that is run here: batches against one prompt at a time, its identity, and what cannot be used."""

import asyncio
import json
import shutil

import pytest

from ecd_data.calls.scheduler import ModelSource, run
from ecd_data.calls.store import Store
from ecd_data.core.errors import CallFailed, EvaluationError, RepositoryError
from ecd_data.core.recipe import Recipe
from ecd_data.local.hub import Hub
from ecd_data.methods import make_plan
from ecd_data.methods.plan import Place

torch = pytest.importorskip("torch")
LlamaForCausalLM = pytest.importorskip("transformers").LlamaForCausalLM

from ecd_data.evaluation.weights import Weights  # noqa: E402

PROMPTS = [" ".join(["Name", "fruit", *str(number)] * (1 + number % 4)) for number in range(7)]


def request(prompt, role="user", max_tokens=12, temperature=0.0):
    plan = make_plan(Recipe(temperature=temperature, max_tokens=max_tokens))
    return plan.request(Place(prompt, 0), "evaluate", 0, [{"role": role, "content": prompt}])


def ask(weights, *requests):
    async def together():
        async with weights:
            return await asyncio.gather(*map(weights.complete, requests), return_exceptions=True)

    return asyncio.run(together())


def alone(folder, prompt, max_tokens):
    """The greedy answer by hand: the most likely token again and again, without batch, padding or cache."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    tokens = tokenizer(f"user {prompt} assistant")["input_ids"]
    begin = len(tokens)
    while len(tokens) - begin < max_tokens and (len(tokens) == begin or tokens[-1] != tokenizer.eos_token_id):
        with torch.no_grad():
            tokens.append(int(model(torch.tensor([tokens])).logits[0, -1].argmax()))
    ended = tokens[-1] == tokenizer.eos_token_id
    return tokenizer.decode(tokens[begin : len(tokens) - ended]), ended, begin, len(tokens) - begin


def test_a_batch_says_what_each_prompt_gets_alone(tiny):
    weights = Weights(str(tiny), batch=3)
    answers = ask(weights, *map(request, PROMPTS))
    for prompt, answer in zip(PROMPTS, answers, strict=True):
        text, ended, prompt_tokens, completion_tokens = alone(tiny, prompt, 12)
        assert (answer.text, answer.finish_reason) == (text, "stop" if ended else "length")
        assert (answer.prompt_tokens, answer.completion_tokens) == (prompt_tokens, completion_tokens)
    assert {answer.finish_reason for answer in answers} == {"stop", "length"}
    assert weights.in_flight == 0


@pytest.fixture
def generated(monkeypatch):
    """For each time that a model generates: how many answers, and in which precision."""
    generate, calls = LlamaForCausalLM.generate, []

    def noted(model, **inputs):
        calls.append((len(inputs["input_ids"]), model.dtype))
        return generate(model, **inputs)

    monkeypatch.setattr(LlamaForCausalLM, "generate", noted)
    return calls


def test_requests_that_wait_share_a_batch(tiny, generated):
    ask(Weights(str(tiny), batch=3), *map(request, PROMPTS))
    assert [size for size, _ in generated] == [3, 3, 1]


def test_sampling_follows_the_requests_seed(tiny):
    first, again, greedy = (
        ask(Weights(str(tiny)), request("Name", temperature=temperature))[0].text for temperature in (2.0, 2.0, 0.0)
    )
    assert first == again != greedy


def test_an_answer_ends_where_the_model_takes_no_more(tiny):
    long, too_long = " ".join(["fruit"] * 35), " ".join(["fruit"] * 38)
    answer, failure = ask(Weights(str(tiny)), request(long), request(too_long))
    assert answer.prompt_tokens + answer.completion_tokens <= 40
    assert isinstance(failure, CallFailed)
    assert failure.reason == "refused"


def test_answers_are_stored_and_the_weights_are_not_loaded_again(tiny, tmp_path):
    def steps(prompt):
        [response] = yield [request(prompt)]
        return response.text

    def texts(weights):
        with Store(tmp_path / "responses.sqlite") as store:
            return list(run(map(steps, PROMPTS), store, ModelSource(weights.model, weights)))

    folder = shutil.copytree(tiny, tmp_path / "model")
    once, again = Weights(str(folder), batch=2), Weights(str(folder), batch=3)
    first = texts(once)
    (folder / "model.safetensors").unlink()
    assert texts(again) == first


def test_a_folder_is_named_by_what_shapes_its_answers(tiny, tmp_path):
    copy = shutil.copytree(tiny, tmp_path / "copy" / "tiny")
    (copy / "trainer_state.json").write_text("{}")
    (copy / "optimizer.pt").write_bytes(b"1")
    assert Weights(str(copy)).model == Weights(str(tiny)).model
    config = json.loads((copy / "generation_config.json").read_text())
    (copy / "generation_config.json").write_text(json.dumps({**config, "repetition_penalty": 1.5}))
    assert Weights(str(copy)).model != Weights(str(tiny)).model


def test_another_precision_is_another_model(tiny, generated):
    stored, half = Weights(str(tiny)), Weights(str(tiny), dtype="bfloat16")
    ask(half, request("Name"))
    assert generated == [(1, torch.bfloat16)]
    assert half.model.revision == f"{stored.model.revision}+bfloat16"


def test_a_model_or_revision_that_does_not_exist(tiny, tmp_path, monkeypatch):
    from huggingface_hub import HfApi, constants

    with Hub(tmp_path / "hub") as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        monkeypatch.setenv("HF_TOKEN", hub.token)
        api = HfApi(endpoint=hub.url, token=hub.token)
        api.create_repo("org/tiny")
        api.upload_folder(repo_id="org/tiny", folder_path=tiny)
        with pytest.raises(RepositoryError, match="no revision 'v9': give --weights-revision"):
            Weights("org/tiny", "v9")
        with pytest.raises(RepositoryError, match="no model org/none"):
            Weights("org/none")
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(RepositoryError, match="check HF_ENDPOINT and the network"):
        Weights("org/tiny")


def test_what_cannot_be_evaluated_is_named(tiny, tmp_path):
    with pytest.raises(EvaluationError, match="leave out --weights-revision"):
        Weights(str(tiny), "main")
    (tmp_path / "empty").mkdir()
    with pytest.raises(EvaluationError, match="cannot load the tokenizer"):
        Weights(str(tmp_path / "empty"))
    base = shutil.copytree(tiny, tmp_path / "base")
    (base / "chat_template.jinja").unlink()
    with pytest.raises(EvaluationError, match="no chat template: give --weights an instruction-tuned model"):
        Weights(str(base))
    broken = shutil.copytree(tiny, tmp_path / "broken")
    (broken / "model.safetensors").unlink()
    [error] = ask(Weights(str(broken)), request("Name"))
    assert isinstance(error, EvaluationError)
    assert "cannot load model" in str(error)
    [error] = ask(Weights(str(tiny)), request("Name", role="system"))
    assert isinstance(error, EvaluationError)
    assert "no system" in str(error)


def test_memory_that_is_too_small_is_named(tiny, monkeypatch):
    def full(*_, **__):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(LlamaForCausalLM, "generate", full)
    [error] = ask(Weights(str(tiny)), request("Name"))
    assert "lower --batch-size" in str(error)
