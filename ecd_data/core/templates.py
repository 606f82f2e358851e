"""Prompts from Jinja files beside the code that uses them; text of seeds and models only ever enters as a value."""

from functools import cache
from importlib import resources

import jinja2


@cache
def _environment(package: str) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: (resources.files(package) / name).read_text(encoding="utf-8")),
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
