"""Replay on one core: from stored responses to a validated build, against reading the same responses bare.

    python -m benchmarks.replay --responses 100000

A scripted model first fills a store (not measured). Then a process of its own, which may use one core only, does what
`ecd generate --replay` does; the rival reads every response by its key, decodes it, and does nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest import mock

from benchmarks.simulated import WOVEN, edited, prose
from ecd_data.core.request import Model, Request, Response

MODEL = Model("scripted/model", "5c819ed0")
RECIPE = """
rounds: 3
routes: {edit: 3, fresh: 1}
operations: [content/include_keywords, content/start_phrase, content/end_phrase, style/no_commas, style/no_digits,
  style/lower_case, style/closing_question, format/word_count_at_most, format/sentence_count_at_most, format/title,
  format/postscript, reasoning/because, reasoning/answer_line, reasoning/summary_line, breadth/example_line]
"""
CALLS_PER_SEED = 9.3  # that this recipe makes with this model


class Scripted:
    """A pool of endpoints that answers by rule, at once."""

    retries = in_flight = 0
    limit = capacity = 64

    async def __aenter__(self) -> Scripted:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def identify(self, model: str | None = None) -> Model:
        """Return the model that it stands for."""
        return MODEL

    async def complete(self, request: Request, priority: tuple[int, ...] = ()) -> Response:
        """Return an answer of 50 to 140 words, an edit of one, or a rewritten instruction."""
        rng = random.Random(request.seed)
        last = request.messages[-1]["content"]
        if request.role == "weave":
            _, instruction, wish, _ = re.split(r"^Instruction: |\nAlso ask for: |\nRewritten instruction:", last)
            text = f"{instruction} {wish}" if rng.random() < WOVEN else instruction
        elif request.role == "edit":
            text = edited(request.messages[-2]["content"], last, rng)
        else:
            text = f"{prose(last, rng)} {prose(last, rng)}"
        prompt = sum(len(message["content"]) for message in request.messages)
        return Response(text, "stop", prompt_tokens=prompt // 4, completion_tokens=len(text) // 4)


def write_seeds(path: Path, size: int) -> None:
    """Write distinct instructions of 8 to 30 words of the bundled seeds."""
    from ecd_data.corpus.seeds import read_corpus

    rng = random.Random(0)
    words = re.findall(r"[a-z]{2,}", " ".join(seed.instruction for seed in read_corpus(["bundled"]).seeds))
    with open(path, "w", encoding="utf-8") as file:
        for _ in range(size):
            text = " ".join(rng.choice(words) for _ in range(rng.randint(8, 30)))
            file.write(json.dumps({"instruction": f"Explain {text}."}) + "\n")


def fill_store(work: Path) -> int:
    """Run the generation with the scripted model; return the number of responses."""
    from ecd_data.calls.scheduler import ModelSource
    from ecd_data.calls.store import Store
    from ecd_data.core.recipe import load_recipe
    from ecd_data.corpus.seeds import read_corpus
    from ecd_data.generation.generation import Generation

    with Store(work / "responses.sqlite") as store:
        store._database.writer.execute("PRAGMA synchronous = OFF")  # this store is not worth the wait for the disk
        corpus = read_corpus([str(work / "seeds.jsonl")])
        source = ModelSource(MODEL, Scripted())  # type: ignore[arg-type]
        generation = Generation(corpus, load_recipe(str(work / "recipe.yaml")), source, store)
        for _ in generation.prepare().chains():
            pass
        return store.count()


def replay(work: Path, out: Path, profile: Path | None) -> dict[str, Any]:
    """Replay the store into a build on one core; return the seconds by stage, in all, and of the rival."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    started = time.perf_counter(), time.process_time()
    from ecd_data.core.process import exempt_from_gc

    with exempt_from_gc():
        from ecd_data.artifact import build
        from ecd_data.cli.arguments import add_generation_arguments
        from ecd_data.generate import generate
        from ecd_data.generation.inputs import Sources
        from ecd_data.generation.spool import Spool

    parser = argparse.ArgumentParser()
    add_generation_arguments(parser)
    inputs = ["--seeds", str(work / "seeds.jsonl"), "--recipe", str(work / "recipe.yaml")]
    args = parser.parse_args([*inputs, "--responses", str(work / "responses.sqlite"), "--replay"])
    seconds = {"imports": time.process_time() - started[1]}
    stages = {
        "seeds and groups": (Sources, "read"),
        "reading and method": (Spool, "fill"),
        "rows, gate, Parquet": (build, "_prepare"),
        "responses export": (build, "write_parquet"),
        "manifest and funnel": (build, "make_manifest"),
        "validation": (build, "check_rows"),
        "card": (build, "write_card"),
    }
    with ExitStack() as patched:
        for stage, (owner, name) in stages.items():
            timed = timing(getattr(owner, name), stage, seconds)
            patched.enter_context(mock.patch.object(owner, name, timed))
        if profile:
            import cProfile

            profiler = cProfile.Profile()
            manifest = profiler.runcall(generate, args, out)
            profiler.dump_stats(profile)
        else:
            manifest = generate(args, out)
    wall, cpu = time.perf_counter() - started[0], time.process_time() - started[1]
    bare = time.process_time()
    read = sum(1 for _ in bare_responses(work / "responses.sqlite"))
    bare = time.process_time() - bare
    return {"seconds": seconds, "wall": wall, "cpu": cpu, "bare": bare, "read": read, "counts": manifest["counts"]}


