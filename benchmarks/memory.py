"""Peak memory of a generation by the number of seeds, to a validated build, each in a process of its own.

    python -m benchmarks.memory --seeds 10000 100000

The texts are those of the simulated server, made in process, without HTTP; everything else is as `ecd generate` does
it. Goals: the largest corpus within 1.2 times the peak of the smallest, and under 800 MB.
"""

import json
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from time import perf_counter
from typing import Any
from unittest import mock

from benchmarks.measure import build_in_process, measured, parser, report, write_inputs

STAGES = ("read seeds", "generate", "write rows", "export responses", "manifest", "validate", "card")


def generate(seeds: int) -> dict[str, Any]:
    """Run one generation; return the peak resident set in MB and the seconds of each stage."""
    from ecd_data.artifact import build
    from ecd_data.cli.console import quiet_libraries
    from ecd_data.generation.inputs import Sources
    from ecd_data.generation.spool import Spool

    quiet_libraries()
    owners = (Sources, Spool, build, build, build, build, build)
    names = ("read", "fill", "_prepare", "write_parquet", "make_manifest", "check_rows", "write_card")
    found: dict[str, Any] = {"peak": {}, "seconds": dict.fromkeys(STAGES, 0.0)}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as patched:
        for stage, owner, name in zip(STAGES, owners, names, strict=True):
            function = watched(getattr(owner, name), stage, found)
            patched.enter_context(mock.patch.object(owner, name, function))
        manifest = build_in_process(write_inputs(Path(folder), seeds), Path(folder, "build"))
        found["size"] = sum(file["size"] for file in manifest["files"].values())
    return found | {"calls": manifest["calls"]["total"], "pairs": manifest["counts"]["pairs"]}


def watched(function: Callable[..., Any], stage: str, found: dict[str, Any]) -> Callable[..., Any]:
    """Return the function with its memory and time recorded."""

    def watching(*args: Any, **kwargs: Any) -> Any:
        started = perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            found["seconds"][stage] += perf_counter() - started
            found["peak"][stage] = getrusage(RUSAGE_SELF).ru_maxrss / 1024

    return watching


def main() -> None:
    """Print the table."""
    flags = parser(__doc__)
    flags.add_argument("--seeds", type=int, nargs="+", default=[10_000, 100_000], help="sizes (10000 100000)")
    flags.add_argument("--one", action="store_true", help="run the first size in this process and print its numbers")
    args = flags.parse_args()
    if args.one:
        print(json.dumps(generate(args.seeds[0])))
        return
    rows = []
    for size in args.seeds:
        done = measured([sys.executable, "-m", "benchmarks.memory", "--one", "--seeds", str(size)])
        found = json.loads(done.output.splitlines()[-1])
        stages = {stage: round(found["peak"][stage]) for stage in STAGES}
        counts = {"calls": found["calls"], "pairs": found["pairs"]}
        rows.append({"seeds": size, **counts, **stages, "peak MB": round(done.peak), "seconds": round(done.wall)})
        spent = ", ".join(f"{stage} {seconds:.0f}" for stage, seconds in found["seconds"].items())
        print(f"{size} seeds, seconds: {spent}; a build of {found['size'] / 1e6:.0f} MB", file=sys.stderr)
    ratio = rows[-1]["peak MB"] / rows[0]["peak MB"]
    notes = [f"peak of {rows[-1]['seeds']} seeds: {ratio:.2f} times that of {rows[0]['seeds']}; by stage, MB so far"]
    report(rows, notes, args.json)


if __name__ == "__main__":
    main()
