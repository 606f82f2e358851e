"""What all trainers share, on a random two-layer model: adapters, processes, checkpoints, and what goes wrong."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from ecd_data.trainers import data, dpo, run, settings, sft
from ecd_data.trainers.settings import TrainingError
from tests.helpers.tiny_trainer import answer, environment, front_matter, launch, pair, recipe_of, weights, write_build

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

TRAINERS = Path(run.__file__).parent
QUICK = ["--report_to", "none", "--bf16", "false", "--learning_rate", "0.01", "--max_length", "32"]


def train(module: Any, *args: object) -> None:
    """Run the trainer's `main` with these flags."""
    from trl import DPOConfig, SFTConfig

    classes = {dpo: (data.ScriptArguments, DPOConfig), sft: (sft.SftArguments, SFTConfig)}[module]
    module.main(*settings.parse(*classes, [*map(str, args), *QUICK]))


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four training pairs and two for evaluation."""
    rows = [pair(number, 1, 4 + number) for number in range(6)]
    return write_build(tmp_path_factory.mktemp("builds") / "four", train=rows[:4], validation=rows[4:])


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six training answers, one with a prompt of 40 words, and one for evaluation."""
    rows = [answer(number, 1, 4 + number) for number in range(6)]
    folder = tmp_path_factory.mktemp("builds") / "answers"
    return write_build(folder, "sft", train=[*rows[:5], answer(7, 3, 40)], validation=rows[5:])


