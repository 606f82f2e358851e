"""Makes a build again from what it publishes: its recipe, seeds and responses, without an endpoint."""

import tempfile
from pathlib import Path
from typing import Any

from ecd_data.artifact.manifest import CARD, read_manifest
from ecd_data.artifact.replay_inputs import read_inputs
from ecd_data.calls.exchange import import_into
from ecd_data.calls.scheduler import ModelSource
from ecd_data.calls.store import Store
from ecd_data.core.request import Model
from ecd_data.generation.generation import Generation
from ecd_data.generation.write import generate_build
from ecd_data.progress.monitor import ProgressMonitor
from ecd_data.release.naming import fill_in, filled_in


def replay(build: Path, out: Path, builder: Any, monitor: ProgressMonitor) -> Path:
    """Make a build again at `out`, with the repository in its card as in the published one, and return `out`.

    Args:
        builder: the builder class of the build's method.
        monitor: shows the progress.

    Raises:
        EcdError: the build lacks what a replay needs, or its rows do not make a valid build.
    """
    manifest = read_manifest(build)
    recipe, corpus, contamination = read_inputs(build, manifest)
    source = ModelSource(Model(**manifest["model"]))
    extra_models = {name: ModelSource(Model(**model)) for name, model in manifest["models"].items()}
    folder = tempfile.TemporaryDirectory(prefix="ecd-replay-")
    with folder as work, Store(Path(work, "responses.sqlite")) as store, monitor:
        import_into(store, build)
        prepared = Generation(corpus, recipe, source, store, extra_models, contamination, monitor.listener).prepare()
        generate_build(prepared, builder, out, monitor.on_step)
    card = out / CARD
    published = filled_in((build / CARD).read_text(encoding="utf-8"))
    card.write_text(fill_in(card.read_text(encoding="utf-8"), published), encoding="utf-8")
    return out
