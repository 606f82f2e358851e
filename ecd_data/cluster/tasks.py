"""The tasks of a generation on a cluster, as datatrove takes them: one for each part of the corpus, and the merge."""

import os
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from datatrove.pipeline.base import PipelineStep
from datatrove.utils.logging import logger

from ecd_data.calls.model_sources import ModelSettings
from ecd_data.calls.scheduler import ModelSource
from ecd_data.calls.store import Store
from ecd_data.cluster.work_folder import SPOOL, WorkFolder, task_store
from ecd_data.core.errors import EcdError, StoreError
from ecd_data.core.process import Terminated, raise_on_sigterm
from ecd_data.generation.generation import Generation
from ecd_data.generation.inputs import Sources, make_generation
from ecd_data.generation.spool import Spool, part_name
from ecd_data.generation.write import write
from ecd_data.progress.monitor import ProgressMonitor
from ecd_data.progress.price import Price


@dataclass(frozen=True)
class ClusterRun:
    """A generation in tasks. It holds no tokens: a task reads those of its own environment.

    sources: recipe and seeds.
    models: the models, and how they are asked.
    builder: the builder class of the recipe's method.
    out: the build directory.
    responses: the user's response store, which the tasks read and the merge adds to.
    executor: what runs the tasks.
    work: the work folder, or an fsspec URL.
    tasks: number of parts of the corpus.
    workers: tasks that run at the same time; all by default.
    sbatch: settings for Slurm, as NAME=VALUE.
    log_json, price: for the progress of each task.
    """

    sources: Sources
    models: ModelSettings
    builder: Any
    out: Path
    responses: Path
    executor: Literal["local", "slurm", "ray"]
    work: str
    tasks: int = 8
    workers: int | None = None
    sbatch: Sequence[str] = ()
    log_json: Path | None = None
    price: Price | None = None

    def spool(self, folder: Path) -> Spool:
        """Return the spool in a folder of this machine."""
        return Spool(folder / SPOOL, self.sources.recipe, self.builder.rows, self.tasks)


class MakePart(PipelineStep):
    """Generates the part of the corpus that belongs to a task; the task has a response store of its own.

    Args:
        run: the run of the task.
        fingerprint: of the generation, in the process that launches the tasks.
    """

    name = "ECD chains"
    type = "Generator"

    def __init__(self, run: ClusterRun, fingerprint: str) -> None:
        super().__init__()
        self.cluster_run = run
        self.fingerprint = fingerprint
        self.folder = os.getcwd()  # where relative paths of seeds start

    def run(self, data: Any = None, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """Generate part `rank` of `world_size`, unless it is finished; yield nothing."""
        os.chdir(self.folder)
        try:
            with raise_on_sigterm():  # where a task fails, an executor ends the others, whose answers are to be saved
                self.make(rank)
        except Terminated:
            raise SystemExit(143) from None
        except EcdError as error:
            raise error.with_traceback(None) from None  # its message says all
        yield from ()

    def make(self, rank: int) -> None:
        """Generate the part of a task.

        Raises:
            EcdError: the task sees another generation than the process that launched it; or see the layers below.
        """
        run, part = self.cluster_run, part_name(rank, self.cluster_run.tasks)
        work = WorkFolder(run.work)
        if work.has_part(part):
            return
        inputs = run.sources.read()
        base = Store(run.responses, read_only=True) if run.responses.exists() else None
        log = run.log_json and run.log_json.with_stem(f"{run.log_json.stem}-{rank:05d}")
        monitor = ProgressMonitor(price=run.price, log=log, print_line=logger.info)  # in datatrove's log of the task
        with (
            base or nullcontext(),
            monitor,
            work.task_folder(rank, part) as folder,
            Store(task_store(folder, rank), base=base) as store,
        ):
            generation = make_generation(inputs, run.models, store, monitor.listener)
            if generation.provenance().fingerprint != self.fingerprint:
                raise EcdError(
                    "This task has other seeds, another model or another version of ecd_data than the process that "
                    "launched it: make sure that both read the same files and endpoints, and run the command again."
                )
            monitor.log("run_started", part=rank, parts=run.tasks, model=str(generation.source.model))
            with self.track_time("part"):
                run.spool(folder).fill_part(rank, generation.prepare())
            monitor.log("run_finished", part=rank, parts=run.tasks)
            if monitor.snapshot().failed:
                work.retry_part(rank, part)


class Merge(PipelineStep):
    """Writes the build from all parts, and adds the tasks' responses to the user's store."""

    name = "ECD build"
    type = "Writer"

    def __init__(self, run: ClusterRun, generation: Generation) -> None:
        super().__init__()
        self.cluster_run = run
        # Without their endpoints, which hold tokens.
        self.source = ModelSource(generation.source.model)
        self.extra_models = {name: ModelSource(source.model) for name, source in generation.extra_models.items()}
        self.folder = os.getcwd()

    def run(self, data: Any = None, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """Merge the parts; yield nothing."""
        os.chdir(self.folder)
        self.merge()
        yield from ()

    def merge(self) -> dict[str, Any]:
        """Merge the parts into a build, and return its manifest.

        Raises:
            EcdError: a part is missing; or see `artifact.build`.
        """
        run = self.cluster_run
        inputs, work = run.sources.read(), WorkFolder(run.work)
        if missing := sum(not work.has_part(part_name(rank, run.tasks)) for rank in range(run.tasks)):
            raise EcdError(
                f"{missing} of {run.tasks} tasks have failed; see {work.logs}. Every response so far is stored: "
                "run the same command again to continue."
            )
        absorb_stores(work, run.responses)
        with work.finished_parts() as folder, Store(run.responses) as store:
            generation = Generation(
                inputs.corpus, inputs.recipe, self.source, store, self.extra_models, inputs.contamination
            )
            manifest = write(run.spool(folder), generation.prepare(), run.builder, run.out)
        work.clear(logs=run.executor != "slurm")  # Slurm is still writing its logs
        return manifest


def absorb_stores(work: WorkFolder, responses: Path) -> None:
    """Add the responses in the tasks' stores to the user's store, where any later run finds them.

    Raises:
        StoreError: a store cannot be read or written.
    """
    with work.unmerged_stores() as stores:
        if not stores:
            return
        with Store(responses) as store:
            for path in stores:
                try:
                    store.absorb(path)
                except StoreError as error:
                    raise StoreError(
                        f"{error} It is responses/{path.name} of {work.where}: without that file the run goes on, and "
                        "repeats the calls that were in it."
                    ) from error
