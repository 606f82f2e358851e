"""Launches a generation on a cluster: in processes of this machine, on Slurm or on Ray, by datatrove's executors.

python -m ecd_data.generate --seeds S.jsonl --executor slurm --tasks 32 --sbatch partition=cpu --sbatch time=9:00:00

The same command continues where a run stopped. The build is the one that a single process makes, byte for byte.
"""

import os
import shutil
import signal
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import replace
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import Any

from datatrove.executor import LocalPipelineExecutor, RayPipelineExecutor, SlurmPipelineExecutor
from datatrove.executor import ray as datatrove_ray

from ecd_data.artifact.build import check_out
from ecd_data.calls.store import Store
from ecd_data.cluster.tasks import ClusterRun, MakePart, Merge, absorb_stores
from ecd_data.cluster.work_folder import WorkFolder
from ecd_data.core.errors import EcdError
from ecd_data.core.process import defer_signals, end_with_parent
from ecd_data.generation.inputs import make_generation
from ecd_data.progress.monitor import ProgressMonitor
from ecd_data.progress.summary import describe_judge


def launch(run: ClusterRun, monitor: ProgressMonitor) -> dict[str, Any] | None:
    """Run a generation in tasks, and return the manifest of its build.

    On Slurm the jobs are only submitted, the merge among them, and there is no manifest yet.

    Args:
        monitor: shows the progress of the judge's trial, which comes before any task.

    Raises:
        EcdError: a task failed; or see the layers below.
    """
    slurm = _slurm_settings(run.sbatch) if run.executor == "slurm" else {}
    run = _resolved(run)
    work = WorkFolder(run.work)
    with work.launch_lock():
        inputs = run.sources.read()
        absorb_stores(work, run.responses)  # of an earlier run that did not come to its end
        with monitor, Store(run.responses) as store:
            generation = make_generation(inputs, run.models, store, monitor.listener)
            monitor.log("run_started", tasks=run.tasks, model=str(generation.source.model))
            if trial := generation.prepare().trial:  # once, before any task
                monitor.print_line(describe_judge(trial.judge, generation.recipe))
            make = MakePart(run, generation.provenance().fingerprint)
            merge = Merge(run, generation)
        work.claim(make.fingerprint, run.tasks)
        return _run_tasks(run, make, merge, work, slurm)


def _resolved(run: ClusterRun) -> ClusterRun:
    """Return the run with absolute paths.

    Raises:
        EcdError: other processes cannot see the work folder, or it would be where the build is to be.
        BuildError: something else is where the build is to be.
    """
    if run.work.startswith("memory:"):
        raise EcdError(f"--work {run.work} is visible to one process only: name a folder or URL that all tasks see.")
    work = run.work if "://" in run.work else str(Path(run.work).resolve())
    run = replace(run, work=work, out=run.out.resolve(), responses=run.responses.resolve())
    check_out(run.out)
    shared = WorkFolder(run.work).shared
    if shared and run.out in (shared, *shared.parents):
        raise EcdError(f"--work {run.work} would be where the build goes: name a folder outside --out.")
    return run


def _run_tasks(
    run: ClusterRun, make: MakePart, merge: Merge, work: WorkFolder, slurm: dict[str, Any]
) -> dict[str, Any] | None:
    logs = work.logs
    settings = {"tasks": run.tasks, "workers": run.workers or -1, "logging_dir": logs}
    if run.executor == "slurm":
        parts = SlurmPipelineExecutor([make], job_name="ecd-parts", **settings, **slurm)
        settings = {"tasks": 1, "logging_dir": f"{logs}/merge", "depends": parts}
        SlurmPipelineExecutor([merge], job_name="ecd-merge", **settings, **slurm).run()
        return None
    try:
        if run.executor == "ray":
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # sends no usage reports
            datatrove_ray.RankWorker = RankWorker
            RayPipelineExecutor([make], mem_per_cpu_gb=1, **settings).run()
        else:
            _run_here(LocalPipelineExecutor([make], **settings))
        return merge.merge()
    except BaseException:
        # Where it fails, the next run does so too, or says why it cannot.
        with defer_signals(signal.SIGTERM), suppress(EcdError, OSError):
            absorb_stores(work, run.responses)
        raise


def _run_here(executor: LocalPipelineExecutor) -> None:
    """Run the tasks in processes of this machine.

    Not with the executor's own pool, which waits for ever for a process that was killed.

    Raises:
        EcdError: a process was killed, or a task failed.
    """
    pool = ProcessPoolExecutor(executor.workers, get_context("spawn"), initializer=end_with_parent)
    try:
        tasks = [pool.submit(_run_task, executor, rank) for rank in executor.get_incomplete_ranks()]
        for task in as_completed(tasks):
            task.result()
    except BrokenProcessPool:
        raise EcdError(
            "A task was killed, perhaps for lack of memory: try fewer --workers. Run the same command again: it "
            "continues from what is stored (in a --work URL, up to a minute before)."
        ) from None
    finally:
        for process in active_children():  # whose tasks need not go on
            process.terminate()
        pool.shutdown(cancel_futures=True)


class RankWorker(datatrove_ray.RankWorker):
    """Runs its task in the process that Ray watches.

    datatrove's own worker runs it in a child of that process. Where the child is killed, it is waited for for ever;
    where Ray's process is killed, the child goes on beside the process that gets the same task next.
    """

    def run_for_rank(self, executor_ref: RayPipelineExecutor, ranks: list[int], *_: object) -> None:
        """Run the tasks of these ranks, one after the other."""
        for rank in ranks:
            executor_ref._run_for_rank(rank, rank + 1)  # a local rank that is not 0 logs to its file alone


def _run_task(executor: LocalPipelineExecutor, rank: int) -> None:
    try:
        executor._run_for_rank(rank, rank)  # the first task logs to the console too, the others to their files
    except (SystemExit, KeyboardInterrupt):  # its answers are saved, and this process must not begin another task
        os._exit(143)


def _slurm_settings(flags: Sequence[str]) -> dict[str, Any]:
    """Return the arguments of datatrove's Slurm executor, from `--sbatch NAME=VALUE` and this Python environment."""
    sbatch = dict(flag.partition("=")[::2] for flag in flags)
    if missing := sorted({"partition", "time"} - set(sbatch)):
        raise EcdError(f"Slurm needs {' and '.join(missing)}: add --sbatch {missing[0]}=VALUE.")
    if not shutil.which("sbatch"):
        raise EcdError("This machine has no sbatch: run the command where Slurm takes jobs, or give --executor local.")
    own = {name: sbatch.pop(name) for name in ("partition", "time")} | {"qos": sbatch.pop("qos", "")}
    activate = Path(sys.prefix, "bin", "activate")
    return {**own, "sbatch_args": sbatch, "venv_path": str(activate) if activate.exists() else None}
