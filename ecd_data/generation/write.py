"""Generates a build directory: rows by way of a spool, and the responses behind them."""

import tempfile
from itertools import chain
from pathlib import Path
from typing import Any

from ecd_data.artifact.build import OnStep, StoredCalls, no_step, write_build
from ecd_data.artifact.scratch import scratch
from ecd_data.generation.generation import PreparedGeneration
from ecd_data.generation.spool import Spool


def generate_build(prepared: PreparedGeneration, builder: Any, out: Path, on_step: OnStep = no_step) -> dict[str, Any]:
    """Generate the chains of a whole corpus, and write them as a build; return its manifest.

    For arguments and errors see `write`.
    """
    with scratch(out) as work:
        spool = Spool(work / "spool", prepared.generation.recipe, builder.rows)
        spool.fill(prepared)
        return write(spool, prepared, builder, out, on_step)


def write(
    spool: Spool, prepared: PreparedGeneration, builder: Any, out: Path, on_step: OnStep = no_step
) -> dict[str, Any]:
    """Write the rows of a filled spool, and the responses behind them, as a build; return its manifest.

    Args:
        builder: the class of `ecd_data.builders` for the recipe's method.
        on_step: called as each step begins; see `artifact.build.write_build`.

    Raises:
        EcdError: see `artifact.build`.
    """
    generation = prepared.generation
    trial_keys = prepared.trial.keys if prepared.trial else ()
    calls = StoredCalls(
        generation.store,
        keys=chain(trial_keys, (call.key for call in spool.calls())),
        failures=((call.key, call.failure) for call in spool.calls() if call.failure),
    )
    with tempfile.TemporaryDirectory(dir=spool.folder) as cache:
        configs = [config.name for config in builder.BUILDER_CONFIGS]
        builders = [builder(name, generation=generation, spool=spool, cache_dir=cache) for name in configs]
        return write_build(builders, prepared.provenance, calls, out, on_step)
