"""The operations as YAML: an entry for each in the file of its class, and what they share in `patterns.yaml`."""

from functools import cache
from importlib import resources
from typing import Any

import yaml

# The one written in C is many times faster; it reads the same.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_text(name: str) -> str:
    """Return the text of a file of this package by its name without `.yaml`."""
    return (resources.files(__name__) / f"{name}.yaml").read_text(encoding="utf-8")


@cache
def patterns() -> dict[str, dict[str, Any]]:
    """Return what operations share: regular expressions of `tasks` and of `phrases`, and `groups` of families."""
    shared: dict[str, dict[str, Any]] = yaml.load(read_text("patterns"), LOADER)
    return shared
