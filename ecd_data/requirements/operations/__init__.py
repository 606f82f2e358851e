"""The operations as YAML: an entry for each in the file of its class, and what they share in `patterns.yaml`."""

from typing import Any

from ecd_data.core.templates import read_yaml


def read(name: str) -> Any:
    """Return the content of a file of this package by its name without `.yaml`."""
    return read_yaml(__name__, f"{name}.yaml")


def patterns() -> dict[str, dict[str, Any]]:
    """Return what operations share: regular expressions of `tasks` and of `phrases`, and `groups` of families."""
    return dict(read("patterns"))
