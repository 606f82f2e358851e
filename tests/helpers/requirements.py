"""Requirements to test with, drawn or with the parameters that a test needs."""

from ecd_data.core.values import Requirement
from ecd_data.requirements.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy()
BY_CODE = [operation for operation in TAXONOMY.values() if operation.check != "judge"]


def required(id_, **kwargs):
    """Return a requirement of an operation with these parameters, its text left empty."""
    return Requirement(id_, "", {**TAXONOMY[id_].kwargs, **kwargs}, "code", 1)
