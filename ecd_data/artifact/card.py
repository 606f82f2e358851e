"""The dataset card: YAML that the Hub and `load_dataset` read, and a text whose numbers are the manifest's."""

from __future__ import annotations

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

from ecd_data.artifact.parquet import data_files, read_rows
from ecd_data.artifact.schema import description
from ecd_data.core.errors import BuildError
from ecd_data.core.recipe import recipe_from_dict
from ecd_data.core.request import JUDGE
from ecd_data.core.text import code_span, html_text
from ecd_data.core.word_diff import Part, differences
from ecd_data.methods import METHODS, options_of
from ecd_data.requirements.calibration import table as calibration_table

EXAMPLES = 2
REPOSITORY = "ORG/NAME"  # stands in the card of a build, which does not know where it will be published
LOOKED_AT = 200  # pairs, to choose the examples from
SHORT = 1500  # characters of an example that is read at a glance
ALIKE = 0.6  # similarity from which on one sees what differs
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
        yaml=_metadata(manifest, infos, title).to_yaml(),
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
            for name, splits in _rows(manifest).items()
        ],
        funnel=manifest["funnel"],
        stages=method.stages,
    )


def _models(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Who wrote the answers, by name where several did; a judge of its own has a paragraph of its own."""
    named = {name: model for name, model in manifest["models"].items() if name != JUDGE}
    return named or {"": manifest["model"]}


def _metadata(manifest: Mapping[str, Any], infos: Mapping[str, Any], title: str) -> DatasetCardData:
    recipe, pairs = manifest["recipe"], manifest["counts"]["pairs"]
    hub_sources = [re.split("[@:]", source)[0] for source in manifest["seeds"]["sources"] if "/" in source]
    card = DatasetCardData(
        language=[recipe["language"]],
        license=recipe["license"] or None,
        task_categories=["text-generation"],
        tags=["preference", "dpo", "instruction-following", "synthetic", "trl", recipe["builder"]],
        size_categories=[next((name for limit, name in SIZES if pairs < limit), "n>10M")],
        annotations_creators=["machine-generated"],
        language_creators=["machine-generated"],
        source_datasets=hub_sources or ["original"],
        pretty_name=title,
    )
    present = _rows(manifest)
    for name in present:
        sizes = (file["size"] for path, file in manifest["files"].items() if path.startswith(f"data/{name}/"))
        infos[name].download_size = sum(sizes)
    DatasetInfosDict({name: infos[name] for name in present}).to_dataset_card_data(card)
    MetadataConfigs(
        {
            name: {
                "data_files": [{"split": split, "path": f"data/{name}/{split}-*"} for split in splits],
                **({"default": True} if name == METHODS[recipe["builder"]].default_config else {}),
            }
            for name, splits in present.items()
        }
    ).to_dataset_card_data(card)
    return card


def _rows(manifest: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """The rows of each config that has any, by split, in the recipe's order: a viewer shows the first one first."""
    rows = {
        config: {split: splits[split]["rows"] for split in manifest["recipe"]["splits"] if split in splits}
        for config, splits in manifest["configs"].items()
    }
    return {config: splits for config, splits in rows.items() if splits}


def _examples(build: Path) -> list[dict[str, Any]]:
    """The first pairs of different operations: the model's own before those by code, then short and alike ones."""
    files = data_files(build, "preference")
    every = (row for split in ("train", *files) for row in read_rows(files.get(split, [])))
    chosen: dict[str, dict[str, Any]] = {}
    for row in sorted(islice(every, LOOKED_AT), key=_hard_to_show):
        if row["operation"] not in chosen and len(chosen) < EXAMPLES:
            rejected, accepted = differences(row["rejected"][0]["content"], row["chosen"][0]["content"])
            chosen[row["operation"]] = {
                **{name: row[name] for name in ("operation", "adapted_by", "similarity")},
                "prompt": row["prompt"][-1]["content"],
                "chosen": accepted,
                "rejected": rejected,
                "missed": [
                    requirement["text"]
                    for requirement, met in zip(row["requirements"], row["rejected_met"], strict=True)
                    if not met
                ],
            }
    return list(chosen.values())


def _hard_to_show(row: Mapping[str, Any]) -> tuple[bool, bool, bool]:
    length = sum(len(row[side][0]["content"]) for side in ("prompt", "chosen", "rejected"))
    return row["adapted_by"] in ("guided", "repair"), length > SHORT, row["similarity"] < ALIKE


def _marked(parts: Iterable[Part]) -> str:
    """Parts of a text as HTML, those that the other text lacks in bold."""
    return "".join(f"<b>{html_text(part.text)}</b>" if part.differs else html_text(part.text) for part in parts)
