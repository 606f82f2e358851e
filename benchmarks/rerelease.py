"""What a release sends when 1 % of the seeds changed: its Parquet files as they are, against a naive rewrite of them.

    python -m benchmarks.rerelease --seeds 10000

Builds of the simulated server's texts are uploaded with the Hub's own client (`hf_xet`) into a store on disk, first
one, then another, and the client counts what the second one sends. The naive rewrite holds the same rows as pyarrow
writes them by default: large row groups, no content-defined chunking.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.measure import build_in_process, parser, report, write_inputs
from ecd_data.cli.console import quiet_libraries

SHARE = 0.01  # of the seeds, that change
EDITS: dict[str, Callable[[list[str], list[str]], list[str]]] = {
    "changed, side by side": lambda seeds, new: [*seeds[: -2 * len(new)], *new, *seeds[-len(new) :]],
    "changed, all over": lambda seeds, new: [new.pop() if i % 100 == 50 else seed for i, seed in enumerate(seeds)],
    "added at the start": lambda seeds, new: new + seeds,
    "added at the end": lambda seeds, new: seeds + new,
}


def sent(before: Sequence[Path], files: Sequence[Path]) -> int:
    """Return the bytes that the client sends of some files to a store that holds others."""
    with tempfile.TemporaryDirectory() as store:
        if before:
            upload(Path(store), before)
        return upload(Path(store), files)


def upload(store: Path, files: Sequence[Path]) -> int:
    """Upload files; return the bytes that were sent."""
    import hf_xet

    commit = hf_xet.XetSession().new_upload_commit(
        endpoint=f"local://{store}",
        token="none",
        token_expiry_unix_secs=int(time.time()) + 3600,
        token_refresh_url=None,
        token_refresh_headers={},
        custom_headers={},
    )
    for file in files:
        commit.start_upload_file(str(file), sha256=hf_xet.COMPUTE_SHA256)
    return int(commit.wait_to_finish().dedup_metrics.total_bytes_uploaded)


def rewritten(files: Sequence[Path], folder: Path) -> list[Path]:
    """Return Parquet files, read and written anew with the same compression."""
    import pyarrow.parquet as pq

    folder.mkdir()
    for number, file in enumerate(files):
        compression = pq.ParquetFile(file).metadata.row_group(0).column(0).compression
        pq.write_table(pq.read_table(file), folder / f"{number:02d}.parquet", compression=compression)
    return sorted(folder.iterdir())


def main() -> None:
    """Print the table."""
    flags = parser(__doc__)
    flags.add_argument("--seeds", type=int, default=10_000, help="of the first release (10000)")
    args = flags.parse_args()
    quiet_libraries()
    rows, first, first_naive = [], [], []
    with tempfile.TemporaryDirectory() as work:
        inputs = write_inputs(Path(work), round(args.seeds * (1 + SHARE)))
        corpus = Path(work, "seeds.jsonl")
        lines = corpus.read_text(encoding="utf-8").splitlines(keepends=True)
        for name, edit in [("the first release", lambda seeds, new: seeds), *EDITS.items()]:
            corpus.write_text("".join(edit(lines[: args.seeds], lines[args.seeds :])), encoding="utf-8")
            build_in_process(inputs, Path(work, name))
            files = sorted(Path(work, name).rglob("*.parquet"))
            naive = rewritten(files, Path(work, f"{name}, naive"))
            size = sum(file.stat().st_size for file in files)
            ours, theirs = sent(first, files), sent(first_naive, naive)
            first, first_naive = first or files, first_naive or naive
            cells = {"size, MB": size / 1e6, "sent, MB": ours / 1e6, "naive, MB": theirs / 1e6}
            rows.append({"1 % of the seeds": name, **cells, "ratio": round(ours / theirs, 2)})
    report(rows, [], args.json)


if __name__ == "__main__":
    main()
