"""The tiny model and the tiny build that the trainers' tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.tiny_model import write_model
from tests.helpers.tiny_trainer import pair, write_build


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("checkpoint") / "tiny")


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight training pairs, three of them with a prompt of 40 words, and two for evaluation."""
    rounds = [(1, 6), (1, 6), (2, 6), (2, 40), (3, 6), (3, 40), (3, 40), (1, 6)]
    train = [pair(number, round, words) for number, (round, words) in enumerate(rounds)]
    return write_build(tmp_path_factory.mktemp("builds") / "fruit", train=train, validation=[pair(8, 1), pair(9, 2)])
