"""DPO from easy to hard pairs: an easy pair comes with a probability that falls linearly over the training.

    accelerate launch trainers/curriculum.py --dataset_name org/ecd --model_name_or_path MODEL --output_dir out

`--curriculum` names what is easy: a wide `gap` (needs a dataset made with `--pairs all`), an early `round`, a low
`similarity` of chosen and rejected, or any column of numbers. Other flags, with any `--loss_type`, are those of
trainers/dpo.py.

Certain (the abstract of Xu et al., arXiv 2310.02263): pairs of a wide contrast first and hard ones later teach more
than a mix. From memory of the paper: at each draw the easy set is chosen with a probability alpha that falls linearly
over the training. Ours: alpha falls from 1 to 0 by default; the column is cut where the two sets come
closest in size; each set is shuffled and gone through to its end before a pair comes again.
"""

import math
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, ClassVar, Literal

from datasets import Dataset
from torch.utils.data import Sampler
from trl import DPOConfig, ModelConfig

from ecd_data.trainers.common.arguments import ScriptArguments, TrainingError
from ecd_data.trainers.common.sampling import EpochSampler, endless_shuffle
from ecd_data.trainers.common.script import run_script
from ecd_data.trainers.common.trainer import PreferenceTrainer, train

EASY: dict[str, Literal["high", "low"]] = {"gap": "high", "round": "low", "similarity": "low"}


@dataclass
class CurriculumConfig(DPOConfig):
    """TRL's settings, and those of the curriculum."""

    curriculum: str = field(
        default="gap", metadata={"help": "Column that tells easy from hard pairs: gap, round, similarity or another."}
    )
    curriculum_easy: Literal["high", "low"] | None = field(
        default=None,
        metadata={"help": "Which of its values are easy; known for gap (high), round (low) and similarity (low)."},
    )
    curriculum_start: float = field(default=1.0, metadata={"help": "Probability of an easy pair at the start."})
    curriculum_end: float = field(default=0.0, metadata={"help": "Probability of an easy pair at the end."})

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("curriculum_start", "curriculum_end"):
            if not 0 <= getattr(self, name) <= 1:
                raise TrainingError(f"--{name} is a probability from 0 to 1, got {getattr(self, name)}")


class CurriculumTrainer(PreferenceTrainer):
    """TRL's trainer, which draws its pairs in the order of a curriculum."""

    _name = "Curriculum"
    _tag_names: ClassVar = ["trl", "dpo", "curriculum"]
    _paper: ClassVar = {"title": "Automatic Pair Construction for Contrastive Post-training", "id": "2310.02263"}

    def __init__(self, *, args: CurriculumConfig, train_dataset: Dataset, **others: Any) -> None:
        easy_and_hard(train_dataset, args)  # before any model is loaded
        super().__init__(args=args, train_dataset=train_dataset, **others)

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> Sampler[int]:
        # Private, since TRL has no setting for a sampler; the public hook, `get_train_dataloader`, is a whole loader.
        rows = self.train_dataset  # with all columns; the argument has only those of the model
        batch = self.args.train_batch_size * self.args.gradient_accumulation_steps * self.args.world_size
        draws = self.args.max_steps * batch if self.args.max_steps > 0 else self.args.num_train_epochs * len(rows)
        span = (self.args.curriculum_start, self.args.curriculum_end)
        easy, hard = easy_and_hard(rows, self.args)
        seed = self.args.seed if self.args.data_seed is None else self.args.data_seed
        return EpochSampler(order(easy, hard, math.ceil(draws), span, random.Random(seed)), len(rows))


def order(
    easy: Sequence[int], hard: Sequence[int], draws: int, span: tuple[float, float], rng: random.Random
) -> list[int]:
    """Return `draws` pairs, each easy with a probability that goes linearly from `span[0]` to `span[1]`."""
    easy_rows, hard_rows = endless_shuffle(easy, rng), endless_shuffle(hard, rng)
    start, end = span
    alphas = (start + (end - start) * draw / max(1, draws - 1) for draw in range(draws))
    return [next(easy_rows if rng.random() < alpha else hard_rows) for alpha in alphas]


def easy_and_hard(rows: Dataset, args: CurriculumConfig) -> tuple[list[int], list[int]]:
    """Return the indices of the easy pairs and those of the hard pairs.

    Raises:
        TrainingError: The column is missing, does not hold numbers, or is the same in every pair.
    """
    column, easy = args.curriculum, args.curriculum_easy or EASY.get(args.curriculum)
    if column not in rows.column_names:
        raise TrainingError(f"the dataset has no column {column!r}: name one of its columns with --curriculum")
    if easy is None:
        raise TrainingError(f"which values of {column!r} are easy? Say --curriculum_easy high or low")
    values = rows[column][:]
    if not all(isinstance(value, int | float) and math.isfinite(value) for value in values):
        raise TrainingError(f"column {column!r} does not hold a number in each row: name another with --curriculum")
    difficulty = [-value if easy == "high" else value for value in values]
    if len(set(difficulty)) == 1:
        fix = " (make the dataset with --pairs all)" if column == "gap" else ""
        raise TrainingError(f"{column} is {values[0]} in every pair, so none is easier{fix}: name another column")
    limit = cut(difficulty)
    easy_rows = [row for row, value in enumerate(difficulty) if value < limit]
    return easy_rows, [row for row, value in enumerate(difficulty) if value >= limit]


def cut(values: Sequence[float]) -> float:
    """Return the least value of a hard pair: the two sets differ least in size, and equal values stay together."""
    ordered = sorted(values)
    steps = [position for position, (a, b) in enumerate(pairwise(ordered), start=1) if a < b]
    return ordered[min(steps, key=lambda position: abs(2 * position - len(ordered)))]


def main(script_args: ScriptArguments, training_args: CurriculumConfig, model_args: ModelConfig) -> None:
    """Train a model, evaluate it before and after, and save it with its card."""
    train(CurriculumTrainer, script_args, training_args, model_args)


if __name__ == "__main__":
    sys.exit(run_script(main))
