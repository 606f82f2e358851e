"""Generation by many processes or machines, which needs `ecd-data[cluster]`."""

import os

from ecd_data.core.errors import EcdError

# datatrove logs errors with the values of all variables: a token may be one of them.
os.environ.setdefault("LOGURU_DIAGNOSE", "NO")
try:
    import datatrove  # noqa: F401
except ImportError as error:
    raise EcdError("--executor needs datatrove: pip install 'ecd-data[cluster]'.") from error
