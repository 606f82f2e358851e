"""PAD: a student learns the whole preference distribution of a teacher over a few answers, not just the best of two.

    accelerate launch trainers/pad.py --dataset_name org/ranked --model_name_or_path STUDENT --output_dir out

The builder `pad` makes one. A row has 2 to 4 answers to a prompt and the teacher's probability of preferring each:

    {"id": "a1", "prompt": [{"role": "user", "content": "Name a fruit."}],
     "responses": [[{"role": "assistant", "content": "Pear."}], [{"role": "assistant", "content": "A fruit is ..."}]],
     "preference": [0.8, 0.2], "model": "student-2b", "teacher": "teacher-9b"}

Flags are those of trainers/dpo.py, and `--ranking`; the learning rate of the paper's runs is 8e-7.

Certain (Gu et al., arXiv 2502.14272, and its released code): the student's reward is the log-probability per token, no
reference model is needed, rewards of both are scaled by beta = 10, Plackett-Luce makes a distribution over the n!
rankings of each, and the loss is the Jensen-Shannon divergence of the two; `--ranking hard` is its variant on the
likelihood of the teacher's one ranking. Ours: the teacher's reward is the logarithm of `preference`, which is what
the released settings come to, and the divergence is 0.5 KL(teacher || m) + 0.5 KL(student || m), with m the mean of
the two, row by row; the released code has the arguments of its KL the other way round.
"""

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import permutations
from typing import Annotated, Any, ClassVar, Literal

import msgspec
import torch
from datasets import Dataset
from msgspec import Meta
from transformers import PreTrainedTokenizerBase
from trl import DPOConfig, ModelConfig
from trl.data_utils import common_prefix_length
from trl.trainer.dpo_trainer import DataCollatorForPreference

from ecd_data.trainers.common.arguments import ScriptArguments, TrainingError
from ecd_data.trainers.common.card import DataKind
from ecd_data.trainers.common.losses import CustomLossTrainer
from ecd_data.trainers.common.script import run_script
from ecd_data.trainers.common.trainer import train

RANKINGS = DataKind(
    rows="rankings",
    data="answers with a teacher's preference distribution over them",
    metrics=("loss", "rewards/accuracies", "rewards/margins", "logps/chosen", "logps/rejected"),
    metrics_explained="Chosen and rejected are the answers that the teacher prefers most and least; a reward is beta "
    "times the mean log-probability of an answer's tokens; log-probabilities are sums over them, in nats.",
    meaning="These say how well the model ranks answers as the teacher does.",
)


Text = Annotated[str, Meta(pattern=r"\S")]


class Message(msgspec.Struct):
    """A message of a prompt."""

    role: Literal["system", "user", "assistant"]
    content: Text


class Answer(msgspec.Struct):
    """An answer's only message."""

    role: Literal["assistant"]
    content: Text


class Ranking(msgspec.Struct):
    """A row to train on, which may have other columns beside these."""

    id: Text
    prompt: Annotated[list[Message], Meta(min_length=1)]
    responses: Annotated[
        list[Annotated[list[Answer], Meta(min_length=1, max_length=1)]], Meta(min_length=2, max_length=4)
    ]
    preference: Annotated[list[Annotated[float, Meta(gt=0, lt=1)]], Meta(min_length=2, max_length=4)]
    model: Text
    teacher: Text


@dataclass
class PadConfig(DPOConfig):
    """TRL's settings, and those of PAD."""

    beta: float = field(default=10.0, metadata={"help": "Scale of the student's and of the teacher's rewards."})
    ranking: Literal["soft", "hard"] = field(
        default="soft",
        metadata={"help": "Learn the teacher's distribution over all rankings, or its most likely ranking alone."},
    )


@dataclass
class RankingCollator(DataCollatorForPreference):
    """TRL's collator for rows of several answers, one after the other; `counts` says how many each row has."""

    def torch_call(self, examples: list[dict[str, Any]]) -> dict[str, Any]:
        answers = [{**row, "chosen_ids": ids, "rejected_ids": []} for row in examples for ids in row["response_ids"]]
        batch = {name: sides.chunk(2)[0] for name, sides in super().torch_call(answers).items()}  # chosen sides alone
        batch["counts"] = torch.tensor([len(row["response_ids"]) for row in examples])
        batch["preference"] = torch.tensor([share for row in examples for share in row["preference"]])
        return batch


