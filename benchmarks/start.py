"""How fast commands start: `--help` of every verb, and a generation that finds everything done.

    python -m benchmarks.start --responses 100000

The rivals are a bare Python and one that imports `datasets`. A finished run is a build with its store, filled by the
simulated server's texts in process; then the same `ecd generate` runs again, with the server up, and may ask it
nothing. Goals: under 1 s for each `--help`, under 25 s to start again on 100,000 responses.
"""

import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.measure import SERVED, InProcess, measured, parser, report, simulated_server, write_inputs
from ecd_data.__main__ import VERBS
from ecd_data.calls.scheduler import ModelSource
from ecd_data.calls.store import Store
from ecd_data.core.recipe import load_recipe
from ecd_data.corpus.seeds import read_corpus
from ecd_data.generation.generation import Generation

CALLS_PER_SEED = 7  # that the simulated server's recipe makes


def row(name: str, command: list[str], repeats: int) -> dict[str, Any]:
    """Return the medians of some runs of a command."""
    runs = [measured([sys.executable, *command]) for _ in range(repeats)]
    return {
        "": name,
        "seconds": median(run.wall for run in runs),
        "CPU seconds": median(run.cpu for run in runs),
    }


def helps(repeats: int) -> tuple[list[dict[str, Any]], list[str]]:
    """Time `--help` of every verb beside the rivals."""
    rivals = {"python -c pass": ["-c", "pass"], "python -c 'import datasets'": ["-c", "import datasets"]}
    verbs = {f"ecd {verb} --help": ["-m", "ecd_data", verb, "--help"] for verb in VERBS}
    rows = [row(name, command, repeats) for name, command in {**rivals, **verbs}.items()]
    bare, imported, *ours = rows
    slowest = max(ours, key=lambda taken: taken["seconds"])
    note = (
        f"the slowest, {slowest['']}, takes {slowest['seconds'] / bare['seconds']:.1f} times as long as a bare Python "
        f"and {slowest['seconds'] / imported['seconds']:.2f} times as long as importing datasets"
    )
    return rows, [note]


def again(responses: int) -> tuple[list[dict[str, Any]], list[str]]:
    """Time `ecd generate` on a finished run."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        inputs = write_inputs(folder, max(1, responses // CALLS_PER_SEED))
        store_path, out = folder / "responses.sqlite", folder / "build"
        with Store(store_path) as store:
            corpus, recipe = read_corpus([str(folder / "seeds.jsonl")]), load_recipe(str(folder / "recipe.yaml"))
            source = ModelSource(SERVED, InProcess())  # type: ignore[arg-type]
            for _ in Generation(corpus, recipe, source, store).prepare().chains():
                pass
            stored = store.count()
        with simulated_server(median=0) as url:
            command = ["-m", "ecd_data.generate", *inputs, "--endpoint", url, "--out", str(out)]
            first = row(f"ecd generate, {stored:,} responses in the store, no build", command, 1)
            built = (out / "manifest.json").read_bytes()
            finished = row("the same again, on the finished build", command, 1)
        with Store(store_path) as store:
            if store.count() != stored or (out / "manifest.json").read_bytes() != built:
                raise SystemExit("a finished run was not finished: it asked again, or its build changed")
    return [first, finished], [f"starting again: {finished['seconds']:.1f} s for {stored:,} responses"]


def main() -> None:
    """Print the table."""
    flags = parser(__doc__)
    flags.add_argument("--responses", type=int, default=100_000, help="of the finished run, about (100000); 0: none")
    flags.add_argument("--repeats", type=int, default=5, help="of each --help (5)")
    args = flags.parse_args()
    rows, notes = helps(args.repeats)
    if args.responses:
        more_rows, more_notes = again(args.responses)
        rows, notes = rows + more_rows, notes + more_notes
    report(rows, notes, args.json)


if __name__ == "__main__":
    main()
