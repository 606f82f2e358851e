"""The prompts, as Jinja and YAML files, and the hash by which a build states which of them made it."""

from functools import cache
from importlib import resources

from ecd_data.core.hashing import canonical_json, sha256

PACKAGES = ("ecd_data.methods.prompts", "ecd_data.requirements", "ecd_data.methods")


@cache
def prompts_hash() -> str:
    """Return the SHA-256 over every prompt file, those of the judge and of the methods too."""
    files = (entry for package in PACKAGES for entry in resources.files(package).iterdir())
    return sha256(
        canonical_json({f.name: f.read_text("utf-8") for f in files if f.name.endswith((".jinja", ".yaml"))})
    )
