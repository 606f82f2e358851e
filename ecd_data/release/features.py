"""The fields that `load_dataset` gives for each config, as its card says, and changes of them that break readers."""

from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from datasets.info import DatasetInfosDict
from huggingface_hub import DatasetCardData
from huggingface_hub.repocard import REGEX_YAML_BLOCK

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # in C where PyYAML was built with it: ten times as fast


def card_fields(card: str) -> dict[str, dict[str, str]]:
    """Return the types of the fields of each config of a card: `{"sft": {"prompt[].role": "string", ...}, ...}`.

    The result is empty if the card has no such metadata.
    """
    block = REGEX_YAML_BLOCK.search(card)
    try:
        metadata = yaml.load(block[2], LOADER) if block else None
        infos = DatasetInfosDict.from_dataset_card_data(DatasetCardData(**metadata)) if metadata else {}
    except (yaml.YAMLError, ValueError, TypeError, KeyError, AttributeError):  # a card that somebody wrote
        return {}
    return {name: dict(_fields(info.features, "")) for name, info in infos.items() if info.features}


def field_changes(old: Mapping[str, Mapping[str, str]], new: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """Yield what changed in the configs that both have: `+` a new field, `-` one that is gone, `~` one of a new type.

    A config without rows is in no card, so one that is missing says nothing about the schema.
    """
    for config in sorted(old.keys() & new.keys()):
        before, after = old[config], new[config]
        for field in sorted(before.keys() | after.keys()):
            if field not in before:
                yield f"+ {config}: {field} ({after[field]})"
            elif field not in after:
                yield f"- {config}: {field} ({before[field]})"
            elif before[field] != after[field]:
                yield f"~ {config}: {field} ({before[field]} -> {after[field]})"


def breaks(change: str) -> bool:
    """Return whether a line of `field_changes` breaks those who read the field; a new field breaks nobody."""
    return not change.startswith("+")


def _fields(feature: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(feature, Mapping):
        for key, value in feature.items():
            yield from _fields(value, f"{name}.{key}" if name else key)
    elif hasattr(feature, "feature"):
        yield from _fields(feature.feature, f"{name}[]")
    else:
        yield name, getattr(feature, "dtype", None) or repr(feature)
