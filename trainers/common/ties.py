"""DPO on pairs and ties: what trainers/dpo.py does with `--ties true`.

    accelerate launch trainers/dpo.py --ties true --dataset_name org/ecd --model_name_or_path MODEL --output_dir out

Beside the pairs of `preference` it reads the config `ties`, two answers each that the checks cannot tell apart. With
d = beta * (log-ratio of the one - log-ratio of the other) it minimises -log p(chosen wins) over pairs and -log p(tie)
over ties, where `--tie_nu` says how often answers of equal reward tie, (nu - 1) / (nu + 1):

    p(chosen wins) = sigmoid(d - log nu)
    p(tie) = (nu^2 - 1) sigmoid(d - log nu) sigmoid(-d - log nu)

So a pair drives d up and a tie drives it to 0; as nu goes to 1, pairs have DPO's loss.

Certain: this is the model of Rao and Kupper (Ties in paired-comparison experiments, JASA 62, 1967) with DPO's rewards,
as Chen et al. (arXiv 2409.17431) put it there (DPO-RK), with nu = 3, at which equal answers tie half the time. Their
other form, after Davidson (JASA 65, 1970), fared alike by a summary of the paper. Ours: what a tie is (answers of one
round that meet and miss the same requirements), and that the evaluation is on pairs alone, as in plain DPO.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import torch
from datasets import concatenate_datasets
from trl import DPOConfig

from ecd_data.trainers.common.arguments import TrainingError
from ecd_data.trainers.common.card import PAIRS
from ecd_data.trainers.common.data import COLUMNS, ScriptArguments, TrainingData, drop_long_prompts, load_splits
from ecd_data.trainers.common.losses import Pairs, PairTrainer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

NU = 3.0
PAIRS_AND_TIES = replace(
    PAIRS,
    rows="pairs and ties",
    data=f"{PAIRS.data}; and on ties, two answers that meet and miss the same",
    metrics_explained=f"{PAIRS.metrics_explained} They are of pairs alone; the loss is that of a pair beside ties.",
)


@dataclass
class TieConfig(DPOConfig):
    """TRL's settings, and those of ties."""

    ties: bool = field(
        default=False, metadata={"help": "Learn from the dataset's config `ties` too, with a loss for ties."}
    )
    tie_nu: float | None = field(
        default=None,
        metadata={
            "help": f"Rao and Kupper's nu, above 1 ({NU:g} by default, at which answers of equal reward tie half the "
            "time): how far apart rewards must be to tell answers apart. Needs --ties true."
        },
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.tie_nu is not None and not self.ties:
            raise TrainingError("--tie_nu is for a training on ties: add --ties true, or leave it out")
        if self.ties and self.tie_nu is None:
            self.tie_nu = NU
        if self.tie_nu is not None and not 1 < self.tie_nu < math.inf:
            raise TrainingError(
                f"--tie_nu must be greater than 1 to leave room for ties, such as {NU:g}, got {self.tie_nu}"
            )


class TieTrainer(PairTrainer):
    """TRL's trainer with the losses of Rao and Kupper; a row is a pair, or a tie if its column `tie` says so."""

    _name = "DPO"
    _tag_names: ClassVar = ["trl", "dpo", "ties"]
    _paper: ClassVar = {
        "title": "On Extending Direct Preference Optimization to Accommodate Ties",
        "id": "2409.17431",
    }
    columns = ("tie",)

    def pair_losses(self, model: torch.nn.Module, inputs: dict[str, torch.Tensor], pairs: Pairs) -> torch.Tensor:
        difference = self.beta * pairs.margin()
        tie = inputs.get("tie", torch.zeros_like(difference, dtype=torch.bool))  # evaluation rows are pairs
        self.record(ties__share=tie)
        return rao_kupper(difference, tie, self.args.tie_nu)


def rao_kupper(difference: torch.Tensor, tie: torch.Tensor, nu: float) -> torch.Tensor:
    """Return -log p(the first wins) of each pair and -log p(tie) of each tie.

    Args:
        difference: Reward of the first answer minus that of the second (nats), of shape (rows,).
        tie: Which rows are ties, of the same shape.
        nu: How far apart rewards must be to tell answers apart, above 1.
    """
    threshold = math.log(nu)
    won = -torch.nn.functional.logsigmoid(difference - threshold)
    lost = -torch.nn.functional.logsigmoid(-difference - threshold)
    return torch.where(tie, won + lost - math.log(nu * nu - 1), won)


def add_ties(
    data: TrainingData, script_args: ScriptArguments, training_args: TieConfig, tokenizer: PreTrainedTokenizerBase
) -> TrainingData:
    """Return the pairs of `data` and behind them the dataset's ties, and print how many there are of each.

    Raises:
        TrainingError: The dataset has no ties to train on.
    """
    split, (source,), pairs = script_args.dataset_train_split, data.sources, data.train
    try:
        with training_args.main_process_first(desc="loading the ties"):
            rows = load_splits(replace(script_args, dataset_config="ties"), source, "ties")[split]
            ties, report = drop_long_prompts("ties", rows, tokenizer, training_args.max_length)
    except TrainingError as error:
        raise TrainingError(f"no ties to train on: {error}. Leave out --ties to train on pairs alone") from error
    if training_args.process_index == 0:
        print(*filter(None, [report, f"{len(pairs)} pairs and {len(ties)} ties"]), sep="\n")
    names = dict(zip(COLUMNS["ties"], COLUMNS["preference"], strict=True))
    ties = ties.select_columns(list(names)).rename_columns(names)
    pairs = pairs.select_columns(COLUMNS["preference"])
    both = [rows.add_column("tie", [is_tie] * len(rows)) for rows, is_tie in ((pairs, False), (ties, True))]
    return replace(data, train=concatenate_datasets(both))
