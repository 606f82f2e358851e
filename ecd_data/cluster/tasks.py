"""Generation on a cluster: one task makes one part of the corpus; datatrove carries the tasks, the last step merges.

python -m ecd_data.generate --seeds S.jsonl --executor slurm --tasks 32 --sbatch partition=cpu --sbatch time=9:00:00

The same command continues where a run stopped. The build is the same as one process makes, byte for byte.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import Any, Literal

from ecd_data.artifact.build import check_out
from ecd_data.calls.model_sources import ModelSettings
from ecd_data.calls.scheduler import ModelSource
from ecd_data.calls.store import Store
from ecd_data.cluster.work_folder import SPOOL, WorkFolder, task_store
from ecd_data.core.errors import EcdError, StoreError
from ecd_data.core.process import Terminated, defer_sigterm, end_with_parent, raise_on_sigterm
from ecd_data.generation.generation import Generation
from ecd_data.generation.inputs import Sources, make_generation
from ecd_data.generation.spool import Spool, part_name
from ecd_data.generation.write import write
from ecd_data.progress.monitor import ProgressMonitor
from ecd_data.progress.price import Price
from ecd_data.progress.summary import describe_judge

# datatrove logs what goes wrong, with the values of all variables on the way: a token may be one of them.
os.environ.setdefault("LOGURU_DIAGNOSE", "NO")
try:
    from datatrove.executor import LocalPipelineExecutor, RayPipelineExecutor, SlurmPipelineExecutor
    from datatrove.executor import ray as datatrove_ray
    from datatrove.pipeline.base import PipelineStep
    from datatrove.utils.logging import logger
except ImportError as error:
    raise EcdError("--executor needs datatrove: pip install 'ecd-data[cluster]'.") from error


@dataclass(frozen=True)
class ClusterRun:
    """A generation in tasks. Its paths are absolute; tokens are no part of it: a task reads its own environment.

    sources: what it reads.
    models: who is asked.
    builder: the builder class of the recipe's method.
    out: the build directory.
    responses: the store of all runs, which the tasks read and the merge adds to.
    executor: what runs the tasks.
    work: the work folder, or an fsspec URL.
    tasks: into how many the corpus is divided; `workers` of them at the same time (all by default).
    sbatch: settings for Slurm, by name.
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
        """Return the spool in a folder of a machine."""
        return Spool(folder / SPOOL, self.sources.recipe, self.builder.rows, self.tasks)

    @property
    def parts(self) -> list[str]:
        """The names of the parts."""
        return [part_name(rank, self.tasks) for rank in range(self.tasks)]


