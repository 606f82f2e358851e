"""AutoMixAlign on two datasets that ask for the opposite of each other."""

import json
import math
from pathlib import Path

import pytest
import torch

from ecd_data.trainers import mixture
from ecd_data.trainers.common.arguments import TrainingError
from tests.helpers.tiny_model import write_variant
from tests.helpers.tiny_trainer import QUICK, environment, launch, pair, recipe_of, train, weights, write_pairs

SCRIPT = Path(mixture.__file__)


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two datasets: one of the pairs as they are, and one that asks for the opposite; both fill batches of four."""
    folder = tmp_path_factory.mktemp("tasks")
    opposite = [
        {**row, "chosen": row["rejected"], "rejected": row["chosen"]} for row in (pair(n, 1, 3) for n in range(8))
    ]
    return [
        write_pairs(folder / "long", train=[pair(number) for number in range(4)], validation=[pair(8)]),
        write_pairs(folder / "short", train=opposite, validation=[pair(9)]),
    ]


@pytest.mark.parametrize("mixing", ["reweight", "resample"])
def test_trains_its_specialists_and_is_resumed_from_a_checkpoint(
    mixing: str, model: Path, tasks: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    args = [*QUICK, "--mixture", *tasks, "--model_name_or_path", model, "--mixing", mixing, "--mixing_step", 2.0]
    args += ["--output_dir", out, "--max_steps", 2, "--save_steps", 1]
    train(mixture, *args)
    state = json.loads((out / "mixture.json").read_text())
    assert state["tasks"] == ["long", "short"]
    assert len(state["weights"]) == 2
    assert all(math.isclose(sum(alpha), 1) for alpha in state["weights"])
    assert state["weights"][-1] != [0.5, 0.5]
    chart = (out / "mixture.svg").read_text()
    assert "long" in chart
    assert chart.count("<polyline") == 2
    log = json.loads((out / "checkpoint-2" / "trainer_state.json").read_text())["log_history"]
    logged = [entry["weight/long"] for entry in log if "weight/long" in entry]
    assert logged == pytest.approx([alpha[0] for alpha in state["weights"]])
    for number in (1, 2):
        assert (out / "_specialists" / str(number) / "model.safetensors").is_file()
    readme = (out / "README.md").read_text()
    assert "`long`" in readme
    assert "`short`" in readme
    assert recipe_of(readme)["mixing"] == mixing
    assert "accelerate launch trainers/mixture.py --config recipe.yaml --mixture long short " in readme

    whole = weights(out)
    train(mixture, *args, "--resume_from_checkpoint", out / "checkpoint-1")
    resumed = json.loads((out / "mixture.json").read_text())
    assert resumed["weights"][:1] == state["weights"][:1]
    assert len(resumed["weights"]) == 2
    if mixing == "reweight":  # draws do not depend on the weights, so all is the same again
        assert all(torch.allclose(whole[name], weight, atol=1e-6) for name, weight in weights(out).items())


@pytest.mark.subprocess
def test_two_processes_mix_as_one_does(model: Path, tasks: list[Path], tmp_path: Path) -> None:
    args = [*QUICK, "--mixture", *tasks, "--model_name_or_path", model, "--mixing", "resample", "--mixing_step", 2.0]
    args += ["--optim", "sgd", "--learning_rate", 0.5]  # Adam may go by the sign of a rounding
    specialist = write_variant(tmp_path / "specialist", model)
    args += ["--specialists", specialist, specialist]
    one, two = tmp_path / "one", tmp_path / "two"
    config = ["--config_file", SCRIPT.parent / "accelerate" / "cpu.yaml", "--main_process_port", 0]
    done = launch(SCRIPT, [*args, "--output_dir", two], environment(tmp_path), *config)
    assert done.returncode == 0, done.stderr[-3000:]
    train(mixture, *args, "--output_dir", one, "--per_device_train_batch_size", 4)
    alone, together = (json.loads((folder / "mixture.json").read_text())["weights"] for folder in (one, two))
    assert alone == [pytest.approx(alpha, abs=1e-5) for alpha in together]
    assert alone[-1] != [0.5, 0.5]
    assert "| Steps | 2, of 4 pairs each |" in (two / "README.md").read_text()


def test_given_specialists_are_asked_and_not_trained(model: Path, tasks: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    args = [*QUICK, "--mixture", *tasks, "--model_name_or_path", model, "--output_dir", out, "--max_steps", 1]
    train(mixture, *args, "--specialists", model, model, "--learning_rate", 0.0)
    assert not (out / "_specialists").exists()
    # The base model is its own specialist: no excess at the start, so no weight moves.
    assert json.loads((out / "mixture.json").read_text())["weights"] == [[0.5, 0.5]]


def test_a_mixture_that_cannot_be_used_is_named(model: Path, tasks: list[Path], tmp_path: Path) -> None:
    out = ["--model_name_or_path", model, "--output_dir", tmp_path / "out"]
    for flags, message in [
        (["--mixture", tasks[0]], "two datasets or more"),
        (["--mixture", tasks[0], tasks[0]], "each once"),
        ([], "two datasets or more"),
        (["--mixture", *tasks, "--dataset_name", tasks[0]], "leave out --dataset_name"),
        (["--mixture", *tasks, "--specialists", model], "--specialists names 1 for 2 datasets"),
        (["--mixture", *tasks, "--exploration", 2], "--exploration is a share from 0 to 1, got 2.0"),
        (["--mixture", *tasks, "--mixing_step", 0], "--mixing_step must be greater than 0, got 0.0"),
        (["--mixture", *tasks, "--dataloader_num_workers", 1], "--dataloader_num_workers"),
    ]:
        with pytest.raises(TrainingError, match=message):
            train(mixture, *QUICK, *flags, *out)


def test_each_dataset_has_its_revision() -> None:
    arguments = mixture.MixtureArguments(mixture=["org/a", "org/b"], mixture_revisions=["v1", "v2"])
    assert [(task.dataset_name, task.dataset_revision) for task in arguments.tasks()] == [
        ("org/a", "v1"),
        ("org/b", "v2"),
    ]
    arguments = mixture.MixtureArguments(mixture=["org/a", "org/b"], dataset_test_split="test")
    assert [(task.dataset_revision, task.dataset_test_split) for task in arguments.tasks()] == [(None, "test")] * 2


def test_datasets_of_one_name_are_numbered() -> None:
    assert mixture.unique_names(["build", "other", "build"]) == ["build-1", "other", "build-3"]
