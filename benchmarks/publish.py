"""Peak memory and time of a publish, by the number of pairs, against `hf upload` of the same folder.

    python benchmarks/publish.py --pairs 20000 200000

A build of the simulated server's texts is enlarged: its chains come again and again under other ids, with their pairs,
turns, rejects and responses. `ecd publish` validates it, with every code check, and then uploads it to a Hub in
another process; `hf upload` only uploads. Goal: 200,000 pairs within 1.5 GB.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any
from unittest import mock

from measure import SERVED, InProcess, measured, parser, report, write_inputs

SEEDS = 500  # of the build that is enlarged
ROWS = 1000  # of a row group, as in a build
GOAL = 1500  # MB
HF = "import sys; from huggingface_hub.cli.hf import main; sys.exit(main())"


def make(folder: Path, pairs: int) -> dict[str, Any]:
    """Writes a valid build of at least so many pairs to `folder / "build"`; what is in it."""
    from ecd_data import flags
    from ecd_data import generate as verb
    from ecd_data.artifact.manifest import NAME, write_manifest
    from ecd_data.artifact.tables import file_sha256
    from ecd_data.calls.scheduler import Answerer
    from ecd_data.command import quiet_libraries

    quiet_libraries()
    arguments = parser(None)
    flags.add_generation_arguments(arguments)
    args = arguments.parse_args([*write_inputs(folder, SEEDS), "--endpoint", "http://in.process"])
    build = folder / "build"
    with mock.patch.object(verb, "answered_by", return_value=Answerer(SERVED, InProcess())):  # type: ignore[arg-type]
        manifest = verb.generate(args, build)
    copies = -(-pairs // manifest["counts"]["pairs"])
    for config, splits in manifest["configs"].items():
        for split in splits:
            splits[split] = enlarge(build / "data" / config / f"{split}-00000-of-00001.parquet", copies)
    enlarge(build / "responses" / "responses-00000-of-00001.parquet", copies)
    for name, file in manifest["files"].items():
        file |= {"sha256": file_sha256(build / name), "size": (build / name).stat().st_size}
    write_manifest(build, manifest)
    size = (build / NAME).stat().st_size + sum(file["size"] for file in manifest["files"].values())
    return {"pairs": sum(info["rows"] for info in manifest["configs"]["preference"].values()), "MB": size / 1e6}


def enlarge(path: Path, copies: int) -> dict[str, Any]:
    """Writes the rows of a file so many times, each time of other seeds; their number and hash."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from ecd_data.artifact.tables import RowsHash

    table = pq.read_table(path)
    digest, rows = RowsHash(), (row for copy in range(copies) for row in renamed(table.to_pylist(), copy))
    with pq.ParquetWriter(path, table.schema, compression="zstd") as writer:
        while batch := list(islice(rows, ROWS)):
            for row in batch:
                digest.add(row)
            writer.write_table(pa.Table.from_pylist(batch, table.schema))
    return {"rows": table.num_rows * copies, "rows_sha256": digest.hexdigest()}


def renamed(rows: list[dict[str, Any]], copy: int) -> Iterator[dict[str, Any]]:
    """The rows, of other seeds."""

    def other(match: re.Match[str]) -> str:
        return hashlib.sha256(f"{copy}{match[0]}".encode()).hexdigest()[:16]

    def name(value: Any) -> Any:
        return [name(one) for one in value] if isinstance(value, list) else re.sub(r"^[0-9a-f]{16}", other, value)

    for row in rows:
        yield row | {key: name(row[key]) for key in ("id", "seed_id", "group", "pairs", "rejects") if key in row}


def main() -> None:
    """Prints the table."""
    flags = parser(__doc__)
    flags.add_argument("--pairs", type=int, nargs="+", default=[20_000, 200_000], help="sizes (20000 200000)")
    flags.add_argument("--make", type=Path, metavar="DIR", help="write a build of the first size there, and no more")
    args = flags.parse_args()
    if args.make:
        print(json.dumps(make(args.make, args.pairs[0])))
        return
    rows = [row for pairs in args.pairs for row in compare(pairs)]
    ours = [row for row in rows if row["what"] == "ecd publish"]
    notes = [f"{ours[-1]['pairs']:,} pairs: {ours[-1]['peak MB']:,} MB of the {GOAL:,} that are the goal"]
    report(rows, notes, args.json)


def compare(pairs: int) -> Iterator[dict[str, Any]]:
    """A row for each way to publish one build."""
    from ecd_data.local.hub import Hub

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = json.loads(measured([sys.executable, __file__, "--make", name, "--pairs", str(pairs)]).output)
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
                    "pairs": made["pairs"],
                    "build MB": round(made["MB"]),
                    "LFS objects sent": uploads,
                    "peak MB": round(done.peak),
                    "seconds": round(done.wall, 1),
                }


if __name__ == "__main__":
    main()
