"""The sister methods on a random two-layer model: each trains, says what it did, and its card repeats the run."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl")

import torch
import yaml
from trl import DPOConfig

from ecd_data.trainers import curriculum, dpo, infopo, mixture, pad, slic, ties
from ecd_data.trainers.data import ScriptArguments
from ecd_data.trainers.settings import TrainingError, parse
from tests.helpers.tiny_trainer import environment, launch, pair, recipe_of, weights, write_build

QUICK = ["--max_steps", 2, "--learning_rate", 0.01, "--max_length", 32, "--bf16", "false", "--report_to", "none"]
QUICK += ["--per_device_train_batch_size", 2, "--logging_steps", 1]
MAINS = {
    slic: (slic.SlicConfig, slic.SlicTrainer, "preference", slic.PAIRS_BY_LIKELIHOOD),
    infopo: (DPOConfig, infopo.InfopoTrainer),
    curriculum: (curriculum.CurriculumConfig, curriculum.CurriculumTrainer),
    pad: (pad.PadConfig, pad.PadTrainer, "ranking", pad.RANKINGS),
}


def train(method: Any, *args: object) -> None:
    config, *others = MAINS[method]
    dpo.main(*parse(ScriptArguments, config, [str(arg) for arg in args]), *others)


def ranking(number: int, *shares: float) -> dict[str, Any]:
    answers = [f"an apple {number}", f"a pear {number} and an apple", f"a pear {number}", "fruit"][: len(shares)]
    return {
        "id": f"row-{number}",
        "prompt": [{"role": "user", "content": "fruit fruit"}],
        "responses": [[{"role": "assistant", "content": text}] for text in answers],
        "preference": list(shares),
        "model": "student",
        "teacher": "teacher",
    }


@pytest.fixture(scope="module")
def rankings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = [ranking(0, 0.7, 0.2, 0.1), ranking(1, 0.25, 0.75), ranking(2, 0.4, 0.3, 0.2, 0.1), ranking(3, 0.1, 0.9)]
    return write_build(tmp_path_factory.mktemp("builds") / "ranked", train=rows, validation=[ranking(4, 0.6, 0.4)])


@pytest.mark.parametrize(
    ("method", "flags", "own"),
    [
        (slic, ["--margin", 2], {"margin": 2.0, "regularization": "cross_entropy", "regularization_weight": 0.5}),
        (slic, ["--regularization", "kl"], {"regularization": "kl"}),
        (infopo, [], {}),
        (infopo, ["--precompute_ref_log_probs", "true"], {"precompute_ref_log_probs": True}),
        (curriculum, ["--curriculum", "round", "--loss_type", "ipo"], {"curriculum": "round", "loss_type": ["ipo"]}),
        (pad, [], {"ranking": "soft", "beta": 10.0}),
        (pad, ["--ranking", "hard"], {"ranking": "hard"}),
    ],
    ids=lambda value: value.__name__.split(".")[-1] if hasattr(value, "__name__") else " ".join(map(str, value)),
)
def test_trains_and_its_recipe_repeats_the_run(
    method: Any,
    flags: list,
    own: dict,
    model: Path,
    build: Path,
    rankings: Path,
    tmp_path: Path,
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    common = ["--dataset_name", rankings if method is pad else build, "--model_name_or_path", model]
    train(method, *QUICK, *common, *flags, "--output_dir", first)
    before, after = weights(model), weights(first)
    assert any(not torch.equal(before[name], after[name]) for name in before)

    readme = (first / "README.md").read_text()
    recipe = recipe_of(readme)
    assert own.items() <= recipe.items()
    assert f"accelerate launch trainers/{Path(method.__file__).name} --config recipe.yaml --dataset_name" in readme
    paper = MAINS[method][1]._paper
    assert f"- {paper['title']}: [arXiv:{paper['id']}](https://arxiv.org/abs/{paper['id']})" in readme
    assert "| rewards/accuracies |" in readme

    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    train(method, *common, "--config", tmp_path / "recipe.yaml", "--output_dir", second, "--report_to", "none")
    assert all(torch.equal(after[name], weight) for name, weight in weights(second).items())


def trainer(trainer_class: Any, config: Any, model: Path, rows: list, tmp_path: Path, **settings: Any) -> Any:
    from datasets import Dataset
    from transformers import AutoTokenizer

    args = config(str(tmp_path / "out"), use_cpu=True, bf16=False, report_to="none", max_length=None, **settings)
    tokenizer = AutoTokenizer.from_pretrained(model)
    data = Dataset.from_list(rows)
    return trainer_class(model=str(model), args=args, train_dataset=data, processing_class=tokenizer)


def answer_logps(model: Path, prompt: str, answer: str) -> list[float]:
    """The log-probability of each token of an answer, by the model itself, one sequence at a time."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer, network = AutoTokenizer.from_pretrained(model), AutoModelForCausalLM.from_pretrained(model).eval()
    start = tokenizer(f"user {prompt} <eos> assistant ", return_tensors="pt")["input_ids"]
    ids = torch.cat([start, tokenizer(f"{answer} <eos> ", return_tensors="pt")["input_ids"]], dim=1)
    logps = network(ids).logits.log_softmax(-1)[0, :-1]
    return [logps[place, ids[0, place + 1]].item() for place in range(start.shape[1] - 1, ids.shape[1] - 1)]


