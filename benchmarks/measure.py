"""What the benchmarks share: measured processes, the simulated server in one of them, made-up seeds, tables.

with simulated_server(median=1.0) as url:
    done = measured([sys.executable, "-m", "ecd_data.generate", "--endpoint", url, ...])
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any
from unittest import mock

from benchmarks.simulated import MODEL, RECIPE, REVISION, answer
from ecd_data.calls.chat import chat_arguments
from ecd_data.core.request import Model, Request, Response

SIMULATED = Path(__file__).with_name("simulated.py")
SERVED = Model(MODEL, REVISION)


@dataclass(frozen=True)
class Measured:
    """The seconds of a process by the clock and of CPU time, with those of its children, and its output.

    `peak` is the largest resident set of one of these processes in MB, and never less than this process's own.
    """

    wall: float
    cpu: float
    peak: float
    output: str


def measured(command: Sequence[str | Path], **environment: str) -> Measured:
    """Run a command to its end; its standard error passes through.

    Raises:
        subprocess.CalledProcessError: its exit code is not 0.
    """
    started = perf_counter()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, stdout=output, env={**os.environ, **environment})
        _, status, usage = os.wait4(process.pid, 0)
        wall = perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, text)
    return Measured(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, text)


@contextmanager
def simulated_server(**flags: object) -> Iterator[str]:
    """Run the simulated server in a process of its own, so that no other pays its CPU time; yield its URL."""
    command = [sys.executable, str(SIMULATED), *(f"--{name}={value}" for name, value in flags.items())]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin
        assert server.stdout
        try:
            yield server.stdout.readline().strip()
        finally:
            server.stdin.close()  # it ends with its standard input


class InProcess:
    """A pool of endpoints that gives the simulated server's texts at once and without HTTP."""

    retries = in_flight = 0
    limit = capacity = 64

    async def __aenter__(self) -> InProcess:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def identify(self, model: str | None = None) -> Model:
        """Return the model that the simulated server would report."""
        return SERVED

    async def complete(self, request: Request, priority: tuple[int, ...] = ()) -> Response:
        """Return what the simulated server might have answered."""
        text = answer(chat_arguments(request, "tgi", SERVED), random.Random(request.seed))
        prompt = sum(len(message["content"]) for message in request.messages)
        return Response(text, "stop", prompt_tokens=prompt // 4, completion_tokens=len(text) // 4)


def write_inputs(folder: Path, seeds: int) -> list[str]:
    """Write distinct instructions of 8 to 20 words and the server's recipe; return the flags that name them."""
    from ecd_data.corpus.seeds import read_corpus

    rng = random.Random(0)
    words = re.findall(r"[a-z]{2,}", " ".join(seed.instruction for seed in read_corpus(["bundled"]).seeds))
    with open(folder / "seeds.jsonl", "w", encoding="utf-8") as file:
        for _ in range(seeds):
            text = " ".join(rng.choices(words, k=rng.randint(8, 20)))
            file.write(json.dumps({"instruction": f"Explain {text}."}) + "\n")
    (folder / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    names = {"seeds": "seeds.jsonl", "recipe": "recipe.yaml", "responses": "responses.sqlite"}
    return [text for flag, name in names.items() for text in (f"--{flag}", str(folder / name))]


def build_in_process(inputs: Sequence[str], out: Path) -> dict[str, Any]:
    """Make the build of `ecd generate` from the inputs, with the texts of `InProcess`; return its manifest."""
    from ecd_data.calls.scheduler import ModelSource
    from ecd_data.cli.arguments import add_generation_arguments
    from ecd_data.generate import generate
    from ecd_data.generation import inputs as generation_inputs

    arguments = parser(None)
    add_generation_arguments(arguments)
    args = arguments.parse_args([*inputs, "--endpoint", "http://in.process"])
    source = ModelSource(SERVED, InProcess())  # type: ignore[arg-type]
    with mock.patch.object(generation_inputs, "connect", return_value={"": source}):
        return generate(args, out)


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the flag that all benchmarks have."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there too")
    return made


def report(rows: Sequence[Mapping[str, Any]], notes: Sequence[str], json_file: Path | None) -> None:
    """Print a table of the rows, which have the same columns, and the notes below it."""
    cells = [list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    cells.insert(1, ["-" * width for width in widths])
    for row in cells:
        first, *rest = zip(row, widths, strict=True)
        print(f"| {' | '.join([first[0].ljust(first[1]), *(text.rjust(width) for text, width in rest)])} |")
    for note in notes:
        print(note)
    if json_file:
        json_file.parent.mkdir(parents=True, exist_ok=True)
        where = {"python": platform.python_version(), "machine": platform.machine(), "cores": os.cpu_count()}
        found = {"command": " ".join(sys.argv), **where, "rows": list(rows), "notes": list(notes)}
        json_file.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
