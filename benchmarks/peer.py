"""The same number of calls through our scheduler and through distilabel 1.5.3, on the same simulated server.

    python -m benchmarks.peer --prompts 2000 --concurrency 64 --venv /tmp/distilabel

Two calls follow each other: an answer to each prompt, and an answer to that answer. Ours is a chain of two requests,
with every response committed to a store on disk; distilabel's is a pipeline of two TextGeneration steps over its
OpenAILLM (`peer_pipeline.py`), which the script installs with pip into a virtual environment of its own. A batch of
distilabel's is what one step has in flight, and both steps are at work at once: it is measured with half of the calls
in flight to each step (the same limit as ours) and with all of them (up to twice as many).
"""

import json
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measure import Measured, measured, parser, report, simulated_server, write_inputs
from ecd_data.calls.endpoint import Endpoint
from ecd_data.calls.pool import Pool, identify
from ecd_data.calls.scheduler import ModelSource, run
from ecd_data.calls.store import Store
from ecd_data.core.request import Request, Response

PEER = ("distilabel[openai]==1.5.3", "requests")  # it imports requests and does not say so
MAX_TOKENS, TEMPERATURE, TOP_P = 256, 0.7, 0.9


def two_calls(number: int, prompt: str) -> Generator[Sequence[Request], list[Response], str]:
    """Ask for a prompt's answer, and for the answer to that."""
    text = prompt
    for round in range(2):
        messages = ({"role": "user", "content": text},)
        (response,) = yield [Request("fresh", str(number), round, 0, messages, 0, MAX_TOKENS, TEMPERATURE, TOP_P)]
        text = response.text
    return text


def ours(url: str, concurrency: int, prompts: Sequence[str], folder: Path) -> int:
    """Run the chains; return the number of responses in the store."""
    pool = Pool([Endpoint(url)], max_concurrency=concurrency)
    with Store(folder / "responses.sqlite") as store:
        for _ in run(map(two_calls, range(len(prompts)), prompts), store, ModelSource(identify(pool), pool)):
            pass
        return store.count()


def installed(folder: Path) -> Path:
    """Return the Python of a virtual environment with the peer, which is made when it is missing."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", *PEER], check=True, stdout=sys.stderr)
    return python


def row(name: str, alone: Measured, done: Measured) -> dict[str, Any]:
    """Return the row of a process for all prompts, and of the same one `alone` for the first of them."""
    calls = int(done.output.split()[-1])
    return {
        "": name,
        "calls": calls,
        "seconds": done.wall,
        "of which start": alone.wall,
        "calls/s": calls / done.wall,
        "CPU ms a call": done.cpu / calls * 1000,
    }


def main() -> None:
    """Print the table."""
    flags = parser(__doc__)
    flags.add_argument("--prompts", type=int, default=2000, help="each makes two calls (2000)")
    flags.add_argument("--concurrency", type=int, default=64, help="calls in flight (64)")
    flags.add_argument("--median", type=float, default=1.0, help="of the server's latency, in seconds (1)")
    flags.add_argument("--venv", type=Path, metavar="DIR", help="keep distilabel's environment there")
    flags.add_argument("--ours", nargs=2, metavar=("URL", "FILE"), help="run only ours: what the script starts itself")
    args = flags.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if args.ours:
            url, file = args.ours
            print(ours(url, args.concurrency, json.loads(Path(file).read_text()), folder))
            return
        write_inputs(folder, args.prompts)
        lines = (folder / "seeds.jsonl").read_text(encoding="utf-8").splitlines()
        prompts = [json.loads(line)["instruction"] for line in lines]
        (folder / "all.json").write_text(json.dumps(prompts), encoding="utf-8")
        (folder / "one.json").write_text(json.dumps(prompts[:1]), encoding="utf-8")
        peer = installed(args.venv or folder / "venv")
        pipeline = Path(__file__).with_name("peer_pipeline.py")
        with simulated_server(median=args.median) as url:
            commands: dict[str, Callable[[Path], list[str | Path]]] = {
                f"ours, {args.concurrency} in flight": lambda file: [
                    sys.executable,
                    "-m",
                    "benchmarks.peer",
                    f"--concurrency={args.concurrency}",
                    "--ours",
                    url,
                    file,
                ]
            }
            for batch in (args.concurrency // 2, args.concurrency):
                name = f"distilabel 1.5.3, {batch} in flight a step"
                commands[name] = lambda file, batch=batch: [peer, pipeline, url, file, str(batch)]
            quiet = {"HOME": temporary, "PYTHONWARNINGS": "ignore"}  # distilabel keeps a cache at home
            rows = [
                row(name, *(measured(command(folder / file), **quiet) for file in ("one.json", "all.json")))
                for name, command in commands.items()
            ]
    notes = [
        f"{theirs['']}: ours makes {rows[0]['calls/s'] / theirs['calls/s']:.2f} times as many calls a second with "
        f"{rows[0]['CPU ms a call'] / theirs['CPU ms a call']:.2f} times the CPU time a call"
        for theirs in rows[1:]
    ]
    notes.append("Whole processes, with children; a start is the same process with one prompt.")
    report(rows, notes, args.json)


if __name__ == "__main__":
    main()
