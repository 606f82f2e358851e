"""The dataset card: YAML that the Hub and `load_dataset` read, and text with the numbers of the manifest."""

import re
from collections.abc import Iterable, Mapping
from importlib import resources
from itertools import islice
from pathlib import Path
from typing import Any

import jinja2
from datasets.info import DatasetInfosDict
from datasets.utils.metadata import MetadataConfigs
from huggingface_hub import DatasetCardData

from ecd_data.artifact.manifest import CARD
from ecd_data.artifact.parquet import data_files, read_rows
from ecd_data.artifact.schema import description
from ecd_data.core.errors import BuildError
from ecd_data.core.recipe import recipe_from_dict
from ecd_data.core.request import JUDGE
from ecd_data.core.text import code_span, html_text
from ecd_data.core.word_diff import Part, differences
from ecd_data.methods import METHODS, options_of
from ecd_data.methods.method import Method
from ecd_data.requirements.calibration import table as calibration_table

REPOSITORY = "ORG/NAME"  # a placeholder: a build does not know where it will be published
EXAMPLES = 2
EXAMPLES_FROM = 200  # pairs
EASY_LENGTH = 1500  # characters of an example that can be read at a glance
EASY_SIMILARITY = 0.6  # from which on one sees what differs
SIZE_CATEGORIES = [
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
]


def write_card(build: Path, manifest: Mapping[str, Any], infos: Mapping[str, Any]) -> None:
    """Write the card into a build; for arguments and errors see `card_text`."""
    (build / CARD).write_text(card_text(build, manifest, infos), encoding="utf-8")


def card_text(build: Path, manifest: Mapping[str, Any], infos: Mapping[str, Any]) -> str:
    """Return the card of a build.

    Args:
        build: the directory, with its data in place.
        manifest: the whole manifest, with `configs` and `files`.
        infos: the `DatasetInfo` of each config, with features and split sizes.

    Raises:
        BuildError: the build has no pair.
    """
    method, examples = METHODS[manifest["recipe"]["builder"]], _examples(build)
    if not examples:
        reasons = ", ".join(f"{n} x {reason}" for reason, n in manifest["counts"]["rejects"].items())
        more = "more candidates in the recipe's routes" if method.evolves else "other options in the recipe"
        raise BuildError(
            f"no pair came out of {manifest['counts']['rounds']} rounds ({reasons}). Try more seeds or rounds, "
            f"{more}, or a more capable model; the responses so far are stored."
        )
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(
            lambda name: (resources.files("ecd_data.cards") / name).read_text(encoding="utf-8")
        ),
        undefined=jinja2.StrictUndefined,
        autoescape=False,
        trim_blocks=True,
    )
    environment.filters.update(code=code_span, html=html_text, marked=_marked)
    template = environment.get_template(f"{method.name}.md.jinja")
    title = "".join(template.blocks["title"](template.new_context()))
    return template.render(
        yaml=_metadata(manifest, infos, title, method).to_yaml(),
        manifest=manifest,
        counts=manifest["counts"],
        recipe=manifest["recipe"],
        options=options_of(recipe_from_dict(manifest["recipe"])),
        default=method.default_config,
        kind="class" if method.evolves else "contrast",
        seeds=manifest["seeds"],
        requirements=manifest["distributions"]["requirements"],
        repository=REPOSITORY,
        figures=[path.removeprefix("figures/") for path in manifest["files"] if path.startswith("figures/")],
        model=manifest["model"],
        models=_models(manifest),
        judge=manifest["judge"] and manifest["judge"]["model"],
        calibration=calibration_table(manifest["judge"]["calibration"]) if manifest["judge"] else "",
        examples=examples,
        configs=[
            {"name": name, "what": description(name, method.name), "splits": splits}
            for name, splits in _row_counts(manifest).items()
        ],
        funnel=manifest["funnel"],
        stages=method.stages,
    )


def _models(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the models that wrote the answers, by name where there are several; a judge is described elsewhere."""
    return {name: model for name, model in manifest["models"].items() if name != JUDGE} or {"": manifest["model"]}


def _metadata(manifest: Mapping[str, Any], infos: Mapping[str, Any], title: str, method: Method) -> DatasetCardData:
    recipe, pairs = manifest["recipe"], manifest["counts"]["pairs"]
    hub_sources = [re.split("[@:]", source)[0] for source in manifest["seeds"]["sources"] if "/" in source]
    card = DatasetCardData(
        language=[recipe["language"]],
        license=recipe["license"] or None,
        task_categories=["text-generation"],
        tags=["preference", "dpo", "instruction-following", "synthetic", "trl", recipe["builder"]],
        size_categories=[next((name for limit, name in SIZE_CATEGORIES if pairs < limit), "n>10M")],
        annotations_creators=["machine-generated"],
        language_creators=["machine-generated"],
        source_datasets=hub_sources or ["original"],
        pretty_name=title,
    )
    rows = _row_counts(manifest)
    for name in rows:
        sizes = (file["size"] for path, file in manifest["files"].items() if path.startswith(f"data/{name}/"))
        infos[name].download_size = sum(sizes)
    DatasetInfosDict({name: infos[name] for name in rows}).to_dataset_card_data(card)
    MetadataConfigs(
        {
            name: {
                "data_files": [{"split": split, "path": f"data/{name}/{split}-*"} for split in splits],
                **({"default": True} if name == method.default_config else {}),
            }
            for name, splits in rows.items()
        }
    ).to_dataset_card_data(card)
    return card


def _row_counts(manifest: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """Return the rows of each config that has any, by split, in the recipe's order: a viewer shows the first first."""
    rows = {
        config: {split: splits[split]["rows"] for split in manifest["recipe"]["splits"] if split in splits}
        for config, splits in manifest["configs"].items()
    }
    return {config: splits for config, splits in rows.items() if splits}


def _examples(build: Path) -> list[dict[str, Any]]:
    """Return pairs of different operations: those by the model before those by code, easy ones to read first."""
    files = data_files(build, "preference")
    pairs = (row for split in ("train", *files) for row in read_rows(files.get(split, [])))
    examples: dict[str, dict[str, Any]] = {}
    for row in sorted(islice(pairs, EXAMPLES_FROM), key=_difficulty):
        if row["operation"] not in examples and len(examples) < EXAMPLES:
            rejected, chosen = differences(row["rejected"][0]["content"], row["chosen"][0]["content"])
            examples[row["operation"]] = {
                **{name: row[name] for name in ("operation", "adapted_by", "similarity")},
                "prompt": row["prompt"][-1]["content"],
                "chosen": chosen,
                "rejected": rejected,
                "missed": [
                    requirement["text"]
                    for requirement, met in zip(row["requirements"], row["rejected_met"], strict=True)
                    if not met
                ],
            }
    return list(examples.values())


def _difficulty(row: Mapping[str, Any]) -> tuple[bool, bool, bool]:
    """Return what speaks against a pair as an example, the most important first."""
    length = sum(len(row[side][0]["content"]) for side in ("prompt", "chosen", "rejected"))
    return row["adapted_by"] in ("guided", "repair"), length > EASY_LENGTH, row["similarity"] < EASY_SIMILARITY


def _marked(parts: Iterable[Part]) -> str:
    """Return a text as HTML, with the parts that the other text lacks in bold."""
    return "".join(f"<b>{html_text(part.text)}</b>" if part.differs else html_text(part.text) for part in parts)