def loss_of(made: Any) -> float:
    batch = made._prepare_inputs(next(iter(made.get_train_dataloader())))
    made.model.train()
    return made.compute_loss(made.model, batch).item()


def test_slic_on_a_batch_is_the_formula_on_the_models_own_numbers(model: Path, tmp_path: Path) -> None:
    made = trainer(slic.SlicTrainer, slic.SlicConfig, model, [pair(1, 1), pair(2, 1, words=3)], tmp_path, margin=9.0)
    wanted = []
    for number, words in ((1, 6), (2, 3)):
        prompt = " ".join(["fruit"] * words)
        chosen = sum(answer_logps(model, prompt, f"an apple and pear {number}"))
        rejected = sum(answer_logps(model, prompt, f"a pear {number}"))
        wanted.append(max(0, 9 - chosen + rejected) - 0.5 * chosen)
    assert loss_of(made) == pytest.approx(sum(wanted) / 2, rel=1e-4)
    assert made.ref_model is None, "no second model is loaded"
    assert "ref_chosen_logps" not in made.train_dataset.column_names


def test_before_training_slic_is_at_its_start_and_infopo_at_one(model: Path, tmp_path: Path) -> None:
    settings = {"regularization": "kl", "margin": 0.0, "regularization_weight": 1.0}
    made = trainer(slic.SlicTrainer, slic.SlicConfig, model, [pair(1, 1)], tmp_path, **settings)
    prompt = "fruit fruit fruit fruit fruit fruit"
    chosen, rejected = (sum(answer_logps(model, prompt, text)) for text in ("an apple and pear 1", "a pear 1"))
    assert loss_of(made) == pytest.approx(max(0, rejected - chosen), rel=1e-4), "no divergence from itself"
    made = trainer(infopo.InfopoTrainer, DPOConfig, model, [pair(1, 1), pair(2, 1)], tmp_path)
    assert loss_of(made) == pytest.approx(1, abs=1e-5), "-log 1 + 1"


def test_pad_on_a_batch_is_the_formula_on_the_models_own_numbers(model: Path, tmp_path: Path) -> None:
    rows = [ranking(0, 0.7, 0.2, 0.1), ranking(1, 0.25, 0.75)]
    made = trainer(pad.PadTrainer, pad.PadConfig, model, rows, tmp_path, beta=2.0)
    wanted = []
    for row in rows:
        tokens = [answer_logps(model, "fruit fruit", answer[0]["content"]) for answer in row["responses"]]
        rewards = torch.tensor([2 * sum(logps) / len(logps) for logps in tokens])
        wanted.append(pad.soft_ranking_loss(rewards, 2 * torch.tensor(row["preference"]).log()).item())
    assert loss_of(made) == pytest.approx(sum(wanted) / 2, rel=1e-3)


def tie(number: int) -> dict[str, Any]:
    row = pair(number, 1, words=3)
    return {"id": f"{row['id']}-t1", "prompt": row["prompt"], "first": row["chosen"], "second": row["rejected"]}


