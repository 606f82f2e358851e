"""How long until the first row of a published dataset: streamed, against loading all of it.

    python -m benchmarks.first_row --seeds 10000

A build of the simulated server's texts is published to the Hub on loopback, and read back by processes of their own,
each with empty caches. Importing `datasets` (and PyTorch, where it is installed) is not counted.
"""

import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.measure import build_in_process, measured, parser, report, write_inputs
from ecd_data.cli.console import quiet_libraries
from ecd_data.local.hub import Hub

LOOPBACK = {"HF_HUB_DISABLE_XET": "1", "HF_UPDATE_DOWNLOAD_COUNTS": "0", "USE_TORCH": "0"}  # which would be imported
READ = """
import os, sys
from time import perf_counter
import datasets
datasets.config.USE_PARQUET_EXPORT = False  # a service that only the real Hub has
started = perf_counter()
rows = datasets.load_dataset("bench/pairs", split="train", streaming=sys.argv[1] == "streamed")
next(iter(rows))
print(perf_counter() - started, flush=True)
os._exit(0)  # a stream that is left half-read may abort Python's own exit (apache/arrow issue 45214)
"""


def seconds(way: str, url: str) -> float:
    """Return the seconds until the first row in a new process."""
    with tempfile.TemporaryDirectory() as home:
        done = measured([sys.executable, "-c", READ, way], HF_HOME=home, HF_ENDPOINT=url, **LOOPBACK)
        return float(done.output.split()[-1])


def main() -> None:
    """Print the table."""
    flags = parser(__doc__)
    flags.add_argument("--seeds", type=int, default=10_000, help="of the dataset (10000)")
    flags.add_argument("--repeats", type=int, default=5, help="of which the median counts (5)")
    args = flags.parse_args()
    quiet_libraries()
    with tempfile.TemporaryDirectory() as work, Hub(Path(work, "hub")) as hub:
        manifest = build_in_process(write_inputs(Path(work), args.seeds), Path(work, "build"))
        publish = [sys.executable, "-m", "ecd_data.publish", "bench/pairs", "--build", str(Path(work, "build"))]
        measured(publish, HF_ENDPOINT=hub.url, HF_TOKEN=hub.token, **LOOPBACK)
        rows = [
            {"way": way, "seconds": median(seconds(way, hub.url) for _ in range(args.repeats))}
            for way in ("streamed", "loaded")
        ]
    ratio = rows[1]["seconds"] / rows[0]["seconds"]
    note = f"{manifest['counts']['pairs']} pairs; streamed, the first row comes {ratio:.1f} times as fast"
    report(rows, [note], args.json)


if __name__ == "__main__":
    main()
