"""The arms, and the whole script on a toy: a server that answers at once, and a random model."""

import json
import math
import runpy
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch

from benchmarks import arms, evidence
from benchmarks.evidence import held_out, without_folders
from benchmarks.perplexity import perplexity, surprise
from ecd_data.core.errors import EcdError
from ecd_data.evaluation.data import read_data
from tests.helpers.fake_endpoint import FakeServer
from tests.helpers.tiny_trainer import weights

# The server's answer meets none of these, and a repair meets each; no capitals once there is a "P.S. I hope ...".
RECIPE = """
operations: [style/upper_case, format/postscript, format/title]
routes: {edit: 1, repair: 1}
rounds: 2
weave: 0
splits: {train: 0.6, test: 0.4}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("toy")
    nouns, verbs = ("a fruit", "a tree", "two rivers"), ("eat", "climb", "cross", "draw")
    seeds = [{"instruction": f"Name {noun} that you can {verb}."} for noun in nouns for verb in verbs]
    (made / "seeds.jsonl").write_text("".join(json.dumps(seed) + "\n" for seed in seeds))
    (made / "recipe.yaml").write_text(RECIPE)
    return made


@dataclass
class Run:
    """A run of the command: its exit code, the table it printed, what went to standard error, and its steps."""

    code: int
    table: str
    stderr: str
    steps: list[str]


def in_process(steps: list[str]) -> Callable[..., None]:
    """A stand-in for `evidence.python` that runs the same modules and scripts here, and notes them."""

    def python(*arguments: object) -> None:
        _, module, *args = map(str, arguments)
        steps.append(module)
        if module == "accelerate.commands.launch":
            args = args[args.index("--num_processes") + 2 :]
            start = partial(runpy.run_path, args[0])
        else:
            args = [module, *args]
            start = partial(runpy.run_module, module)
        with mock.patch("sys.argv", args), redirect_stdout(sys.stderr), pytest.raises(SystemExit, match="^0$"):
            start(run_name="__main__")

    return python


@pytest.fixture(scope="module")
def command(folder: Path, model: Path) -> Iterator[Any]:
    """Runs the command with further flags."""
    server = FakeServer()
    inputs = ["--seeds", folder / "seeds.jsonl", "--recipe", folder / "recipe.yaml", "--endpoint", server.url]
    small = ["--model", model, "--arms", "ecd", "--pairs", "8", "--max-tokens", "8", "--work", folder / "work"]

    def run(*flags: object) -> Run:
        steps: list[str] = []
        args = [str(arg) for arg in ("evidence", *inputs, *small, "--result", folder / "r.json", *flags)]
        out, err = StringIO(), StringIO()
        python = mock.patch.object(evidence, "python", in_process(steps))
        with (
            mock.patch.dict("os.environ"),
            mock.patch("sys.argv", args),
            python,
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            code = evidence.main()
        return Run(code, out.getvalue(), err.getvalue(), steps)

    yield run
    server.stop()


@pytest.fixture(scope="module")
def done(command: Any) -> Run:
    run = command("--", "--learning_rate", "0.01", "--bf16", "false")
    assert run.code == 0, run.stderr[-3000:]
    return run


def texts(chat: list[dict[str, str]]) -> str:
    [message] = chat
    return message["content"]


def test_the_script_trains_evaluates_and_writes_numbers_and_table(done: Run, folder: Path, model: Path) -> None:
    result = json.loads((folder / "r.json").read_text())
    base, arm = result["models"]
    assert (base["name"], arm["name"], arm["pairs"]) == ("base", "ecd-8", 8)
    assert base["sets"]["test"]["difference"] is None
    assert base["perplexity_ratio"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert arm["perplexity_ratio"]["low"] != 1.0, "the arm's weights are others"
    differences = {line["part"]: line["measures"]["requirement_strict"] for line in arm["sets"]["test"]["difference"]}
    assert differences["all"]["low"] <= differences["all"]["value"] <= differences["all"]["high"]
    assert base["lead"] == {"test": differences["all"]}
    assert arm["lead"]["test"]["value"] == 0
    for name, prompts in (("test", result["build"]["test_pairs"]), ("plain", base["sets"]["plain"]["prompts"])):
        assert base["sets"][name]["prompts"] == arm["sets"][name]["prompts"] == prompts > 1

    table = (folder / "r.md").read_text()
    assert done.table == table
    heads, _, *lines = [line.strip("| \n").split(" | ") for line in table.splitlines()]
    assert [line[0] for line in lines] == ["base", "DPO + SFT, verified ECD"]
    assert all(len(line) == len(heads) for line in lines)

    before, after = weights(model), weights(folder / "work" / "arms" / "ecd-8" / "model")
    assert any(not torch.equal(before[name], after[name].to(before[name].dtype)) for name in before)


def test_the_same_command_makes_nothing_again_and_another_only_what_differs(
    command: Any, done: Run, folder: Path
) -> None:
    assert done.steps == ["ecd_data.generate", "accelerate.commands.launch", *["ecd_data.evaluate"] * 4]
    again = command("--", "--learning_rate", "0.01", "--bf16", "false")
    assert again.table == done.table
    assert again.steps == ["ecd_data.generate"], "which finds its build up to date"

    beside = folder / "beside.jsonl"
    beside.write_text(json.dumps({"prompt": "a", "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}))
    more = command("--beside", beside, "--", "--learning_rate", "0.01", "--bf16", "false")
    assert more.steps == ["ecd_data.generate", "ecd_data.evaluate", "ecd_data.evaluate"], "one for each model"
    assert "beside: requirements met, %" in more.table


def test_sets_of_one_name_are_refused(command: Any, folder: Path) -> None:
    for names in (["plain.jsonl"], ["a/ours.jsonl", "b/ours.jsonl"]):
        refused = command(*(flag for name in names for flag in ("--beside", folder / name)))
        assert refused.code == 1
        assert "--beside: each set goes by the name of its file" in refused.stderr


@pytest.mark.subprocess
def test_a_step_that_fails_ends_the_command() -> None:
    with pytest.raises(EcdError, match="ended with exit code 3; run the same command again to continue"):
        evidence.python("-c", "raise SystemExit(3)")


def test_every_arm_has_rows_of_its_trainer_and_begins_alike(done: Run, folder: Path) -> None:
    train = arms.Split(folder / "work" / "build", "train")
    rows = {name: arm.rows(train) for name, arm in arms.ARMS.items()}
    pairs = {texts(pair["prompt"]): pair for pair in train.rows("preference")}
    assert len(pairs) >= 8
    assert {texts(row["prompt"]): row["completion"] for row in rows["sft"]} == {
        prompt: pair["chosen"] for prompt, pair in pairs.items()
    }
    assert [row["prompt"] for row in rows["sft"]] == [row["prompt"] for row in rows["ecd"]]
    for ours, random in zip(rows["ecd"], rows["random"], strict=True):
        assert (ours["prompt"], ours["chosen"]) == (random["prompt"], random["chosen"])
        assert pairs[texts(ours["prompt"])]["rejected"] == ours["rejected"]
        seed = pairs[texts(ours["prompt"])]["seed_id"]
        theirs = {pair["seed_id"] for pair in pairs.values() if pair["rejected"] == random["rejected"]}
        assert theirs, "a rejected answer of the build"
        assert seed not in theirs


def test_without_verification_it_is_the_first_answer_of_every_round_rejects_too(done: Run, folder: Path) -> None:
    train = arms.Split(folder / "work" / "build", "train")
    attempted = {texts(row["prompt"]): row for row in arms.ARMS["unverified"].rows(train)}
    verified = {texts(row["prompt"]): row for row in arms.ARMS["ecd"].rows(train)}
    rejects = [row for row in train.rows("rejects") if row["candidates"]]
    assert rejects, "the toy has both"
    assert set(attempted) == set(verified) | {row["instruction"] for row in rejects}
    for prompt, row in verified.items():
        assert attempted[prompt]["rejected"] == row["rejected"]
        assert texts(attempted[prompt]["chosen"]).startswith("answer "), "as the server wrote it"
    for row in rejects:
        [first, *_] = [each["text"] for each in row["candidates"] if each["route"] == "edit"]
        assert texts(attempted[row["instruction"]]["chosen"]) == first


def test_several_test_splits_are_evaluated_as_one(done: Run, folder: Path, tmp_path: Path) -> None:
    splits = [arms.Split(folder / "work" / "build", name) for name in ("test", "train")]
    plain = [prompt for split in splits for prompt in split.plain_prompts()]
    sets = held_out(tmp_path, splits, plain)
    asked = {name: read_data(str(path)).tasks for name, path in sets.items()}
    pairs = [pair for split in splits for pair in split.rows("preference")]
    assert {task.id: task.cluster for task in asked["test"]} == {pair["id"]: pair["seed_id"] for pair in pairs}
    assert len(asked["plain"]) == len(plain) > len(splits[0].plain_prompts())
    names = {name["id"] for pair in pairs for name in pair["requirements"]}
    assert all({requirement.name for requirement in task.requirements} == names for task in asked["plain"])


def test_random_negatives_need_a_second_seed() -> None:
    class OneSeed:
        build, pairs = "toy", [{"seed_id": "a", "prompt": [], "chosen": [], "rejected": []}] * 2

    with pytest.raises(EcdError, match="two seeds"):
        arms.random_negatives(OneSeed())


def test_the_surprise_is_that_of_the_answers_own_tokens(model: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    chat = {"prompt": [{"role": "user", "content": "fruit"}], "answer": [{"role": "assistant", "content": "an apple"}]}
    found = surprise(model, [chat, chat])
    ids = AutoTokenizer.from_pretrained(model)("user fruit <eos> assistant an apple", return_tensors="pt")["input_ids"]
    labels = ids.clone()
    labels[0, :4] = -100
    with torch.inference_mode():
        loss = AutoModelForCausalLM.from_pretrained(model)(ids, labels=labels).loss
    assert found["tokens"] == [2, 2]
    assert found["nats"] == pytest.approx([2 * loss.item()] * 2)


def test_perplexity_is_over_all_tokens_and_compared_on_the_same_draws() -> None:
    own = {"nats": [3 * math.log(2), math.log(16)], "tokens": [3, 1]}
    found = perplexity(own)
    assert found["value"] == pytest.approx(2 ** (7 / 4))
    assert (found["low"], found["high"]) == pytest.approx((2, 16)), "one answer drawn twice, or the other"
    twice = {**own, "nats": [6 * math.log(2), 5 * math.log(2)]}
    assert list(perplexity(twice, own).values()) == pytest.approx([2, 2, 2])


def test_the_command_is_told_without_the_folders() -> None:
    assert without_folders(["--pairs", "8", "--work", "here", "--arms", "ecd", "--result", "there"]) == [
        *("--pairs", "8", "--arms", "ecd")
    ]