class MakePart(PipelineStep):
    """Makes the part of the corpus that is this task's; its answers go into a store of its own.

    Args:
        run: what it is a task of.
        fingerprint: of the generation, as the launching process sees it.
    """

    name = "ECD chains"
    type = "Generator"

    def __init__(self, run: ClusterRun, fingerprint: str) -> None:
        super().__init__()
        self.cluster_run = run
        self.fingerprint = fingerprint
        self.folder = os.getcwd()  # the paths of seeds start here

    def run(self, data: Any = None, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """Make part `rank` of `world_size`, unless it is there; yields nothing."""
        os.chdir(self.folder)
        try:
            with (
                raise_on_sigterm()
            ):  # an executor ends its other tasks where one fails: their answers are to be put away
                self.make(rank)
        except Terminated:
            raise SystemExit(143) from None
        except EcdError as error:
            raise error.with_traceback(None) from None  # its message says it all
        yield from ()

    def make(self, rank: int) -> None:
        """Make a part.

        Raises:
            EcdError: see the layers below, or the task is not that of the process that launched it.
        """
        run, part = self.cluster_run, self.cluster_run.parts[rank]
        work = WorkFolder(run.work)
        if work.has(part):
            return
        inputs = run.sources.read()
        base = Store(run.responses, read_only=True) if run.responses.exists() else None
        log = run.log_json and run.log_json.with_stem(f"{run.log_json.stem}-{rank:05d}")
        monitor = ProgressMonitor(price=run.price, log=log, print_line=logger.info)  # in datatrove's log of the task
        with (
            base or nullcontext(),
            monitor,
            work.task(rank, part) as folder,
            Store(task_store(folder, rank), base=base) as store,
        ):
            generation = make_generation(inputs, run.models, store, monitor.listener)
            if generation.provenance().fingerprint != self.fingerprint:
                raise EcdError(
                    "This task has other seeds, another model or another version of ecd_data than the process that "
                    "launched it: see to it that both read the same files and endpoints, and run the command again."
                )
            monitor.log("run_started", part=rank, parts=run.tasks, model=str(generation.source.model))
            with self.track_time("part"):
                run.spool(folder).fill_part(rank, generation.prepare())
            monitor.log("run_finished", part=rank, parts=run.tasks)
            if monitor.snapshot().failed:
                work.make_again(rank, part)


class Merge(PipelineStep):
    """Makes the build of all parts, and adds the tasks' responses to the store of all runs."""

    name = "ECD build"
    type = "Writer"

    def __init__(self, run: ClusterRun, generation: Generation) -> None:
        super().__init__()
        self.cluster_run = run
        # Without their pools, which hold tokens.
        self.source = ModelSource(generation.source.model)
        self.extra_models = {name: ModelSource(other.model) for name, other in generation.extra_models.items()}
        self.folder = os.getcwd()

    def run(self, data: Any = None, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """Merge the parts; yields nothing."""
        os.chdir(self.folder)
        self.merge()
        yield from ()

    def merge(self) -> dict[str, Any]:
        """Merge the parts; returns the manifest of the build.

        Raises:
            EcdError: a part is missing, or see `artifact.build`.
        """
        run = self.cluster_run
        inputs, work = run.sources.read(), WorkFolder(run.work)
        if missing := [part for part in run.parts if not work.has(part)]:
            raise EcdError(
                f"{len(missing)} of {run.tasks} tasks have not ended well; see {work.logs}. Everything answered is "
                "stored: run the same command again to continue."
            )
        with work.gathered(run.tasks, run.parts) as folder, Store(run.responses) as store:
            for rank in range(run.tasks):
                if task_store(folder, rank).exists():
                    store.absorb(task_store(folder, rank), later=True)
            generation = Generation(
                inputs.corpus, inputs.recipe, self.source, store, self.extra_models, inputs.contamination
            )
            manifest = write(run.spool(folder), generation.prepare(), run.builder, run.out)
        work.clear(logs=run.executor != "slurm")  # which is still writing there
        return manifest


def resolved(run: ClusterRun) -> ClusterRun:
    """Return the run with absolute paths and a checked work folder.

    Raises:
        EcdError: only one process would see the work folder, or it would lie where the build goes.
        BuildError: something else lies where the build goes.
    """
    if run.work.startswith("memory:"):
        raise EcdError(f"--work {run.work} is seen by one process alone: name a folder or URL that all tasks see.")
    work = run.work if "://" in run.work else str(Path(run.work).resolve())
    run = replace(run, work=work, out=run.out.resolve(), responses=run.responses.resolve())
    check_out(run.out)
    shared = WorkFolder(run.work).shared
    if shared and run.out in (shared, *shared.parents):
        raise EcdError(f"--work {run.work} would lie where the build goes: name a folder that is not in --out.")
    return run


def generate_on(run: ClusterRun, monitor: ProgressMonitor) -> dict[str, Any] | None:
    """Run a generation in tasks; returns the manifest.

    On Slurm the jobs are only submitted, the merge among them, and there is no manifest yet.

    Args:
        monitor: shows the progress of the judge's trial, which is before any task.

    Raises:
        EcdError: a task failed; see the layers below.
    """
    slurm = _slurm_settings(run.sbatch) if run.executor == "slurm" else {}
    run = resolved(run)
    work = WorkFolder(run.work)
    with work.alone():
        inputs = run.sources.read()
        _take_answers(work, run.responses)  # of tasks of an earlier run that did not come to its end
        with monitor, Store(run.responses) as store:
            generation = make_generation(inputs, run.models, store, monitor.listener)
            monitor.log("run_started", tasks=run.tasks, model=str(generation.source.model))
            if trial := generation.prepare().trial:  # once, before any task
                monitor.print_line(describe_judge(trial.judge, generation.recipe))
            make = MakePart(run, generation.provenance().fingerprint)
            merge = Merge(run, generation)
        work.claim(make.fingerprint, run.tasks)
        return _run_tasks(run, make, merge, work, slurm)


def _run_tasks(
    run: ClusterRun, make: MakePart, merge: Merge, work: WorkFolder, slurm: dict[str, Any]
) -> dict[str, Any] | None:
    logs = work.logs
    settings = {"tasks": run.tasks, "workers": run.workers or -1, "logging_dir": logs}
    if run.executor == "slurm":
        parts = SlurmPipelineExecutor([make], job_name="ecd-parts", **settings, **slurm)
        merged = {"tasks": 1, "logging_dir": f"{logs}/merge", "depends": parts}
        SlurmPipelineExecutor([merge], job_name="ecd-merge", **merged, **slurm).run()
        return None
    try:
        if run.executor == "ray":
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # reports to nobody
            datatrove_ray.RankWorker = RankWorker
            RayPipelineExecutor([make], mem_per_cpu_gb=1, **settings).run()
        else:
            _run_here(LocalPipelineExecutor([make], **settings))
        return merge.merge()
    except BaseException:
        with defer_sigterm(), suppress(EcdError, OSError):  # the next run takes them, or says why it cannot
            _take_answers(work, run.responses)
        raise


def _run_here(executor: LocalPipelineExecutor) -> None:
    """Runs the tasks in processes of this machine.

    Not by the executor's own pool, which waits for good for a process that was killed.

    Raises:
        EcdError: one was, or a task failed.
    """
    pool = ProcessPoolExecutor(executor.workers, get_context("spawn"), initializer=end_with_parent)
    try:
        tasks = [pool.submit(_run_task, executor, rank) for rank in executor.get_incomplete_ranks()]
        for task in as_completed(tasks):
            task.result()
    except BrokenProcessPool:
        raise EcdError(
            "A task was killed, for want of memory perhaps: try fewer --workers. Run the same command again: it "
            "continues from what is stored (in a --work URL, up to a minute before)."
        ) from None
    finally:
        for process in active_children():  # of tasks that need not go on
            process.terminate()
        pool.shutdown(cancel_futures=True)


class RankWorker(datatrove_ray.RankWorker):
    """Runs its task in the process that Ray watches.

    datatrove's own runs it in a child of that. Killed, the child is waited for for good; and where Ray's process is
    killed it goes on, beside the one that gets the same task then.
    """

    def run_for_rank(self, executor_ref: RayPipelineExecutor, ranks: list[int], *_: object) -> None:
        """Runs the tasks of these numbers, one after the other."""
        for rank in ranks:
            executor_ref._run_for_rank(rank, rank + 1)  # but for 0, a task's log goes to its file alone


def _run_task(executor: LocalPipelineExecutor, rank: int) -> None:
    try:
        executor._run_for_rank(rank, rank)  # the first task tells the console what it does, the others their logs
    except (SystemExit, KeyboardInterrupt):  # what it had is put away, and this process is to begin no other
        os._exit(143)


def _take_answers(work: WorkFolder, responses: Path) -> None:
    """Adds what the tasks' stores hold to the store of all runs: a run in one process, or in other tasks, finds it."""
    with work.stores() as stores:
        if not stores:
            return
        with Store(responses) as store:
            for path in stores:
                try:
                    Store(path).close()  # a task that was killed while it made its store left one without tables
                    store.absorb(path, later=True)
                except StoreError as error:
                    raise StoreError(
                        f"{error} It is responses/{path.name} of {work.where}: without that file the run goes on, and "
                        "asks again for what was in it."
                    ) from error


def _slurm_settings(flags: Sequence[str]) -> dict[str, Any]:
    """What datatrove's Slurm executor takes: from `--sbatch NAME=VALUE`, and this Python's environment."""
    sbatch = dict(flag.partition("=")[::2] for flag in flags)
    if missing := sorted({"partition", "time"} - set(sbatch)):
        raise EcdError(f"Slurm needs {' and '.join(missing)}: add --sbatch {missing[0]}=VALUE.")
    if not shutil.which("sbatch"):
        raise EcdError("This machine has no sbatch: run the command where Slurm takes jobs, or give --executor local.")
    named = {name: sbatch.pop(name) for name in ("partition", "time")} | {"qos": sbatch.pop("qos", "")}
    activate = Path(sys.prefix, "bin", "activate")
    return {**named, "sbatch_args": sbatch, "venv_path": str(activate) if activate.exists() else None}
