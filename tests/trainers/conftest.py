"""The tiny model and the tiny dataset that the trainers' tests share."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.helpers.tiny_model import write_model
from tests.helpers.tiny_trainer import answer, pair, ranking, tie, write_build

if find_spec("trl") is None:  # of the extra `train`
    collect_ignore_glob = ["*"]


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random two-layer model."""
    import torch

    torch.set_num_threads(1)  # more of them cost a tiny model time
    return write_model(tmp_path_factory.mktemp("checkpoint") / "tiny")


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few rows of each config; of those to train on as pairs or answers, some have a prompt of 40 words."""
    rounds = [(1, 6), (1, 5), (2, 6), (2, 40), (3, 4), (3, 40), (3, 40)]
    pairs = [pair(number, round, words) for number, (round, words) in enumerate(rounds)]
    answers = [answer(number, round, words) for number, (round, words) in enumerate(rounds)]
    rankings = [
        ranking(0, 0.7, 0.2, 0.1),
        ranking(1, 0.25, 0.75),
        ranking(2, 0.4, 0.3, 0.2, 0.1),
        ranking(3, 0.1, 0.9),
    ]
    return write_build(
        tmp_path_factory.mktemp("builds") / "fruit",
        preference={"train": pairs, "validation": [pair(8, 1), pair(9, 2)]},
        sft={"train": answers, "validation": [answer(8, 1, 9)]},
        ties={"train": [tie(3), tie(4)]},
        ranking={"train": rankings, "validation": [ranking(4, 0.6, 0.4)]},
    )