@pytest.fixture(scope="module")
def tied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build with pairs and ties."""
    folder = write_build(tmp_path_factory.mktemp("builds") / "tied", train=[pair(1, 1)], validation=[pair(2, 1)])
    ties_alone = write_build(tmp_path_factory.mktemp("builds") / "alone", "ties", train=[tie(3), tie(4)])
    (ties_alone / "data/ties").rename(folder / "data/ties")
    card = {
        "configs": [
            yaml.safe_load((f / "README.md").read_text().strip("-\n"))["configs"][0] for f in (folder, ties_alone)
        ]
    }
    del card["configs"][1]["default"]
    (folder / "README.md").write_text(f"---\n{yaml.safe_dump(card)}---\n")
    return folder


def train_as_told(*args: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["dpo.py", *map(str, args)])
    dpo.run()


@pytest.mark.parametrize("precompute", ["true", "false"])
def test_dpo_learns_from_ties_too(
    precompute: str, model: Path, tied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    common = ["--dataset_name", tied, "--model_name_or_path", model]
    flags = [*QUICK, "--ties", "true", "--tie_nu", 2, "--precompute_ref_log_probs", precompute]
    train_as_told(*common, *flags, "--output_dir", first, monkeypatch=monkeypatch)
    said = capfd.readouterr().out
    assert "1 pairs and 2 ties" in said
    # On a pair before training: -log sigmoid(-log 2) = log 3.
    assert re.search(r"^loss +1\.0986 -> ", said, re.MULTILINE), said

    readme = (first / "README.md").read_text()
    assert "| Pairs and ties | 3 |" in readme
    assert "arXiv:2409.17431" in readme
    assert "accelerate launch trainers/dpo.py --config recipe.yaml" in readme
    recipe = recipe_of(readme)
    assert {"ties": True, "tie_nu": 2.0}.items() <= recipe.items()
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    again = ["--config", tmp_path / "recipe.yaml", "--output_dir", second, "--report_to", "none"]
    train_as_told(*common, *again, monkeypatch=monkeypatch)
    after = weights(first)
    assert all(torch.equal(after[name], weight) for name, weight in weights(second).items())


def test_ties_on_a_batch_are_the_formula_on_the_models_own_numbers(model: Path, tmp_path: Path) -> None:
    rows = [{**pair(1, 1), "tie": False}, {**pair(2, 1, words=3), "tie": True}]
    made = trainer(ties.TieTrainer, ties.TieConfig, model, rows, tmp_path, beta=0.5, per_device_train_batch_size=2)
    with torch.no_grad():  # away from the reference, which is the model as it was loaded
        for weight in made.model.parameters():
            weight.mul_(1.5)
    made.model.save_pretrained(tmp_path / "moved")
    made.processing_class.save_pretrained(tmp_path / "moved")
    d = {}
    for number, words in ((1, 6), (2, 3)):
        prompt, texts = " ".join(["fruit"] * words), (f"an apple and pear {number}", f"a pear {number}")
        now, before = ([sum(answer_logps(m, prompt, text)) for text in texts] for m in (tmp_path / "moved", model))
        d[number] = 0.5 * ((now[0] - before[0]) - (now[1] - before[1]))
    assert abs(d[1]) > 0.01
    assert abs(d[2]) > 0.01
    won = [1 / (1 + 3 * math.exp(-x)) for x in (d[1], d[2], -d[2])]
    wanted = -math.log(won[0]) - math.log(8 * won[1] * won[2])
    assert loss_of(made) == pytest.approx(wanted / 2, rel=1e-3)


def test_ties_that_cannot_be_used_are_named(
    model: Path, build: Path, tied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for data, flags, message in [
        (build, ["--ties", "true"], "no ties to train on: .*Leave out --ties"),
        (tied, ["--ties", "true", "--tie_nu", 1], "--tie_nu 1.0 leaves no room for ties"),
        (tied, ["--tie_nu", 2], "--tie_nu is of a training on ties"),
        (tied, ["--ties", "true", "--loss_type", "ipo"], "a loss of its own: leave out --loss_type"),
    ]:
        common = ["--dataset_name", data, "--model_name_or_path", model, "--output_dir", tmp_path / "out", *QUICK]
        with pytest.raises(TrainingError, match=message):
            train_as_told(*common, *flags, monkeypatch=monkeypatch)


def test_a_ranking_that_is_none_is_named(model: Path, tmp_path: Path) -> None:
    for row, message in [
        (
            ranking(7, 0.5, 0.4),
            r"row 'row-7': preference \[0.5, 0.4\] must have a share for each of 2 responses and sum",
        ),
        ({**ranking(7, 0.5, 0.5), "preference": [0.2, 0.3, 0.5]}, "a share for each of 2 responses"),
        (ranking(7, 1.0), "ranking row 'row-7': preference: .*see the row in the docstring of trainers/pad.py"),
        (ranking(7, 1.0, 0.0), "ranking row 'row-7': preference.*"),
    ]:
        with pytest.raises(TrainingError, match=message):
            pad.check(row)
    pad.check({**ranking(7, 0.4, 0.6), "another": "column"})


def test_settings_of_other_losses_are_refused(model: Path, build: Path, tmp_path: Path) -> None:
    out = ["--dataset_name", build, "--model_name_or_path", model, "--output_dir", tmp_path / "out"]
    with pytest.raises(TrainingError, match=r"a loss of its own: leave out --loss_type, --ld_alpha"):
        train(infopo, *out, "--loss_type", "ipo", "--ld_alpha", 0.5)
    with pytest.raises(TrainingError, match=r"--precompute_ref_log_probs false"):
        train(slic, *out, "--regularization", "kl", "--precompute_ref_log_probs", "true")
    with pytest.raises(TrainingError, match="--curriculum_start 2.0 is no probability"):
        train(curriculum, *out, "--curriculum", "round", "--curriculum_start", 2)
    with pytest.raises(TrainingError, match="no column 'gap'"):
        train(curriculum, *out)


def test_the_curriculum_orders_what_the_model_sees(model: Path, tmp_path: Path) -> None:
    rows = [pair(number, round) for number, round in enumerate([3, 1, 3, 1, 3, 1, 3, 1])]
    settings = {"curriculum": "round", "per_device_train_batch_size": 2, "num_train_epochs": 1}
    made = trainer(curriculum.CurriculumTrainer, curriculum.CurriculumConfig, model, rows, tmp_path, **settings)
    sides = [row["prompt_ids"] + row["chosen_ids"] for row in made.train_dataset]
    pad_id = made.processing_class.pad_token_id
    seen = [ids for batch in made.get_train_dataloader() for ids in batch["input_ids"][:2].tolist()]
    easy = [sides.index([token for token in ids if token != pad_id]) in (1, 3, 5, 7) for ids in seen]
    assert easy[0]
    assert not easy[-1]
    assert sum(easy[:4]) > sum(easy[4:])


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two datasets: one of the pairs as they are, and one that asks for the opposite; both fill batches of four."""
    folder = tmp_path_factory.mktemp("tasks")
    opposite = [
        {**row, "chosen": row["rejected"], "rejected": row["chosen"]} for row in (pair(n, 1, 3) for n in range(8))
    ]
    return [
        write_build(folder / "long", train=[pair(number, 1) for number in range(4)], validation=[pair(8, 1)]),
        write_build(folder / "short", train=opposite, validation=[pair(9, 1)]),
    ]


