"""A trainer of TRL as the scripts make it."""

from pathlib import Path

import torch
from transformers import AutoModelForCausalLM
from trl import DPOConfig

from ecd_data.trainers.common.arguments import ScriptArguments, load_tokenizer, parse_arguments
from ecd_data.trainers.common.data import load_data
from ecd_data.trainers.common.trainer import PreferenceTrainer, make_trainer
from tests.helpers.tiny_trainer import QUICK


def test_gradients_are_those_of_dpo_on_the_models_own_numbers(model: Path, build: Path, tmp_path: Path) -> None:
    flags = ["--dataset_name", build, "--model_name_or_path", model, "--output_dir", tmp_path / "out", *QUICK]
    script_args, training_args, model_args = parse_arguments(ScriptArguments, DPOConfig, [*map(str, flags)])
    tokenizer = load_tokenizer(model_args, training_args)
    data = load_data(script_args, training_args, tokenizer)
    trainer = make_trainer(PreferenceTrainer, data, tokenizer, training_args, model_args)
    batch = next(iter(trainer.get_train_dataloader()))
    trainer.compute_loss(trainer.model, batch).backward()

    network = AutoModelForCausalLM.from_pretrained(model)
    logits = network(batch["input_ids"], attention_mask=batch["attention_mask"]).logits[:, :-1]
    tokens = logits.log_softmax(-1).gather(2, batch["input_ids"][:, 1:, None])[..., 0]
    chosen, rejected = (tokens * batch["completion_mask"][:, 1:]).sum(1).chunk(2)
    margin = (chosen - chosen.detach()) - (rejected - rejected.detach())  # the reference is the model before training
    (-torch.nn.functional.logsigmoid(training_args.beta * margin)).mean().backward()
    expected = dict(network.named_parameters())
    for name, weight in trainer.model.named_parameters():
        torch.testing.assert_close(weight.grad, expected[name].grad, atol=1e-6, rtol=1e-4, msg=name)
