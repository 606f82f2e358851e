"""The model card of a training: which data, which settings, and what they did to the metrics.

Every value is data to the template `cards/model.md.jinja`, and a YAML library writes the front matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from importlib import metadata, resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from huggingface_hub import ModelCard, ModelCardData, constants

from ecd_data.methods import METHODS

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import Trainer, TrainingArguments
    from trl import ModelConfig

    from ecd_data.trainers.common.data import Source

# All settings that shape the weights; a list of names, so that no path and no token gets into a card.
SETTINGS = """
    loss_type loss_weights beta label_smoothing f_divergence_type ld_alpha use_weighting
    learning_rate lr_scheduler_type warmup_steps num_train_epochs max_steps optim weight_decay max_grad_norm
    per_device_train_batch_size gradient_accumulation_steps activation_checkpointing max_length
    precompute_ref_log_probs seed dtype bf16 fp16 attn_implementation use_peft
""".split()  # noqa: SIM905
LORA_SETTINGS = ["lora_r", "lora_alpha", "lora_dropout", "lora_target_modules", "use_rslora", "use_dora"]


@dataclass(frozen=True)
class DataKind:
    """A kind of training data, as a card describes it.

    Args:
        rows: Plural of what a row is.
        data: What the dataset is, after "trained on".
        metrics: Names of the metrics to show before and after.
        metrics_explained: Their definitions and units.
        meaning: What they measure.
    """

    rows: str
    data: str
    metrics: tuple[str, ...]
    metrics_explained: str
    meaning: str


PAIRS = DataKind(
    rows="pairs",
    data="verified preference pairs that were made by Evolutionary Contrastive Distillation (ECD): in each pair the "
    "chosen answer meets every requirement of the instruction, and the rejected one just misses",
    metrics=("loss", "rewards/accuracies", "rewards/margins", "logps/chosen", "logps/rejected"),
    metrics_explained="A reward is beta times the log-ratio of the trained model to the base model, so rewards are "
    "zero before; log-probabilities are sums over the answer's tokens, in nats.",
    meaning="These say how well the model tells chosen from rejected answers of this dataset.",
)
ANSWERS = DataKind(
    rows="answers",
    data="verified answers that were made by Evolutionary Contrastive Distillation (ECD): each meets every "
    "requirement of its instruction",
    metrics=("loss", "mean_token_accuracy", "entropy"),
    metrics_explained="The loss is the mean negative log-probability of an answer's token and the entropy that of "
    "the model's distribution, in nats; token accuracy is the share of tokens that the model ranks first.",
    meaning="These say how well the model predicts the answers of this dataset.",
)
# The trainers' names, in words.
TITLES = {
    "DPO": "direct preference optimisation (DPO)",
    "SFT": "supervised fine-tuning (SFT)",
    "SLiC": "sequence likelihood calibration (SLiC)",
    "Curriculum": "direct preference optimisation (DPO) from easy to hard pairs",
    "Mixture": "direct preference optimisation (DPO) with AutoMixAlign's weights",
    "PAD": "preference-aligned distillation (PAD)",
}


def model_card(trainer: Trainer, model_args: ModelConfig, sources: Sequence[Source], kind: DataKind) -> ModelCard:
    """Return the card of the model that `trainer` has trained so far on the datasets `sources`."""
    args, log, builders = trainer.args, trainer.state.log_history, builders_of(trainer.train_dataset)
    papers = [(METHODS[name].title, METHODS[name].arxiv) for name in builders]
    if builders != ["ecd"]:
        kind = replace(kind, data=f"{kind.rows} that were made by {' and '.join(title for title, _ in papers)}")
    base = model_args.model_name_or_path
    local_base = Path(base).is_dir()  # the Hub takes ids only, and a path is nobody's business
    data = ModelCardData(
        base_model=None if local_base else base,
        datasets=[source.name for source in sources if source.on_hub] or None,
        library_name="peft" if model_args.use_peft else "transformers",
        tags=[*dict.fromkeys([*trainer._tag_names, *builders])],
    )
    return ModelCard.from_template(
        data,
        template_str=(resources.files("ecd_data.cards") / "model.md.jinja").read_text(encoding="utf-8"),
        name=Path(args.hub_model_id or args.output_dir).name,
        base=Path(base).resolve().name if local_base else base,
        base_revision=getattr(trainer.model.config, "_commit_hash", None),  # absent when it came from a folder
        sources=sources,
        script=f"{trainer._name.lower()}.py",
        method=TITLES.get(trainer._name, trainer._name),
        paper=trainer._paper,
        papers=papers,
        kind=kind,
        data_flags=data_flags(sources),
        hub=constants.ENDPOINT,
        rows=len(trainer.train_dataset),
        steps=trainer.state.global_step,
        batch=args.train_batch_size * args.gradient_accumulation_steps * args.world_size,
        train_loss=next((entry["train_loss"] for entry in reversed(log) if "train_loss" in entry), None),
        metrics=compare_evaluations(log, kind.metrics),
        recipe=yaml.safe_dump(settings(args, model_args), sort_keys=False),
        versions={name: metadata.version(name) for name in ("trl", "transformers", "torch", "datasets")},
    )


def builders_of(rows: Dataset) -> list[str]:
    """Return the names of the builders that made the rows; the operations of all but ECD begin with the name."""
    operations = rows.unique("operation") if "operation" in rows.column_names else []
    return sorted({operation.partition("/")[0] for operation in operations} & METHODS.keys()) or ["ecd"]


def compare_evaluations(log: Iterable[Mapping[str, float]], metrics: Sequence[str]) -> list[tuple[str, float, float]]:
    """Return each metric's name and its values in the first and in the last evaluation of a trainer's log."""
    evaluations = [entry for entry in log if "eval_loss" in entry]
    if not evaluations:
        return []
    return [(name, evaluations[0][f"eval_{name}"], evaluations[-1][f"eval_{name}"]) for name in metrics]


def settings(training_args: TrainingArguments, model_args: ModelConfig) -> dict[str, Any]:
    """Return the settings that shape the weights, as plain data for YAML."""
    values = {**vars(model_args), **training_args.to_dict()}
    names = [*SETTINGS, *own_settings(training_args), *(LORA_SETTINGS if model_args.use_peft else [])]
    return {name: values[name] for name in names if values.get(name) is not None}


def own_settings(training_args: TrainingArguments) -> list[str]:
    """Return the names of the settings that one of our trainers adds to TRL's."""
    config = type(training_args)
    if config.__module__.startswith("trl."):
        return []
    inherited = {field.name for base in config.__bases__ for field in fields(base)}
    return [field.name for field in fields(config) if field.name not in inherited]


def data_flags(sources: Sequence[Source]) -> str:
    """Return the flags that name exactly these datasets again."""
    several = len(sources) > 1
    flags = ["--mixture" if several else "--dataset_name", *(source.name for source in sources)]
    if all(source.on_hub for source in sources):
        revisions = [source.revision for source in sources]
        flags += ["--mixture_revisions" if several else "--dataset_revision", *revisions]
    return " ".join(flags)
