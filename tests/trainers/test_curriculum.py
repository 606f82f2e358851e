"""What is easy, and when an easy pair is drawn."""

import random
from collections import Counter
from pathlib import Path

import pytest
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st

from ecd_data.trainers import curriculum
from ecd_data.trainers.common.arguments import TrainingError
from ecd_data.trainers.common.sampling import EpochSampler
from ecd_data.trainers.curriculum import CurriculumConfig, cut, easy_and_hard, order
from tests.helpers.tiny_trainer import QUICK, pair, recipe_of, same_weights, train, trainer_on


def split(column: str, values: list, easy: str | None = None) -> tuple[list[int], list[int]]:
    config = CurriculumConfig(output_dir="unused", use_cpu=True, bf16=False, curriculum=column, curriculum_easy=easy)
    return easy_and_hard(Dataset.from_dict({column: values}), config)


def test_wide_gaps_early_rounds_and_far_answers_are_easy() -> None:
    assert split("gap", [1, 3, 1, 2]) == ([1, 3], [0, 2])
    assert split("round", [1, 3, 1, 2]) == ([0, 2], [1, 3])
    assert split("similarity", [0.1, 0.9, 0.2, 0.8]) == ([0, 2], [1, 3])
    assert split("length", [10, 90, 20, 80], easy="high") == ([1, 3], [0, 2])
    assert split("round", [1, 3, 1, 2], easy="high") == ([1, 3], [0, 2]), "the flag wins"


def test_a_column_that_does_not_divide_the_pairs_is_named() -> None:
    with pytest.raises(TrainingError, match=r"gap is 1 in every pair.*--pairs all"):
        split("gap", [1, 1])
    with pytest.raises(TrainingError, match="--curriculum_easy high or low"):
        split("length", [1, 2])
    with pytest.raises(TrainingError, match="does not hold a number"):
        split("operation", ["a", "b"], easy="low")
    with pytest.raises(TrainingError, match="no column 'round'"):
        easy_and_hard(Dataset.from_dict({"x": [1]}), CurriculumConfig("unused", use_cpu=True, curriculum="round"))


@given(st.lists(st.integers(0, 5), min_size=2).filter(lambda values: len(set(values)) > 1))
def test_the_cut_halves_as_well_as_it_can(values: list[int]) -> None:
    def uneven(limit: float) -> int:
        return abs(sum(value < limit for value in values) - sum(value >= limit for value in values))

    limits = sorted(set(values))[1:]
    assert uneven(cut(values)) == min(map(uneven, limits))
    assert cut(values) in limits, "so neither set is empty"


@given(st.integers(1, 50), st.integers(1, 50), st.integers(0, 300), st.integers())
def test_no_pair_comes_again_before_its_set_is_through(easy: int, hard: int, draws: int, seed: int) -> None:
    rows = order(range(easy), range(easy, easy + hard), draws, (0.7, 0.2), random.Random(seed))
    assert len(rows) == draws
    for members in (range(easy), range(easy, easy + hard)):
        counts = Counter(row for row in rows if row in members)
        assert len(counts) < len(members) or max(counts.values()) - min(counts.values()) <= 1


def test_the_share_of_easy_pairs_falls_linearly() -> None:
    rows = order(range(100), range(100, 200), 40_000, (0.9, 0.1), random.Random(1))
    shares = [sum(row < 100 for row in rows[start : start + 10_000]) / 10_000 for start in range(0, 40_000, 10_000)]
    assert shares == pytest.approx([0.8, 0.6, 0.4, 0.2], abs=0.02)  # the means of 0.9 to 0.1 over each quarter
    strict = order(range(3), range(3, 6), 2, (1.0, 0.0), random.Random(1))
    assert strict[0] < 3 <= strict[1], "it starts at 1 and ends at 0"


def test_an_epoch_goes_on_where_the_last_one_ended() -> None:
    sampler = EpochSampler([*range(10)], 4)
    assert list(sampler) == [0, 1, 2, 3]
    sampler.set_epoch(1)
    assert list(sampler) == [4, 5, 6, 7]
    sampler.set_epoch(2)
    assert [*sampler][:2] == [8, 9]
    assert len([*sampler]) == len(sampler) == 4


def test_easy_columns_are_those_of_the_dataset() -> None:
    from ecd_data.builders.rows import FEATURES

    assert set(curriculum.EASY) <= set(FEATURES["preference"])


def test_trains_and_its_card_says_how(model: Path, build: Path, tmp_path: Path) -> None:
    args = ["--dataset_name", build, "--model_name_or_path", model, *QUICK, "--output_dir", tmp_path / "out"]
    train(curriculum, *args, "--curriculum", "round", "--loss_type", "ipo")
    assert not same_weights(model, tmp_path / "out")
    readme = (tmp_path / "out" / "README.md").read_text()
    assert {"curriculum": "round", "loss_type": ["ipo"]}.items() <= recipe_of(readme).items()
    assert "accelerate launch trainers/curriculum.py --config recipe.yaml --dataset_name" in readme
    assert "arXiv:2310.02263" in readme


def test_settings_that_cannot_be_used_are_named(model: Path, build: Path, tmp_path: Path) -> None:
    args = ["--dataset_name", build, "--model_name_or_path", model, "--output_dir", tmp_path / "out"]
    with pytest.raises(TrainingError, match="--curriculum_start is a probability from 0 to 1, got 2.0"):
        train(curriculum, *args, "--curriculum", "round", "--curriculum_start", 2)
    with pytest.raises(TrainingError, match="no column 'gap'"):
        train(curriculum, *args)


def test_the_model_sees_easy_pairs_first(model: Path, tmp_path: Path) -> None:
    rows = [pair(number, round) for number, round in enumerate([3, 1, 3, 1, 3, 1, 3, 1])]
    settings = {"curriculum": "round", "per_device_train_batch_size": 2, "num_train_epochs": 1}
    trainer = trainer_on(rows, curriculum.CurriculumTrainer, CurriculumConfig, model, tmp_path, **settings)
    sides = [row["prompt_ids"] + row["chosen_ids"] for row in trainer.train_dataset]
    pad_id = trainer.processing_class.pad_token_id
    seen = [ids for batch in trainer.get_train_dataloader() for ids in batch["input_ids"][:2].tolist()]
    easy = [sides.index([token for token in ids if token != pad_id]) in (1, 3, 5, 7) for ids in seen]
    assert easy[0]
    assert not easy[-1]
    assert sum(easy[:4]) > sum(easy[4:])
