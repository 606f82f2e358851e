"""Generations run to their chains, their rows or their build, in one call."""

from ecd_data.artifact.build import no_step
from ecd_data.builders import find_builder
from ecd_data.calls.scheduler import ModelSource
from ecd_data.generation.generation import Generation
from ecd_data.generation.spool import Spool
from ecd_data.generation.write import write
from tests.helpers.scripted import MODEL, RECIPE, ScriptedPool


def scripted_generation(store, corpus, pool="scripted", model=MODEL, **changes):
    """A generation of the scripted model; `pool=None` replays."""
    source = ModelSource(model, ScriptedPool() if pool == "scripted" else pool)
    return Generation(**{"corpus": corpus, "recipe": RECIPE, "source": source, "store": store, **changes})


def chains_of(generation):
    """The finished chains of a generation."""
    return [done.result for done in generation.prepare().chains()]


def new_spool(generation, folder, parts=1):
    """An empty spool for a generation."""
    return Spool(folder, generation.recipe, find_builder(generation.recipe.builder).rows, parts)


def filled_spool(generation, folder, parts=1, processes=1):
    """The spool that holds the rows of a generation."""
    spool = new_spool(generation, folder, parts)
    spool.fill(generation.prepare(), processes)
    return spool


def write_spool(spool, generation, out, on_step=no_step):
    """The manifest of the build that a spool makes."""
    return write(spool, generation.prepare(), find_builder(generation.recipe.builder), out, on_step)


def build_of(generation, out, work, parts=1, processes=1):
    """The build of a generation at `out`, by way of a spool in the folder `work`."""
    write_spool(filled_spool(generation, work, parts, processes), generation, out)
    return out
