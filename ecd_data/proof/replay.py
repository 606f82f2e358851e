"""A build made again from what it publishes: its recipe, seeds and responses, without an endpoint."""

from __future__ import annotations

import tempfile
from pathlib import Path

from builders.spool import Spool
from ecd_data.artifact.inputs import read_inputs
from ecd_data.artifact.manifest import CARD, read_manifest
from ecd_data.calls.exchange import import_into
from ecd_data.calls.scheduler import Answerer
from ecd_data.calls.store import Store
from ecd_data.generate import write_build
from ecd_data.generation import Generation
from ecd_data.release.naming import fill_in, filled_in
from ecd_data.request import Model
from ecd_data.watch.run import Watch


def replay(build: Path, out: Path) -> Path:
    """Makes a build again at `out`, its card filled in as the published one is, and returns that.

    Raises:
        EcdError: the build does not hold what that takes, or something else came out than can be a build.
    """
    manifest = read_manifest(build)
    recipe, corpus, contamination = read_inputs(build, manifest)
    others = {name: Answerer(Model(**model)) for name, model in manifest["models"].items()}
    folder = tempfile.TemporaryDirectory(prefix="ecd-replay-")
    with folder as work, Store(Path(work, "responses.sqlite")) as store, Watch() as watch:
        import_into(store, build)
        model = Model(**manifest["model"])
        generation = Generation(corpus, recipe, model, store, others=others, contamination=contamination)
        watched = watch.of(generation)
        spool = Spool(Path(work, "spool"), recipe)
        spool.fill(watched)
        write_build(spool, watched, out, watch.step)
    card = out / CARD
    published = filled_in((build / CARD).read_text(encoding="utf-8"))
    card.write_text(fill_in(card.read_text(encoding="utf-8"), published), encoding="utf-8")
    return out
