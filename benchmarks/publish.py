"""Peak memory and time of a publish, by the number of seeds, against `hf upload` of the same folder.

    python -m benchmarks.publish --seeds 12500 125000

The builds are those of benchmarks/memory.py, with 1.6 pairs a seed. `ecd publish` validates one, with every code
check, and then uploads it to a Hub in another process; `hf upload` only uploads. Goal: 200,000 pairs within 1.5 GB.
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.measure import build_in_process, measured, parser, report, write_inputs

GOAL = 1500  # MB
HF = "import sys; from huggingface_hub.cli.hf import main; sys.exit(main())"


def main() -> None:
    """Print the table."""
    flags = parser(__doc__)
    flags.add_argument("--seeds", type=int, nargs="+", default=[12_500, 125_000], help="sizes (12500 125000)")
    flags.add_argument("--make", type=Path, help="make the build of the first size in this folder and nothing else")
    args = flags.parse_args()
    if args.make:
        build_in_process(write_inputs(args.make, args.seeds[0]), args.make / "build")
        return
    rows = [row for seeds in args.seeds for row in compare(seeds)]
    ours = [row for row in rows if row["what"] == "ecd publish"]
    notes = [f"{ours[-1]['pairs']:,} pairs: {ours[-1]['peak MB']:,} MB of the {GOAL:,} that are the goal"]
    report(rows, notes, args.json)


def compare(seeds: int) -> Iterator[dict[str, Any]]:
    """Return a row for each way to publish one build."""
    from ecd_data.artifact.manifest import read_manifest
    from ecd_data.local.hub import Hub

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # In another process: a peak is never less than that of the process that started it.
        measured([sys.executable, "-m", "benchmarks.publish", "--make", name, "--seeds", str(seeds)])
        manifest = read_manifest(folder / "build")
        ours = [sys.executable, "-m", "ecd_data.publish", "org/ecd", "--build", folder / "build"]
        theirs = [sys.executable, "-c", HF, "upload", "org/ecd", folder / "build", "--repo-type", "dataset"]
        with Hub(folder / "hub") as hub, Hub(folder / "other") as other:
            ways = [("ecd publish", ours, hub), ("the same again", ours, hub), ("hf upload", theirs, other)]
            for what, command, at in ways:
                where = {"HF_ENDPOINT": at.url, "HF_TOKEN": at.token, "HF_HOME": str(folder / what)}
                sent = len(at.requests)
                done = measured(command, HF_HUB_DISABLE_XET="1", HF_HUB_DISABLE_PROGRESS_BARS="1", **where)
                uploads = sum(method == "PUT" for method, _ in at.requests[sent:])
                yield {
                    "what": what,
                    "pairs": manifest["counts"]["pairs"],
                    "build MB": round(sum(file["size"] for file in manifest["files"].values()) / 1e6),
                    "LFS objects sent": uploads,
                    "peak MB": round(done.peak),
                    "seconds": round(done.wall, 1),
                }


if __name__ == "__main__":
    main()
