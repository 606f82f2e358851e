"""Our generation against a bare asyncio loop that sends the same requests over the same client, as many at a time.

python -m benchmarks.throughput --concurrency 64 256 --median 1.0 --repeats 3

Ours runs chains with a response store on disk: prompts, checks, retries, commits. The engine alone gets the requests
of each chain ready made and stores the answers; the bare loop throws them away. All run in turn in this process, whose
CPU time is taken; the server has its own. Goals: at least 95 % of the bare loop's calls a second,
at most 1.3 times its CPU time a call.
"""

import asyncio
import gc
import sys
import tempfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

from huggingface_hub import AsyncInferenceClient

from benchmarks.measure import SERVED, parser, report, simulated_server, write_inputs
from ecd_data.calls.chat import chat_arguments
from ecd_data.calls.endpoint import Endpoint
from ecd_data.calls.pool import Pool, identify
from ecd_data.calls.scheduler import ModelSource, run
from ecd_data.calls.store import Store
from ecd_data.core.recipe import Recipe, load_recipe
from ecd_data.core.request import Request, Response
from ecd_data.corpus.seeds import Corpus, read_corpus
from ecd_data.generation.generation import Generation

Arguments = list[dict[str, Any]]
CONNECTIONS = 100  # that a client has at most


@dataclass
class Took:
    """The seconds of a run, by the clock and of CPU time, and its calls."""

    calls: int = 0
    wall: float = 0.0
    cpu: float = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        # What stays is kept from the collector, as `ecd generate` does: each run pays for its own objects alone.
        gc.collect()
        gc.freeze()
        started = perf_counter(), process_time()
        yield
        self.wall, self.cpu = perf_counter() - started[0], process_time() - started[1]


def ours(url: str, concurrency: int, corpus: Corpus, recipe: Recipe) -> tuple[Took, list[list[Request]]]:
    """Run a generation over the corpus into a new store; return it with the requests of its chains."""
    took, keys = Took(), []
    with opened(url, concurrency) as (store, source):
        prepared = Generation(corpus, recipe, source, store).prepare()
        with took.running():
            for done in prepared.chains():
                keys.append([call.key for call in done.calls])
        requests = [[call.decode_request() for call in store.calls(used)] for used in keys]
    took.calls = sum(map(len, requests))
    return took, requests


def engine(url: str, concurrency: int, requests: Sequence[Sequence[Request]]) -> Took:
    """Run chains that make these requests one after the other, into a new store."""

    def chain(mine: Sequence[Request]) -> Generator[Sequence[Request], list[Response], None]:
        for request in mine:
            yield [request]

    took = Took(sum(map(len, requests)))
    with opened(url, concurrency) as (store, source), took.running():
        for _ in run(map(chain, requests), store, source):
            pass
    return took


@contextmanager
def opened(url: str, concurrency: int) -> Iterator[tuple[Store, ModelSource]]:
    """Open a new store and the endpoints."""
    pool = Pool([Endpoint(url)], max_concurrency=concurrency)
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder, "responses.sqlite")) as store:
        yield store, ModelSource(identify(pool), pool)


def bare(url: str, concurrency: int, requests: Arguments) -> Took:
    """Make the same calls by as many workers, over as few clients as have the connections."""

    async def send() -> None:
        async with AsyncExitStack() as opened:
            clients = [
                await opened.enter_async_context(AsyncInferenceClient(base_url=url, token="unused", timeout=120))
                for _ in range(-(-concurrency // CONNECTIONS))
            ]
            ahead = iter(requests)

            async def work(client: AsyncInferenceClient) -> None:
                for arguments in ahead:
                    await client.chat_completion(**arguments)

            await asyncio.gather(*(work(clients[number % len(clients)]) for number in range(concurrency)))

    took = Took(len(requests))
    with took.running():
        asyncio.run(send())
    return took


def row(name: str, concurrency: int, runs: Sequence[Took]) -> dict[str, Any]:
    """Return the medians of some runs."""
    return {
        "": name,
        "in flight": concurrency,
        "calls": runs[0].calls,
        "seconds": median(run.wall for run in runs),
        "calls/s": median(run.calls / run.wall for run in runs),
        "CPU ms a call": median(run.cpu / run.calls * 1000 for run in runs),
    }


def against(runs: Sequence[Took], rivals: Sequence[Took]) -> str:
    """Compare some runs with the bare loop's, each with the one beside it: a machine's speed changes meanwhile."""
    beside = list(zip(runs, rivals, strict=True))
    rate = median(rival.wall / mine.wall for mine, rival in beside)
    cpu = median(mine.cpu / rival.cpu for mine, rival in beside)
    return f"{rate:.1%} of the bare loop's calls a second, {cpu:.2f} times its CPU time a call"


def main() -> None:
    """Print the table."""
    flags = parser(__doc__)
    flags.add_argument("--concurrency", type=int, nargs="+", default=[64, 256], help="calls in flight (64 256)")
    flags.add_argument("--median", type=float, default=1.0, help="of the server's latency, in seconds (1)")
    flags.add_argument("--chains", type=int, default=20, help="seeds for each call in flight (20)")
    flags.add_argument("--repeats", type=int, default=3, help="runs of each, in turn (3)")
    args = flags.parse_args()
    rows, notes = [], []
    with tempfile.TemporaryDirectory() as folder:
        write_inputs(Path(folder), args.chains * max(args.concurrency))
        recipe = load_recipe(str(Path(folder, "recipe.yaml")))
        with simulated_server(median=args.median) as url:
            for concurrency in args.concurrency:
                corpus = read_corpus([str(Path(folder, "seeds.jsonl"))], limit=args.chains * concurrency)
                runs: dict[str, list[Took]] = {"ours": [], "engine alone": [], "bare loop": []}
                for repeat in range(args.repeats):
                    took, requests = ours(url, concurrency, corpus, recipe)
                    runs["ours"].append(took)
                    runs["engine alone"].append(engine(url, concurrency, requests))
                    arguments = [chat_arguments(made, "tgi", SERVED) for mine in requests for made in mine]
                    runs["bare loop"].append(bare(url, concurrency, arguments))
                    print(f"{concurrency} in flight, {repeat + 1} of {args.repeats} done", file=sys.stderr)
                rows += (row(name, concurrency, taken) for name, taken in runs.items())
                notes += (
                    f"{concurrency} in flight, {name}: {against(runs[name], runs['bare loop'])}"
                    for name in ("ours", "engine alone")
                )
    report(rows, notes, args.json)


if __name__ == "__main__":
    main()