def other_model(folder: Path, model: Path, **changes: int) -> Path:
    """A model with the tokenizer of `model`, and other weights or, with `changes`, of another shape."""
    from transformers import AutoConfig, AutoTokenizer, LlamaForCausalLM

    torch.manual_seed(1)
    config = AutoConfig.from_pretrained(model)
    for name, value in changes.items():
        setattr(config, name, value)
    LlamaForCausalLM(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(model).save_pretrained(folder)
    return folder


def test_an_adapter_is_trained_and_the_weights_below_it_stay(model: Path, four: Path, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    from safetensors.torch import load_file

    out = tmp_path / "out"
    train(dpo, "--dataset_name", four, "--model_name_or_path", model, "--use_peft", "--lora_r", 4, "--output_dir", out)
    adapter = load_file(out / "adapter_model.safetensors")
    assert adapter
    assert all("lora_" in name for name in adapter)
    assert any(tensor.abs().max() > 0 for name, tensor in adapter.items() if "lora_B" in name), "they start at zero"
    assert not (out / "model.safetensors").exists()
    readme = (out / "README.md").read_text()
    assert front_matter(readme)["library_name"] == "peft"
    assert recipe_of(readme)["lora_r"] == 4
    assert "| loss | 0.6931 |" in readme, "the reference is the model without the adapter"


def test_without_peft_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import transformers.utils
    from trl import ModelConfig

    monkeypatch.setattr(transformers.utils, "is_peft_available", lambda: False)
    with pytest.raises(TrainingError, match=re.escape('pip install "ecd-data[train]"')):
        settings.lora(ModelConfig(use_peft=True))
    assert settings.lora(ModelConfig()) is None


def test_two_processes_do_the_step_of_one(model: Path, four: Path, tmp_path: Path) -> None:
    common = ["--dataset_name", four, "--model_name_or_path", model, "--max_steps", 1, *QUICK]
    one, two = tmp_path / "one", tmp_path / "two"
    config = ["--config_file", TRAINERS / "accelerate" / "cpu.yaml", "--main_process_port", 0]
    args = [*common, "--per_device_train_batch_size", 2, "--output_dir", two]
    done = launch(TRAINERS / "dpo.py", args, environment(tmp_path), *config)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "| Steps | 1, of 4 pairs each |" in (two / "README.md").read_text()
    assert done.stdout.count("model and card:") == 1

    train(dpo, *common, "--per_device_train_batch_size", 4, "--output_dir", one)
    alone, together = weights(one), weights(two)
    for name, tensor in alone.items():
        torch.testing.assert_close(together[name], tensor, atol=2e-5, rtol=1e-4, msg=name)


def test_sft_learns_the_answers_alone(model: Path, answers: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    out = tmp_path / "out"
    args = ["--dataset_name", answers, "--model_name_or_path", model, "--output_dir", out, *QUICK]
    done = launch(TRAINERS / "sft.py", args, environment(tmp_path))
    assert done.returncode == 0, done.stderr[-3000:]
    assert "train: dropped 1 of 6 rows: prompt >= max_length 32 tokens (round 3: 1)" in done.stdout
    printed = re.search(r"^loss +(\d+\.\d+) -> (\d+\.\d+)$", done.stdout, re.MULTILINE)
    assert printed, done.stdout

    tokenizer = AutoTokenizer.from_pretrained(model)
    row = answer(5, 1, 9)
    prompt = tokenizer.apply_chat_template(row["prompt"], add_generation_prompt=True)["input_ids"]
    ids = torch.tensor([tokenizer.apply_chat_template(row["prompt"] + row["completion"])["input_ids"]])
    for folder, loss in zip((model, out), map(float, printed.groups()), strict=True):
        with torch.no_grad():
            logits = AutoModelForCausalLM.from_pretrained(folder)(ids).logits
        logps = logits.log_softmax(-1)[0, :-1].gather(1, ids[0, 1:, None])[len(prompt) - 1 :]
        assert loss == pytest.approx(-logps.mean().item(), abs=2e-4)
    readme = (out / "README.md").read_text()
    assert front_matter(readme)["tags"] == ["trl", "sft", "ecd"]
    assert "supervised fine-tuning (SFT) on verified answers" in readme
    assert "| Answers | 5 |" in readme
    assert "accelerate launch trainers/sft.py" in readme


def test_sft_on_pairs_names_the_config(four: Path, model: Path, tmp_path: Path) -> None:
    args = ["--model_name_or_path", model, "--output_dir", tmp_path]
    with pytest.raises(TrainingError, match="no column completion: .*--dataset_config sft"):
        train(sft, "--dataset_name", four, "--dataset_config", "preference", *args)


@pytest.mark.parametrize("adapter", [[], ["--use_peft", "--lora_r", 4]])
def test_a_resumed_run_ends_where_an_unbroken_one_does(
    adapter: list[object], model: Path, four: Path, tmp_path: Path
) -> None:
    if adapter:
        pytest.importorskip("peft")
    out, again = tmp_path / "out", tmp_path / "again"
    common = ["--dataset_name", four, "--model_name_or_path", model, "--max_steps", 3, *adapter]
    common += ["--per_device_train_batch_size", 2, "--save_steps", 2, "--precompute_ref_log_probs"]
    train(dpo, *common, "--output_dir", out)
    train(dpo, *common, "--output_dir", again, "--resume_from_checkpoint", out / "checkpoint-2")
    name = "adapter_model.safetensors" if adapter else "model.safetensors"
    assert (out / name).read_bytes() == (again / name).read_bytes()
    state = json.loads((again / "checkpoint-3" / "trainer_state.json").read_text())
    assert next(entry["step"] for entry in state["log_history"] if "eval_loss" in entry) == 0, "compared with the base"


def test_a_checkpoint_of_another_model_or_dataset_is_refused(
    model: Path, four: Path, build: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    common = ["--output_dir", out, "--max_steps", 1]
    train(dpo, *common, "--dataset_name", four, "--model_name_or_path", model, "--save_steps", 1)
    saved = out / "checkpoint-1"
    assert str(tmp_path) not in (saved / run.ORIGIN).read_text(), "a checkpoint may be pushed, so it names no path"
    resume = [*common, "--resume_from_checkpoint", saved, "--model_name_or_path"]

    same_shape = other_model(tmp_path / "tiny", model)
    with pytest.raises(TrainingError, match="checkpoint of another model .*resume with that"):
        train(dpo, "--dataset_name", four, *resume, same_shape)
    with pytest.raises(TrainingError, match="checkpoint of another data .*resume with that"):
        train(dpo, "--dataset_name", build, *resume, model)
    (saved / run.ORIGIN).unlink()  # as one of another tool
    with pytest.raises(TrainingError, match="checkpoint of another model: resume with the --model_name_or_path"):
        train(dpo, "--dataset_name", four, *resume, other_model(tmp_path / "wide", model, intermediate_size=64))


def test_what_is_no_checkpoint_is_refused_with_those_there_are(model: Path, four: Path, tmp_path: Path) -> None:
    common = ["--dataset_name", four, "--model_name_or_path", model, "--output_dir", tmp_path]
    with pytest.raises(TrainingError, match="true is no checkpoint to resume from: leave out"):
        train(dpo, *common, "--resume_from_checkpoint", "true")
    (tmp_path / "checkpoint-7").mkdir()
    with pytest.raises(TrainingError, match="choose one of .*checkpoint-7"):
        train(dpo, *common, "--resume_from_checkpoint", tmp_path / "checkpoint-8")


def test_a_loss_that_is_no_number_ends_the_run(model: Path, four: Path, tmp_path: Path) -> None:
    args = ["--dataset_name", four, "--model_name_or_path", model, "--output_dir", tmp_path / "out"]
    broken = other_model(tmp_path / "broken", model)
    from safetensors.torch import save_file

    tensors = weights(broken)
    tensors["model.norm.weight"].fill_(float("inf"))
    save_file(tensors, broken / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(TrainingError, match=r"the loss is nan at step 1: lower --learning_rate \(it is 0.01\)"):
        train(dpo, *args[:2], "--model_name_or_path", broken, *args[4:])
    assert not (tmp_path / "out" / "model.safetensors").exists()


def test_memory_that_does_not_suffice_is_explained(tmp_path: Path) -> None:
    from trl import DPOConfig

    args = DPOConfig(output_dir=str(tmp_path), per_device_train_batch_size=6, max_length=77, use_cpu=True, bf16=False)

    def on_a_gpu() -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    for too_much in (lambda: torch.empty(1 << 50), lambda: bytearray(1 << 60), on_a_gpu):
        with (
            pytest.raises(TrainingError, match=r"out of memory .*batch_size \(it is 6\).*max_length \(it is 77\)"),
            run.explained(args),
        ):
            too_much()
    with pytest.raises(RuntimeError, match="^something else$"), run.explained(args):
        raise RuntimeError("something else")


def test_an_empty_dataset_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "nothing"
    folder.mkdir()
    (folder / "train.csv").write_text("prompt,chosen,rejected\n")
    wanted = data.ScriptArguments(dataset_name=str(folder))
    with pytest.raises(TrainingError, match="cannot load dataset .*nothing: .*each of its splits must have rows"):
        data.load_splits(wanted, data.resolve(wanted))


def test_a_file_without_rows_is_explained(tmp_path: Path) -> None:
    empty = pa.Table.from_pylist([pair(1, 1)]).slice(0, 0)
    folder = write_build(tmp_path / "build", train=[pair(1, 1)], validation=[pair(2, 1)])
    pq.write_table(empty, folder / "data" / "preference" / "validation-00000-of-00001.parquet")
    wanted = data.ScriptArguments(dataset_name=str(folder))
    with pytest.raises(TrainingError, match="cannot load dataset .*each of its splits must have rows.*`ecd validate`"):
        data.load_splits(wanted, data.resolve(wanted))


def test_a_model_revision_that_does_not_exist_is_named(tmp_path: Path, model: Path) -> None:
    from huggingface_hub import HfApi

    from ecd_data.local.hub import Hub

    with Hub(tmp_path / "hub") as hub:
        api = HfApi(endpoint=hub.url, token=hub.token)
        api.create_repo("org/tiny")
        api.upload_folder(repo_id="org/tiny", folder_path=model)
        env = environment(tmp_path, HF_ENDPOINT=hub.url, HF_TOKEN=hub.token, HF_HUB_DISABLE_XET="1")
        data_args = ["--dataset_name", write_build(tmp_path / "b", train=[pair(1, 1)]), *QUICK]
        args = [*data_args, "--model_name_or_path", "org/tiny", "--model_revision", "v9", "--output_dir", tmp_path]
        done = launch(TRAINERS / "dpo.py", args, env)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr.split("error: ")[0]
    assert re.search(r"cannot load the tokenizer of model org/tiny: .*v9.*--model_revision", done.stderr, re.DOTALL)


def test_the_head_scores_answers_alone_and_to_the_same_numbers(
    model: Path, four: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import AutoTokenizer
    from trl import DPOConfig, DPOTrainer
    from trl.trainer import utils

    rows = data.load_splits(data.ScriptArguments(str(four)), data.resolve(data.ScriptArguments(str(four))))["train"]
    head = utils._ChunkedLogProbFunction.apply
    scored: list[int] = []

    class Counted:
        @staticmethod
        def apply(hidden: Any, *others: Any) -> Any:
            scored.append(len(hidden))
            return head(hidden, *others)

    monkeypatch.setattr(utils, "_ChunkedLogProbFunction", Counted)

    def loss_and_gradients() -> tuple[Any, dict[str, Any], Any]:
        args = DPOConfig(str(tmp_path / "out"), use_cpu=True, bf16=False, report_to="none")
        trainer = DPOTrainer(
            str(model), args=args, train_dataset=rows, processing_class=AutoTokenizer.from_pretrained(model)
        )
        batch = next(iter(trainer.get_train_dataloader()))
        loss = trainer.compute_loss(trainer.model, batch)
        loss.backward()
        return loss, {name: weight.grad for name, weight in trainer.model.named_parameters()}, batch

    monkeypatch.setattr(utils, "_use_triton", lambda device: False)
    loss, gradients, batch = loss_and_gradients()
    every = scored[0]
    scored.clear()
    run.score_completions_only()
    loss_again, gradients_again, _ = loss_and_gradients()
    assert every == batch["input_ids"][:, 1:].numel()
    assert scored[0] == batch["completion_mask"].sum() < every
    torch.testing.assert_close(loss_again, loss)
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradients_again[name], gradient, msg=name)


@pytest.mark.parametrize("fast", [True, False])
def test_the_settings_suit_the_machine(fast: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    from trl import DPOConfig

    monkeypatch.setattr(settings, "has_fast_bfloat16", lambda: fast)

    def parsed(*args: str) -> tuple[bool, str]:
        both = settings.parse(data.ScriptArguments, DPOConfig, ["--dataset_name", "x", "--output_dir", "out", *args])
        return both[1].bf16, both[2].dtype

    assert parsed() == (fast, "float32")
    assert parsed("--use_peft") == (fast, "bfloat16" if fast else "float32")
    assert parsed("--bf16", "true", "--dtype", "float16") == (True, "float16"), "who says so gets it"
    assert parsed("--bf16", "false", "--use_peft", "--dtype", "float32") == (False, "float32")


@pytest.mark.parametrize(
    ("name", "kind", "processes"),
    [("cpu", "MULTI_GPU", 2), ("gpu", "NO", 1), ("fsdp2", "FSDP", 8), ("zero3", "DEEPSPEED", 8)],
)
def test_accelerate_understands_its_configs(name: str, kind: str, processes: int) -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    config = load_config_from_file(str(TRAINERS / "accelerate" / f"{name}.yaml"))
    assert (config.distributed_type.value, config.num_processes, config.use_cpu) == (kind, processes, name == "cpu")
    assert config.fsdp_config.get("fsdp_version") == (2 if name == "fsdp2" else None)
    assert config.deepspeed_config.get("zero_stage") == (3 if name == "zero3" else None)


def test_the_recipe_of_sft_is_understood() -> None:
    from trl import SFTConfig

    recipe = TRAINERS / "recipes" / "smol-cpu-sft.yaml"
    args = ["--config", str(recipe), "--dataset_name", "org/ecd", "--output_dir", "out"]
    script_args, training_args, model_args = settings.parse(sft.SftArguments, SFTConfig, args)
    assert script_args.dataset_config == "sft"
    values = {**vars(model_args), **training_args.to_dict(), "report_to": "none"}  # it becomes an empty list
    written = yaml.safe_load(recipe.read_text())
    assert {name: values[name] for name in written} == written
