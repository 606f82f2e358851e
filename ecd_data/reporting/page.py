"""Render a report as one HTML file with one script and one style sheet, which loads nothing else.

Everything from the build is JSON in script elements of a type that no browser runs, and the script of the page turns
it into text nodes. Should that ever fail, the content security policy blocks any other script and every request.
"""

import base64
import gzip
import hashlib
import json
from importlib import resources

import jinja2

from ecd_data.reporting.contents import Contents

SCRIPTS = ("elements.js", "data.js", "filters.js", "overview.js", "round.js", "list.js", "main.js")


def render_page(contents: Contents) -> str:
    """Return the page as HTML, to be written as UTF-8; the same contents give the same bytes."""
    style = _asset("report.css")
    script = "".join(_asset(name) for name in SCRIPTS)
    policy = [
        "default-src 'none'",
        f"script-src {_source(script)}",
        f"style-src {_source(style)}",
        "img-src data:",  # the figures
        "base-uri 'none'",
        "form-action 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",  # no text becomes HTML, whatever the script does
    ]
    template = jinja2.Template(_asset("report.html"), undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    return template.render(
        policy="; ".join(policy),
        style=style,
        script=script,
        summary=script_json(contents.summary),
        chains=script_json(_compressed(contents.chains)),
    )


def script_json(value: object) -> str:
    """Return JSON for a script element: ASCII, and without a `<` that could end the element."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def _compressed(value: object) -> str:
    """Return JSON compressed with gzip, to about a tenth, in base64."""
    return base64.b64encode(gzip.compress(script_json(value).encode(), compresslevel=9, mtime=0)).decode()


def _asset(name: str) -> str:
    return (resources.files("ecd_data.reporting") / "assets" / name).read_text(encoding="utf-8")


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
