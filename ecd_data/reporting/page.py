"""The page itself: one HTML file that runs one script and one style sheet of its own, and nothing else.

Everything that comes from a build is JSON in a script element that no browser runs, and the page's script makes text
nodes of it. Should that ever fail, the content security policy stops any other script, and any request.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from importlib import resources

import jinja2

from ecd_data.reporting.contents import Contents

SCRIPTS = ("differences.js", "elements.js", "rounds.js", "overview.js", "round.js", "list.js", "reader.js")


def page(contents: Contents) -> str:
    """The page as HTML, to be written as UTF-8; the same contents give the same bytes."""
    style = _part("report.css")
    script = "".join(_part(name) for name in SCRIPTS)
    policy = [
        "default-src 'none'",
        f"script-src {_source(script)}",
        f"style-src {_source(style)}",
        "img-src data:",  # the figures
        "base-uri 'none'",
        "form-action 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",  # so no text becomes HTML, whatever the script does
    ]
    return jinja2.Template(_part("report.html"), undefined=jinja2.StrictUndefined, keep_trailing_newline=True).render(
        policy="; ".join(policy),
        style=style,
        script=script,
        summary=data(contents.summary),
        chains=data(_packed(contents.chains)),
    )


def data(value: object) -> str:
    """JSON that can stand in a script element: in ASCII, and without a `<` that could end it."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def _packed(value: object) -> str:
    """JSON, compressed to a tenth or so, in base64."""
    return base64.b64encode(gzip.compress(data(value).encode(), compresslevel=6, mtime=0)).decode()


def _part(name: str) -> str:
    return (resources.files("ecd_data.reporting") / "parts" / name).read_text(encoding="utf-8")


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
