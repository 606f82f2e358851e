"""Peak memory and time of `ecd verify`, each in a process of its own, against loading the same rows alone.

    python -m benchmarks.verify --seeds 12500 125000
    python -m benchmarks.verify --build build

The rival calls `load_dataset` on every config and reads every row, once: verify does that too, streamed as well, and
checks everything. The builds are those of benchmarks/memory.py, with 1.6 pairs a seed. Goal: 200,000 pairs within
1,500 MB.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.measure import build_in_process, measured, parser, report, write_inputs

ALONE = """
import sys, tempfile, datasets
datasets.disable_progress_bars()
with tempfile.TemporaryDirectory() as cache:
    for config in ("preference", "sft", "chains", "rejects", "ties"):
        for rows in datasets.load_dataset(sys.argv[1], config, cache_dir=cache).values():
            for table in rows.with_format("arrow").iter(1000):
                table.to_pylist()
"""


def verified(build: Path) -> dict[str, Any]:
    """Return a line of the table."""
    from ecd_data.artifact.manifest import read_manifest

    configs = read_manifest(build)["configs"]
    rows = {name: sum(split["rows"] for split in splits.values()) for name, splits in configs.items()}
    alone = measured([sys.executable, "-c", ALONE, build])
    done = measured([sys.executable, "-m", "ecd_data.verify", build])
    print(done.output, file=sys.stderr)
    return {
        "pairs": rows["preference"],
        "rows": sum(rows.values()),
        "verify: peak MB": round(done.peak),
        "seconds": round(done.wall, 1),
        "loading alone: peak MB": round(alone.peak),
        "its seconds": round(alone.wall, 1),
    }


def main() -> None:
    """Print the table."""
    flags = parser(__doc__)
    flags.add_argument("--seeds", type=int, nargs="+", default=[12_500, 125_000], help="sizes (12500 125000)")
    flags.add_argument("--build", type=Path, help="verify this build instead")
    flags.add_argument("--make", type=Path, help="make the build of the first size in this folder and nothing else")
    args = flags.parse_args()
    if args.make:
        build_in_process(write_inputs(args.make, args.seeds[0]), args.make / "build")
        return
    rows = [] if args.build is None else [verified(args.build)]
    for size in args.seeds if args.build is None else ():
        with tempfile.TemporaryDirectory() as folder:
            # In another process: a peak is never less than that of the process that started it.
            measured([sys.executable, "-m", "benchmarks.verify", "--make", folder, "--seeds", str(size)])
            rows.append(verified(Path(folder, "build")))
    last = rows[-1]
    notes = [f"{last['pairs']:,} pairs: {last['seconds'] / last['its seconds']:.1f} times the time of loading alone"]
    report(rows, notes, args.json)


if __name__ == "__main__":
    main()
