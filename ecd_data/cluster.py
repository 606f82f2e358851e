"""Generation on a cluster: one task makes one part of the corpus; datatrove carries the tasks, the last step merges.

python -m ecd_data.generate --seeds S.jsonl --executor slurm --tasks 32 --sbatch partition=cpu --sbatch time=9:00:00

The same command goes on where a run stopped. The build is the same as one process makes, byte for byte.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import nullcontext, suppress
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import Any

from builders.spool import Spool, part_name
from ecd_data.artifact.build import check_out
from ecd_data.calls.scheduler import Answerer
from ecd_data.calls.store import Store
from ecd_data.command import Terminated, end_with_parent, terminable, undisturbed
from ecd_data.errors import EcdError, StoreError
from ecd_data.flags import responses
from ecd_data.generate import check_flags, make_generation, read_inputs, write_build
from ecd_data.generation import Generation
from ecd_data.watch.numbers import Price
from ecd_data.watch.run import Watch
from ecd_data.work import SPOOL, Work, task_store

# datatrove logs what goes wrong, with the values of all variables on the way: a token may be one of them.
os.environ.setdefault("LOGURU_DIAGNOSE", "NO")
try:
    from datatrove.executor import LocalPipelineExecutor, RayPipelineExecutor, SlurmPipelineExecutor
    from datatrove.executor import ray as datatrove_ray
    from datatrove.pipeline.base import PipelineStep
    from datatrove.utils.logging import logger
except ImportError as error:
    raise EcdError("--executor needs datatrove: pip install 'ecd-data[cluster]'.") from error


class MakePart(PipelineStep):
    """Makes the part of the corpus that is this task's; its answers go into a store of its own.

    Args:
        args: the flags of `generate`. Tokens are no part of them: a task reads its own environment.
        fingerprint: of the generation, as the launching process sees it.
    """

    name = "ECD chains"
    type = "Generator"

    def __init__(self, args: argparse.Namespace, fingerprint: str) -> None:
        super().__init__()
        self.args = args
        self.fingerprint = fingerprint
        self.folder = os.getcwd()  # the flags' paths start here

    def run(self, data: Any = None, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """Makes part `rank` of `world_size`, unless it is there; yields nothing."""
        os.chdir(self.folder)
        try:
            with terminable():  # an executor ends its other tasks where one fails: their answers are to be put away
                self.make(rank, world_size)
        except Terminated:
            raise SystemExit(143) from None
        except EcdError as error:
            raise error.with_traceback(None) from None  # its message says it all
        yield from ()

    def make(self, rank: int, parts: int) -> None:
        """Makes a part.

        Raises:
            EcdError: see the layers below, or the task is not that of the process that launched it.
        """
        work, part = Work(self.args.work), part_name(rank, parts)
        if work.has(part):
            return
        recipe, corpus, contamination = read_inputs(self.args)
        known = responses(self.args)
        base = Store(known, read_only=True) if known.exists() else None
        log = self.args.log_json and self.args.log_json.with_stem(f"{self.args.log_json.stem}-{rank:05d}")
        price = Price(*self.args.price) if self.args.price else None
        watched = Watch(price, log, say=logger.info)  # datatrove keeps a log of each task
        with (
            base or nullcontext(),
            watched as watch,
            work.task(rank, part) as folder,
            Store(task_store(folder, rank), base=base) as store,
        ):
            generation = make_generation(self.args, store, recipe, corpus, contamination)
            if generation.fingerprint != self.fingerprint:
                raise EcdError(
                    "This task has other seeds, another model or another version of ecd_data than the process that "
                    "launched it: see to it that both read the same files and endpoints, and run the command again."
                )
            watch.event("run_started", part=rank, parts=parts, model=str(generation.model))
            with self.track_time("part"):
                Spool(folder / SPOOL, recipe, parts).fill_part(rank, watch.of(generation))
            watch.event("run_finished", part=rank, parts=parts)
            if watch.now().failed:
                work.make_again(rank, part)


class Merge(PipelineStep):
    """Makes the build of all parts, and adds the tasks' responses to the store that the flags name."""

    name = "ECD build"
    type = "Writer"

    def __init__(self, args: argparse.Namespace, generation: Generation) -> None:
        super().__init__()
        self.args = args
        self.model = generation.model
        # Without their pools, which hold tokens.
        self.others = {name: Answerer(other.model) for name, other in generation.others.items()}
        self.folder = os.getcwd()

    def run(self, data: Any = None, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """Merges; yields nothing."""
        os.chdir(self.folder)
        self.merge()
        yield from ()

    def merge(self) -> dict[str, Any]:
        """The manifest of the build.

        Raises:
            EcdError: a part is missing, or see `artifact.build`.
        """
        recipe, corpus, contamination = read_inputs(self.args)
        work, tasks = Work(self.args.work), self.args.tasks
        parts = [part_name(rank, tasks) for rank in range(tasks)]
        if missing := [part for part in parts if not work.has(part)]:
            raise EcdError(
                f"{len(missing)} of {tasks} tasks have not ended well; see {work.logs}. Everything answered is "
                "stored: the same command goes on."
            )
        with work.gathered(tasks, parts) as folder, Store(responses(self.args)) as store:
            for rank in range(tasks):
                if task_store(folder, rank).exists():
                    store.absorb(task_store(folder, rank), later=True)
            spool = Spool(folder / SPOOL, recipe, tasks)
            generation = Generation(corpus, recipe, self.model, store, others=self.others, contamination=contamination)
            _ = generation.plan  # the judge's trial, which the manifest tells of
            manifest = write_build(spool, generation, self.args.out)
        work.clear(logs=self.args.executor != "slurm")  # which is still writing there
        return manifest


def generate_on(args: argparse.Namespace) -> dict[str, Any] | None:
    """Runs the generation that the flags describe in `args.tasks` tasks; returns the manifest.

    On Slurm the jobs are only submitted, the merge among them, and there is no manifest yet.

    Raises:
        EcdError: a task failed; see the layers below.
    """
    check_flags(args)
    slurm = _slurm_settings(args.sbatch) if args.executor == "slurm" else {}
    where = args.work or str(args.out.with_name(f"{args.out.name}.work"))
    if where.startswith("memory:"):
        raise EcdError(f"--work {where} is seen by one process alone: name a folder or URL that all tasks see.")
    args.work = where if "://" in where else str(Path(where).resolve())
    args.out, args.responses = args.out.resolve(), responses(args).resolve()
    check_out(args.out)
    work = Work(args.work)
    if work.shared and args.out in (work.shared, *work.shared.parents):
        raise EcdError(f"--work {work.where} would lie where the build goes: name a folder that is not in --out.")
    with work.alone():
        return _generate_in(work, args, slurm)


def _generate_in(work: Work, args: argparse.Namespace, slurm: dict[str, Any]) -> dict[str, Any] | None:
    """The same, in a work folder that no other process launches tasks in."""
    inputs = read_inputs(args)
    _take_answers(work, args.responses)  # of tasks of an earlier run that did not come to its end
    price = Price(*args.price) if args.price else None
    with Watch(price, args.log_json) as watch, Store(args.responses) as store:
        generation = watch.of(make_generation(args, store, *inputs))
        watch.event("run_started", tasks=args.tasks, model=str(generation.model))
        _ = generation.plan  # the judge is tried once, before any task
        make = MakePart(args, generation.fingerprint)
        merge = Merge(args, generation)
    work.claim(generation.fingerprint, args.tasks)
    logs = work.logs
    settings = {"tasks": args.tasks, "workers": args.workers or -1, "logging_dir": logs}
    if args.executor == "slurm":
        parts = SlurmPipelineExecutor([make], job_name="ecd-parts", **settings, **slurm)
        merged = {"tasks": 1, "logging_dir": f"{logs}/merge", "depends": parts}
        SlurmPipelineExecutor([merge], job_name="ecd-merge", **merged, **slurm).run()
        return None
    try:
        if args.executor == "ray":
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # reports to nobody
            datatrove_ray.RankWorker = RankWorker
            RayPipelineExecutor([make], mem_per_cpu_gb=1, **settings).run()
        else:
            _run_here(LocalPipelineExecutor([make], **settings))
        return merge.merge()
    except BaseException:
        with undisturbed(), suppress(EcdError, OSError):  # the next run takes them, or tells why it cannot
            _take_answers(work, args.responses)
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
            "A task was killed, for want of memory perhaps: try fewer --workers. The same command goes on from what "
            "is stored (in a --work URL, up to a minute before)."
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


def _take_answers(work: Work, responses: Path) -> None:
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
