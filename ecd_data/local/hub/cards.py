"""What the local Hub makes of the YAML at the head of a README.md."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from ecd_data.local.hub.call import Answer, Call


def metadata(card: str) -> Any:
    """The YAML at the head of a card, `None` when there is none.

    Raises:
        yaml.YAMLError: it is none.
    """
    front = re.match(r"\A---\r?\n(.*?)^---\s*$", card, re.DOTALL | re.MULTILINE)
    return yaml.safe_load(front[1]) if front else None


def card_data(card: str) -> dict[str, Any]:
    """What the repository's page tells of its card, as JSON has it: nothing if its YAML is broken."""
    try:
        found = json.loads(json.dumps(metadata(card), default=str, skipkeys=True))  # YAML has dates, JSON none
    except (yaml.YAMLError, ValueError):
        return {}
    return {"cardData": found} if isinstance(found, dict) else {}


def validate_yaml(call: Call) -> Answer:
    """What is wrong with a card."""
    try:
        found = metadata(call.json()["content"])
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date such as 2024-13-01
        return Answer(400, {"errors": [{"message": f"YAML: {error}"}], "warnings": []})
    if found is not None and not isinstance(found, dict):
        return Answer(400, {"errors": [{"message": "YAML metadata must be a mapping"}], "warnings": []})
    warnings = [] if found else [{"message": "empty or missing yaml metadata in repo card"}]
    return Answer(body={"errors": [], "warnings": warnings})