def timing(function: Callable[..., Any], stage: str, seconds: dict[str, float]) -> Callable[..., Any]:
    """Return the function, with the CPU seconds of its calls added to those of a stage."""

    def timed(*args: Any, **kwargs: Any) -> Any:
        before = time.process_time()
        try:
            return function(*args, **kwargs)
        finally:
            seconds[stage] = seconds.get(stage, 0.0) + time.process_time() - before

    return timed


def bare_responses(path: Path) -> Iterator[Any]:
    """Return every response of a store by its key, decoded."""
    import sqlite3
    import zlib

    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    for (key,) in db.execute("SELECT key FROM responses ORDER BY key").fetchall():
        (response,) = db.execute("SELECT response FROM responses WHERE key = ?", [key]).fetchone()
        yield json.loads(zlib.decompress(response))


def main() -> None:
    """Print the time of a replay by stage, and the ratio to the rival."""
    parser = argparse.ArgumentParser(description="Responses a second of a replay to a validated build, on one core.")
    parser.add_argument("--responses", type=int, default=100_000, metavar="N", help="about so many (default 100,000)")
    parser.add_argument(
        "--work", type=Path, metavar="DIR", help="keep seeds, store and build there, and use them again"
    )
    parser.add_argument("--profile", type=Path, metavar="FILE", help="write cProfile's numbers, which slows it down")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(json.dumps(replay(args.child, args.child / "build", args.profile)))
        return
    with tempfile.TemporaryDirectory() as folder:
        work = args.work or Path(folder)
        work.mkdir(parents=True, exist_ok=True)
        if not (work / "responses.sqlite").exists():
            (work / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
            write_seeds(work / "seeds.jsonl", round(args.responses / CALLS_PER_SEED))
            print(f"{fill_store(work)} responses stored", file=sys.stderr)
        command = [sys.executable, "-m", "benchmarks.replay", "--child", str(work)]
        command += ["--profile", str(args.profile)] if args.profile else []
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        report(json.loads(done.stdout.splitlines()[-1]))


def report(took: dict[str, Any]) -> None:
    """Print the table."""
    read, counts = took["read"], took["counts"]
    print(f"{read} responses, {counts['seeds']} seeds, {counts['rounds']} rounds, {counts['pairs']} pairs; CPU time")
    for stage, spent in took["seconds"].items():
        print(f"  {stage:20} {spent:7.2f} s  {spent / read * 1e6:6.1f} us a response")
    print(f"replay               {took['cpu']:9.2f} s  {read / took['cpu']:,.0f} responses a second")
    print(f"rival: reading them  {took['bare']:9.2f} s  {read / took['bare']:,.0f} responses a second")
    print(f"a validated build costs {took['cpu'] / took['bare']:.1f} times as much as reading its responses")
    print(f"from the start of the process to the end, by the clock: {took['wall']:.2f} s")


if __name__ == "__main__":
    main()