def mix(*args: object) -> None:
    mixture.main(*parse(mixture.MixtureArguments, mixture.MixtureConfig, [str(arg) for arg in (*QUICK, *args)]))


@pytest.mark.parametrize("mixing", ["reweight", "resample"])
def test_a_mixture_trains_its_specialists_and_goes_on_from_a_checkpoint(
    mixing: str,
    model: Path,
    tasks: list[Path],
    tmp_path: Path,
) -> None:
    out = tmp_path / "out"
    flags = ["--mixture", *tasks, "--model_name_or_path", model, "--mixing", mixing, "--mixing_step", 2.0]
    saving = ["--output_dir", out, "--max_steps", 4, "--save_steps", 2]
    mix(*flags, *saving)
    state = json.loads((out / "mixture.json").read_text())
    assert state["tasks"] == ["long", "short"]
    assert len(state["weights"]) == 4
    assert all(math.isclose(sum(alpha), 1) for alpha in state["weights"])
    assert state["weights"][-1] != [0.5, 0.5]
    chart = (out / "mixture.svg").read_text()
    assert "long" in chart
    assert chart.count("<polyline") == 2
    log = json.loads((out / "checkpoint-4" / "trainer_state.json").read_text())["log_history"]
    assert [entry["weight/long"] for entry in log if "weight/long" in entry] == pytest.approx(
        [alpha[0] for alpha in state["weights"]]
    )
    for number in (1, 2):
        assert (out / "_specialists" / str(number) / "model.safetensors").is_file()
    readme = (out / "README.md").read_text()
    assert "`long`" in readme
    assert "`short`" in readme
    assert recipe_of(readme)["mixing"] == mixing
    assert "accelerate launch trainers/mixture.py --config recipe.yaml --mixture long short " in readme

    whole = weights(out)
    mix(
        *flags,
        "--output_dir",
        out,
        "--max_steps",
        4,
        "--save_steps",
        2,
        "--resume_from_checkpoint",
        out / "checkpoint-2",
    )
    resumed = json.loads((out / "mixture.json").read_text())
    assert resumed["weights"][:2] == state["weights"][:2]
    assert len(resumed["weights"]) == 4
    if mixing == "reweight":  # draws do not depend on the weights, so all is the same again
        assert all(torch.allclose(whole[name], weight, atol=1e-6) for name, weight in weights(out).items())


