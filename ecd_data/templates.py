"""Prompts are Jinja files beside the code that uses them; seed and model text only ever enters as a value."""

from __future__ import annotations

from functools import cache
from importlib import resources

import jinja2

from ecd_data.canonical import canonical_json, sha256

PACKAGES = ("ecd_data.method.prompts", "ecd_data.requirements", "builders")


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


@cache
def _template(package: str, name: str) -> jinja2.Template:
    return _environment(package).get_template(name)


def render(package: str, name: str, **values: object) -> str:
    """The template `name` of `package`, filled in and stripped."""
    return _template(package, name).render(**values).strip()


@cache
def prompts_hash() -> str:
    """SHA-256 over every prompt file: a build states which prompts made it."""
    files = (entry for package in PACKAGES for entry in resources.files(package).iterdir())
    return sha256(
        canonical_json({f.name: f.read_text("utf-8") for f in files if f.name.endswith((".jinja", ".yaml"))})
    )
