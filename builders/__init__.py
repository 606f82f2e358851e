"""The `datasets` builders by the names of their methods: columns, and how a finished chain becomes rows.

    find_builder("ecd")("preference", generation=generation).download_and_prepare()

A builder is imported on demand, since `datasets` takes a second to import.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ecd_data.builders.base import Builder

BUILDERS = {"ecd": "Ecd", "pad": "Pad", "rlcd": "Rlcd", "spar": "Spar", "strength": "Strength"}


def find_builder(name: str) -> type[Builder]:
    """Return the builder class of a method."""
    builder: type[Builder] = getattr(import_module(f"ecd_data.builders.{name}"), BUILDERS[name])
    return builder
