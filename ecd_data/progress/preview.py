"""Run the first seeds of a corpus, to show their chains and what the whole corpus would take."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ecd_data.core.values import Chain
from ecd_data.generation.generation import Generation, Usage
from ecd_data.progress.monitor import ProgressMonitor
from ecd_data.progress.summary import describe_judge


@dataclass(frozen=True)
class Preview:
    """The first chains of a generation.

    generation: with its whole corpus.
    chains: the first chains.
    usages: what each of the chains took.
    trial: what each question of the judge's trial took.
    calls_per_second: mean rate of the endpoint over these chains; `None` if the store had all answers.
    """

    generation: Generation
    chains: Sequence[Chain]
    usages: Sequence[Usage]
    trial: Sequence[Usage] = ()
    calls_per_second: float | None = None


def run_preview(generation: Generation, first: int, monitor: ProgressMonitor) -> Preview:
    """Run the chains of the `first` seeds just as the whole generation would, so that their answers serve both.

    Raises:
        EcdError: see `Generation.prepare`.
    """
    usages: list[Usage] = []
    trial: list[Usage] = []

    def on_result(result: object, usage: Usage) -> None:
        monitor.on_result(result, usage)
        (usages if isinstance(result, Chain) else trial).append(usage)

    corpus = replace(generation.corpus, seeds=generation.corpus.seeds[:first])
    listener = replace(generation.listener, on_result=on_result)
    prepared = replace(generation, corpus=corpus, listener=listener).prepare()
    if prepared.trial:
        monitor.print_line(describe_judge(prepared.trial.judge, generation.recipe))
    chains = [done.result for done in prepared.chains()]
    return Preview(generation, chains, usages, trial, monitor.calls_per_second)