def test_two_processes_mix_as_one_does(model: Path, tasks: list[Path], tmp_path: Path) -> None:
    flags = ["--mixture", *tasks, "--model_name_or_path", model, "--mixing", "resample", "--mixing_step", 2.0]
    flags += ["--optim", "sgd", "--learning_rate", 0.5]  # Adam may go by the sign of a rounding
    one, two = tmp_path / "one", tmp_path / "two"
    script = Path(mixture.__file__)
    config = ["--config_file", script.parent / "accelerate" / "cpu.yaml", "--main_process_port", 0]
    done = launch(script, [*QUICK, *flags, "--output_dir", two], environment(tmp_path), *config)
    assert done.returncode == 0, done.stderr[-3000:]
    mix(*flags, "--output_dir", one, "--per_device_train_batch_size", 4)
    alone, together = (json.loads((folder / "mixture.json").read_text())["weights"] for folder in (one, two))
    assert alone == [pytest.approx(alpha, abs=1e-5) for alpha in together]
    assert "| Steps | 2, of 4 pairs each |" in (two / "README.md").read_text()


def test_given_specialists_are_asked_and_not_trained(model: Path, tasks: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    flags = ["--mixture", *tasks, "--model_name_or_path", model, "--output_dir", out, "--max_steps", 1]
    mix(*flags, "--specialists", model, model, "--learning_rate", 0.0)
    assert not (out / "_specialists").exists()
    # The base model is its own specialist: no excess at the start, so no weight moves.
    assert json.loads((out / "mixture.json").read_text())["weights"] == [[0.5, 0.5]]


def test_a_mixture_that_is_none_is_named(model: Path, tasks: list[Path], tmp_path: Path) -> None:
    out = ["--model_name_or_path", model, "--output_dir", tmp_path / "out"]
    for flags, message in [
        (["--mixture", tasks[0]], "two datasets or more"),
        (["--mixture", tasks[0], tasks[0]], "each once"),
        (["--mixture", *tasks, "--specialists", model], "--specialists names 1 for 2 datasets"),
        (["--mixture", *tasks, "--exploration", 2], "--exploration 2.0 is no share"),
        (["--mixture", *tasks, "--mixing_step", 0], "--mixing_step 0.0 moves no weight"),
        (["--mixture", *tasks, "--dataloader_num_workers", 1], "--dataloader_num_workers"),
    ]:
        with pytest.raises(TrainingError, match=message):
            mix(*flags, *out)


@pytest.mark.parametrize("script", [dpo, slic, infopo, curriculum, mixture, pad])
def test_help_names_the_flags_of_the_method(script: Any, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.setattr("sys.argv", [Path(script.__file__).name, "--help"])
    with pytest.raises(SystemExit) as end:
        script.run()
    assert end.value.code == 0
    shown = capsys.readouterr().out
    named = set(re.findall(r"--[a-z_]+", script.__doc__)) - {"--pairs", "--config"}  # `generate`'s, the parser's
    assert {flag for flag in named if flag not in shown} == set()


def test_runs_as_the_readme_says(model: Path, build: Path, tmp_path: Path) -> None:
    args = [*QUICK, "--dataset_name", build, "--model_name_or_path", model, "--output_dir", tmp_path / "out"]
    done = launch(Path(infopo.__file__), args, environment(tmp_path))
    assert done.returncode == 0, done.stderr[-3000:]
    assert "rewards/margins" in done.stdout