class PadTrainer(CustomLossTrainer):
    """TRL's trainer with rankings in place of pairs, and the losses of PAD."""

    _name = "PAD"
    _tag_names: ClassVar = ["trl", "pad"]
    _paper: ClassVar = {
        "title": "Capturing Nuanced Preferences: Preference-Aligned Distillation for Small Language Models",
        "id": "2502.14272",
    }

    uses_reference = False

    def __init__(self, *, args: PadConfig, **others: Any) -> None:
        args.remove_unused_columns = False
        super().__init__(args=args, **others)
        self.data_collator = RankingCollator(**vars(self.data_collator))

    def row_losses(self, model: torch.nn.Module, inputs: dict[str, torch.Tensor], logps: torch.Tensor) -> torch.Tensor:
        sums, counts = logps.sum(dim=1), inputs["counts"].tolist()
        students = self.beta * sums / inputs["completion_mask"][:, 1:].sum(dim=1)
        teachers = self.beta * inputs["preference"].log()
        rows = list(zip(students.split(counts), teachers.split(counts), sums.split(counts), strict=True))
        best = [teacher.argmax() for _, teacher, _ in rows]
        worst = [teacher.argmin() for _, teacher, _ in rows]
        self.record(
            rewards__accuracies=torch.stack([s.argmax() == b for (s, _, _), b in zip(rows, best, strict=True)]),
            rewards__margins=torch.stack([s[b] - s[w] for (s, _, _), b, w in zip(rows, best, worst, strict=True)]),
            logps__chosen=torch.stack([p[b] for (_, _, p), b in zip(rows, best, strict=True)]),
            logps__rejected=torch.stack([p[w] for (_, _, p), w in zip(rows, worst, strict=True)]),
        )
        loss = soft_ranking_loss if self.args.ranking == "soft" else hard_ranking_loss
        return torch.stack([loss(student, teacher) for student, teacher, _ in rows])

    def _prepare_dataset(
        self, dataset: Dataset, processing_class: PreTrainedTokenizerBase, args: PadConfig, dataset_name: str
    ) -> Dataset:
        # Private, since TRL tokenises a chosen and a rejected answer, and these rows have more.
        def encode(row: dict[str, Any]) -> dict[str, Any]:
            check_ranking(row)
            return tokenize_ranking(row, processing_class)

        return dataset.map(encode, num_proc=args.dataset_num_proc, desc=f"Tokenizing {dataset_name} dataset")


def soft_ranking_loss(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """Return the Jensen-Shannon divergence (nats) of two distributions over rankings, by the rewards of n answers."""
    logs = ranking_logps(student), ranking_logps(teacher)
    mean = torch.logsumexp(torch.stack(logs), dim=0) - math.log(2)
    return 0.5 * sum((log.exp() * (log - mean)).sum() for log in logs)


def hard_ranking_loss(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """Return -log p(the student ranks the answers as the teacher does), in nats; ties in row order."""
    return -plackett_luce(student[teacher.argsort(descending=True, stable=True)].unsqueeze(0)).squeeze(0)


def ranking_logps(rewards: torch.Tensor) -> torch.Tensor:
    """Return the log-probability of each of the n! rankings of n answers, in the order of `itertools.permutations`."""
    return plackett_luce(rewards[torch.tensor([*permutations(range(len(rewards)))])])


def plackett_luce(ranked: torch.Tensor) -> torch.Tensor:
    """Return the log-probability of rankings, from the rewards in ranked order, (rankings, n) to (rankings,).

    Of the answers that are left, each comes next with a probability proportional to the exponential of its reward.
    """
    left = ranked.flip(-1).logcumsumexp(-1).flip(-1)
    return (ranked - left).sum(-1)


def check_ranking(row: Mapping[str, Any]) -> None:
    """Raise unless the row is valid and its preference is a distribution over its answers.

    Raises:
        TrainingError: It is not.
    """
    try:
        msgspec.convert(row, Ranking)
    except msgspec.ValidationError as error:
        raise TrainingError(
            f"ranking row {row['id']!r}: {error}: see the row in the docstring of trainers/pad.py"
        ) from error
    preference, answers = row["preference"], row["responses"]
    if len(preference) != len(answers) or abs(sum(preference) - 1) > 1e-3:
        raise TrainingError(
            f"row {row['id']!r}: preference {preference} must have a share for each of {len(answers)} responses and "
            "sum to 1"
        )


def tokenize_ranking(row: Mapping[str, Any], tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
    """Return the tokens of the prompt and of each answer; an answer begins where the prompt's tokens end."""

    def encode(messages: list[dict[str, str]], **options: bool) -> list[int]:
        return tokenizer.apply_chat_template(messages, return_dict=True, **options)["input_ids"]

    prompt = encode(row["prompt"], add_generation_prompt=True)
    whole = [encode(row["prompt"] + answer) for answer in row["responses"]]
    shared = min(common_prefix_length(prompt, ids) for ids in whole)
    return {"prompt_ids": prompt[:shared], "response_ids": [ids[shared:] for ids in whole]}


def main(script_args: ScriptArguments, training_args: PadConfig, model_args: ModelConfig) -> None:
    """Train a model, evaluate it before and after, and save it with its card."""
    train(PadTrainer, script_args, training_args, model_args, "ranking", RANKINGS)


if __name__ == "__main__":
    sys.exit(run_script(main))
