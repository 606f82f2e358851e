"""Prompts and data that ship beside the code that uses them, as Jinja and YAML files.

Text of seeds and models only ever enters a prompt as a value.
"""

from functools import cache
from importlib import resources
from typing import Any

import jinja2
import yaml

# The one written in C is many times faster; it reads the same.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _read(package: str, name: str) -> str:
    return (resources.files(package) / name).read_text(encoding="utf-8")


@cache
def read_yaml(package: str, name: str) -> Any:
    """Return the content of a YAML file in the folder of a package."""
    return yaml.load(_read(package, name), LOADER)


@cache
def _environment(package: str) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: _read(package, name)),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # prompts are plain text, and values are never parsed as templates
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.clear()  # no prompt uses them, and every rendering copies them
    return environment


def render(package: str, name: str, **values: object) -> str:
    """Return a template filled in, without surrounding white space.

    Args:
        package: the package whose folder holds the template.
        name: file name of the template.
        values: by the names that the template uses.

    Raises:
        jinja2.UndefinedError: the template uses a name that has no value.
    """
    return _environment(package).get_template(name).render(**values).strip()
