"""The dataset card: YAML that the Hub and `load_dataset` read, and a text whose numbers are the manifest's."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from importlib import resources
from itertools import islice
from pathlib import Path
from typing import Any

import jinja2
from datasets.info import DatasetInfosDict
from datasets.utils.metadata import MetadataConfigs
from huggingface_hub import DatasetCardData

from ecd_data.artifact.funnel import STAGES
from ecd_data.artifact.tables import data_files, read_rows
from ecd_data.errors import BuildError
from ecd_data.requirements.calibration import table as calibration_table

EXAMPLES = 2
LOOKED_AT = 200  # pairs, to choose the examples from
WHAT = {
    "preference": "the pairs (default)",
    "sft": "every accepted turn as prompt and completion",
    "chains": "a whole chain a row, with all candidates",
    "rejects": "the rounds that gave no pair, with the reason",
}
SIZES = [
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
]


def write_card(build: Path, manifest: Mapping[str, Any], infos: Mapping[str, Any]) -> None:
    """Writes `README.md` into a build; for arguments and errors see `card_text`."""
    (build / "README.md").write_text(card_text(build, manifest, infos), encoding="utf-8")


def card_text(build: Path, manifest: Mapping[str, Any], infos: Mapping[str, Any]) -> str:
    """The card of a build.

    Args:
        build: with its data in place.
        manifest: as `make_manifest` gives it.
        infos: the `DatasetInfo` of each config, with features and split sizes.

    Raises:
        BuildError: there is no pair to show.
    """
    examples = _examples(build)
    if not examples:
        reasons = ", ".join(f"{n} x {reason}" for reason, n in manifest["counts"]["rejects"].items())
        raise BuildError(
            f"no pair came out of {manifest['counts']['rounds']} rounds ({reasons}). Try more seeds or rounds, more "
            "candidates in the recipe's routes, or a more capable model; the responses so far are stored."
        )
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False, trim_blocks=True)
    environment.filters.update(md=markdown, fenced=fenced)
    template = environment.from_string((resources.files("cards") / "dataset.md.jinja").read_text(encoding="utf-8"))
    counts = manifest["counts"]
    return template.render(
        yaml=_metadata(manifest, infos).to_yaml(),
        manifest=manifest,
        counts=counts,
        recipe=manifest["recipe"],
        max_missed=manifest["recipe"]["max_missed"],
        model=_model_name(manifest["model"]),
        judge=_model_name(manifest["judge"]["model"]) if manifest["judge"] else "",
        calibration=calibration_table(manifest["judge"]["calibration"]) if manifest["judge"] else "",
        examples=examples,
        configs=[
            {"name": name, "what": WHAT[name], "splits": {split: info["rows"] for split, info in splits.items()}}
            for name, splits in manifest["configs"].items()
            if splits
        ],
        funnel=manifest["funnel"],
        stages=STAGES,
    )


def _model_name(model: Mapping[str, str]) -> str:
    return f"{model['id']}, revision {model['revision']}" if model["revision"] else model["id"]


def _metadata(manifest: Mapping[str, Any], infos: Mapping[str, Any]) -> DatasetCardData:
    recipe, pairs = manifest["recipe"], manifest["counts"]["pairs"]
    hub_sources = [source for source in manifest["seeds"]["sources"] if "/" in source]
    card = DatasetCardData(
        language=[recipe["language"]],
        license=recipe["license"] or None,
        task_categories=["text-generation"],
        tags=["preference", "dpo", "instruction-following", "synthetic", "trl", "ecd"],
        size_categories=[next((name for limit, name in SIZES if pairs < limit), "n>10M")],
        source_datasets=hub_sources or None,
        pretty_name="Verified preference pairs for complex instruction following",
    )
    present = {name: splits for name, splits in manifest["configs"].items() if splits}
    DatasetInfosDict({name: infos[name] for name in present}).to_dataset_card_data(card)
    MetadataConfigs(
        {
            name: {
                "data_files": [{"split": split, "path": f"data/{name}/{split}-*"} for split in splits],
                **({"default": True} if name == "preference" else {}),
            }
            for name, splits in present.items()
        }
    ).to_dataset_card_data(card)
    return card


def _examples(build: Path) -> list[dict[str, str]]:
    """The first pairs of different operations, those of the model's own making before repaired ones."""
    files = data_files(build, "preference")
    every = (row for split in ("train", *files) for row in read_rows(files.get(split, [])))
    rows = sorted(islice(every, LOOKED_AT), key=lambda row: row["adapted_by"] in ("guided", "repair"))
    chosen: dict[str, dict[str, str]] = {}
    for row in rows:
        if row["operation"] not in chosen and len(chosen) < EXAMPLES:
            missed = zip(row["requirements"], row["rejected_met"], strict=True)
            chosen[row["operation"]] = {
                "operation": row["operation"],
                "adapted_by": row["adapted_by"],
                "prompt": row["prompt"][-1]["content"],
                "chosen": row["chosen"][0]["content"],
                "rejected": row["rejected"][0]["content"],
                "missed": " ".join(requirement["text"] for requirement, met in missed if not met),
            }
    return list(chosen.values())


def markdown(text: object) -> str:
    """Text as one line of Markdown that shows it as it is: nothing in it acts as Markdown, HTML or a table edge."""
    line = " ".join(str(text).split())
    return re.sub(r"([\\`*_{}\[\]()#+!|~])", r"\\\1", html.escape(line, quote=False))


def fenced(text: str) -> str:
    """Text as a code block whose fence is longer than any run of backticks in it."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"
