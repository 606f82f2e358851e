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

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from datasets import concatenate_datasets
from trl import DPOConfig

from ecd_data.trainers.card import PAIRS
from ecd_data.trainers.data import COLUMNS, ScriptArguments, Source, fitting, load_rows, load_splits, resolve
from ecd_data.trainers.preference import Pairs, PairTrainer
from ecd_data.trainers.run import fit, leave
from ecd_data.trainers.settings import TrainingError, hide_token, load_tokenizer

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedTokenizerBase
    from trl import ModelConfig

NU = 3.0
PAIRS_AND_TIES = dataclasses.replace(
    PAIRS,
    rows="pairs and ties",
    data=f"{PAIRS.data}; and on ties, two answers that meet and miss the same",
    metrics_explained=f"{PAIRS.metrics_explained} They are of pairs alone; the loss is that of a pair beside ties.",
)


@dataclass
class TieConfig(DPOConfig):
    """TRL's settings, and those of ties."""

    ties: bool = field(
        default=False, metadata={"help": "Learn from the dataset's config `ties` too, with a loss that knows of ties."}
    )
    tie_nu: float | None = field(
        default=None,
        metadata={
            "help": f"Rao and Kupper's nu, above 1 ({NU:g} by default, at which answers of equal reward tie half the "
            "time): how far apart rewards must be to tell answers apart. Needs --ties true."
        },
    )


class TieTrainer(PairTrainer):
    """TRL's trainer with the losses of Rao and Kupper; a row is a pair, or a tie if its column `tie` says so."""

    _name = "DPO"
    _tag_names: ClassVar = ["trl", "dpo", "ties"]
    _paper: ClassVar = {
        "title": "On Extending Direct Preference Optimization to Accommodate Ties",
        "id": "2409.17431",
    }
    data_collator: Any

    def __init__(self, *, args: TieConfig, **others: Any) -> None:
        args.tie_nu = NU if args.tie_nu is None else args.tie_nu
        if not 1 < args.tie_nu < math.inf:
            raise TrainingError(f"--tie_nu {args.tie_nu} leaves no room for ties: it must be above 1, such as {NU:g}")
        super().__init__(args=args, **others)
        self.data_collator = TieCollator(self.data_collator)

    def pair_losses(self, model: torch.nn.Module, inputs: dict[str, torch.Tensor], pairs: Pairs) -> torch.Tensor:
        difference = self.beta * ((pairs.chosen - pairs.ref_chosen) - (pairs.rejected - pairs.ref_rejected))
        tie = inputs.get("tie", torch.zeros_like(difference, dtype=torch.bool))  # evaluation rows are pairs
        self.record(ties__share=tie)
        return rao_kupper(difference, tie, self.args.tie_nu)

    def _set_signature_columns_if_needed(self) -> None:
        super()._set_signature_columns_if_needed()
        self._signature_columns: list[str] = [*dict.fromkeys([*self._signature_columns, "tie"])]


@dataclass(frozen=True)
class TieCollator:
    """TRL's collator, which also hands over which rows are ties."""

    collate: Callable[[Sequence[Mapping[str, Any]]], dict[str, torch.Tensor]]

    def __call__(self, examples: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        tied = {"tie": torch.tensor([example["tie"] for example in examples])} if "tie" in examples[0] else {}
        return {**self.collate(examples), **tied}


def rao_kupper(difference: torch.Tensor, tie: torch.Tensor, nu: float) -> torch.Tensor:
    """-log p(the first wins) of each pair and -log p(tie) of each tie, by the difference of rewards (nats)."""
    threshold = math.log(nu)
    won = -torch.nn.functional.logsigmoid(difference - threshold)
    lost = -torch.nn.functional.logsigmoid(-difference - threshold)
    return torch.where(tie, won + lost - math.log(nu * nu - 1), won)


def main(script_args: ScriptArguments, training_args: TieConfig, model_args: ModelConfig) -> None:
    """Load, train, save and write the card.

    Raises:
        TrainingError: when the dataset, the model or a setting does not allow it, or the training breaks down.
    """
    hide_token(training_args)
    source = resolve(script_args)
    tokenizer = load_tokenizer(model_args, training_args.trust_remote_code)
    pairs, held_out = load_rows(script_args, training_args, source, tokenizer)
    rows = with_ties(pairs, script_args, training_args, source, tokenizer)
    fit(training_args, model_args, tokenizer, rows, held_out, [source], TieTrainer, PAIRS_AND_TIES)
    leave()


def with_ties(
    pairs: Dataset,
    script_args: ScriptArguments,
    training_args: TieConfig,
    source: Source,
    tokenizer: PreTrainedTokenizerBase,
) -> Dataset:
    """The pairs, and behind them the dataset's ties; prints how many there are of each.

    Raises:
        TrainingError: when the dataset has no ties to train on.
    """
    split = script_args.dataset_train_split
    try:
        with training_args.main_process_first(desc="loading the ties"):
            found = load_splits(dataclasses.replace(script_args, dataset_config="ties"), source, "ties")[split]
            tied, report = fitting("ties", found, tokenizer, training_args.max_length)
    except TrainingError as error:
        raise TrainingError(f"no ties to train on: {error}. Leave out --ties to train on pairs alone") from error
    if training_args.process_index == 0:
        print(*filter(None, [report, f"{len(pairs)} pairs and {len(tied)} ties"]), sep="\n")
    names = dict(zip(COLUMNS["ties"], COLUMNS["preference"], strict=True))
    tied = tied.select_columns(list(names)).rename_columns(names)
    pairs = pairs.select_columns(COLUMNS["preference"])
    both = [rows.add_column("tie", [is_tie] * len(rows)) for rows, is_tie in ((pairs, False), (tied, True))]
    return concatenate_datasets(both)
