"""The arms of `evidence.py`: what is trained on what, all of it made from one build without a further call.

    ARMS["random"] = Arm("DPO, random negatives", "dpo", "smol-cpu.yaml", random_negatives)

A new arm is a function from the build's training split to the rows of a dataset, and an entry of the table.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ecd_data.artifact.parquet import data_files, read_rows
from ecd_data.core.errors import EcdError
from ecd_data.core.recipe import load_recipe

Row = dict[str, Any]


@dataclass(frozen=True)
class Split:
    """One split of a build."""

    build: Path
    name: str

    def rows(self, config: str) -> list[Row]:
        """Return the rows of a config, as the build has them."""
        return list(read_rows(data_files(self.build, config).get(self.name, [])))

    @cached_property
    def pairs(self) -> list[Row]:
        """Return the verified pairs, shuffled once: every size is the beginning of every larger one."""
        return shuffled(self.rows("preference"))

    def prompts(self) -> list[Row]:
        """Return the prompts with their requirements."""
        return [{name: row[name] for name in ("id", "seed_id", "prompt", "requirements")} for row in self.pairs]

    def plain_prompts(self) -> list[Row]:
        """Return the seeds as they came, without a requirement, each with its first answer."""
        first = {row["id"]: row["turns"][0] for row in self.rows("chains") if row["turns"]}
        asked = {seed: said("user", turn["instruction"]) for seed, turn in first.items()}
        answered = {seed: said("assistant", turn["response"]) for seed, turn in first.items()}
        return [{"seed_id": seed, "prompt": asked[seed], "answer": answered[seed]} for seed in first]

    def requirements(self) -> list[Row]:
        """Return one requirement of each operation that code checks: the first that a pair of the split has."""
        asked = [each for row in self.rows("preference") for each in row["requirements"] if each["check"] == "code"]
        return list({each["id"]: each for each in reversed(asked)}.values())


def chosen_answers(train: Split) -> list[Row]:
    """Return the chosen side of each verified pair."""
    return [{"prompt": pair["prompt"], "completion": pair["chosen"]} for pair in train.pairs]


def verified_pairs(train: Split) -> list[Row]:
    """Return the pairs as they are."""
    return [{side: pair[side] for side in ("prompt", "chosen", "rejected")} for pair in train.pairs]


def random_negatives(train: Split) -> list[Row]:
    """Return the pairs, each with the rejected answer of the next pair that comes from another seed.

    The same answers are chosen and rejected, so what differs is that they are not each other's contrast.

    Raises:
        EcdError: all pairs are of one seed.
    """
    pairs = train.pairs
    made = []
    for number, pair in enumerate(pairs):
        others = (other for other in pairs[number + 1 :] + pairs[:number] if other["seed_id"] != pair["seed_id"])
        if (other := next(others, None)) is None:
            raise EcdError(f"{train.build}: random negatives need training pairs of two seeds; generate more.")
        made.append({"prompt": pair["prompt"], "chosen": pair["chosen"], "rejected": other["rejected"]})
    return made


def unverified_pairs(train: Split) -> list[Row]:
    """ECD with nothing checked: of each round, also of those that ended as rejects, chosen is the first answer of the
    recipe's first route as it came, and rejected is R(t).

    Left out are rounds without such an answer, or where it is R(t) again, which would teach nothing. R(t) is what the
    build accepted in the round before: from the second round on, better than it would be in a run without checks.
    """
    route = next(iter(load_recipe(str(train.build / "recipe.yaml")).routes))
    rejects = {row["id"]: row for row in train.rows("rejects")}
    return shuffled([pair for chain in train.rows("chains") for pair in _rounds(chain, rejects, route)])


def _rounds(chain: Row, rejects: dict[str, Row], route: str) -> Iterator[Row]:
    """Yield what each round of a chain would have given without elimination."""
    accepted = {turn["round"]: turn for turn in chain["turns"]}
    failed = {rejects[id_]["round"]: rejects[id_] for id_ in chain["rejects"]}
    for number in sorted((accepted | failed).keys() - {0}):
        attempted = accepted.get(number) or failed[number]
        before = accepted[max(earlier for earlier in accepted if earlier < number)]["response"]
        first = next((each["text"] for each in attempted["candidates"] if each["route"] == route), "")
        if first.strip() not in ("", before.strip()):
            sides = {"chosen": said("assistant", first), "rejected": said("assistant", before)}
            yield {"prompt": said("user", attempted["instruction"]), **sides}


@dataclass(frozen=True)
class Arm:
    """What a model is trained on, and how.

    title: in tables.
    trainer, recipe: a script in `trainers/`, and its settings in `trainers/recipes/`.
    rows: the dataset, in an order drawn once.
    flags: what else its trainer is told.
    """

    title: str
    trainer: str
    recipe: str
    rows: Callable[[Split], list[Row]]
    flags: tuple[str, ...] = ()


ALONE = ("--loss_type", "sigmoid", "--loss_weights", "1")  # without the recipe's SFT term

ARMS = {
    "sft": Arm("SFT on chosen", "sft", "smol-cpu-sft.yaml", chosen_answers),
    "ecd": Arm("DPO + SFT, verified ECD", "dpo", "smol-cpu.yaml", verified_pairs),
    "random": Arm("DPO + SFT, random negatives", "dpo", "smol-cpu.yaml", random_negatives),
    "unverified": Arm("DPO + SFT, ECD not verified", "dpo", "smol-cpu.yaml", unverified_pairs),
    "alone": Arm("DPO alone, verified ECD", "dpo", "smol-cpu.yaml", verified_pairs, ALONE),
}


def shuffled(rows: list[Row]) -> list[Row]:
    """Return the rows in an order that depends on their number alone."""
    return random.Random(0).sample(rows, len(rows))


def said(role: str, text: str) -> list[dict[str, str]]:
    """Return a chat of one message."""
    return [{"role": role, "content": text}]
