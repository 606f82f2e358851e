"""The builders by name: each makes preference data by a method of its own, told in its own file `builders/<name>.py`.

    find("ecd").run(seed, plan)

A builder is imported when it is asked for, so that the layers below (a recipe, a plan, a generation) can go by a name
without knowing any.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from builders.base import Builder

BUILDERS = {"ecd": "Ecd", "pad": "Pad", "rlcd": "Rlcd", "spar": "Spar", "strength": "Strength"}


def find(name: str) -> type[Builder]:
    """The builder of that name."""
    builder: type[Builder] = getattr(import_module(f"builders.{name}"), BUILDERS[name])
    return builder
