"""The spool: rows on their way from chains to Parquet, a folder for each part of the corpus.

part-00000-of-00002/{preference-train.jsonl, ..., keys}

Parts are made by one process or by many, in any order. What comes out depends on the chains alone, in corpus order.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property, partial
from multiprocessing import get_context
from pathlib import Path
from typing import BinaryIO

import msgspec

from builders import find
from builders.rows import Row, reject_row
from ecd_data.artifact.build import cannot_write
from ecd_data.artifact.claims import round_of
from ecd_data.command import end_with_parent
from ecd_data.corpus.groups import split_of
from ecd_data.generation import Generation
from ecd_data.method.shares import surplus
from ecd_data.recipe import Recipe
from ecd_data.values import Reject


@dataclass(frozen=True)
class Spool:
    """The rows of a generation, in `folder`, made in `parts` parts."""

    folder: Path
    recipe: Recipe
    parts: int = 1

    def part(self, number: int) -> Path:
        """The folder of one part."""
        return self.folder / part_name(number, self.parts)

    def missing(self) -> list[int]:
        """The parts that are yet to be made."""
        return [number for number in range(self.parts) if not self.part(number).exists()]

    def keys(self) -> Iterator[str]:
        """The store keys of the responses that the chains used, in corpus order."""
        return (key for key, *_ in self._calls())

    def failed(self) -> Iterator[tuple[str, str]]:
        """Those among them of calls that failed for good while the chains were made, each with the reason."""
        return ((key, reason) for key, *reasons in self._calls() for reason in reasons)

    def _calls(self) -> Iterator[list[str]]:
        for number in range(self.parts):
            with open(self.part(number) / "keys", encoding="utf-8") as lines:
                yield from map(str.split, lines)

    def fill(self, generation: Generation, processes: int = 1) -> None:
        """Makes the parts that are missing, in some processes beside each other.

        Raises:
            EndpointError, StoreError: see `ecd_data.calls`.
        """
        _ = generation.plan  # a judge is tried once, not by each of the processes
        if processes == 1:
            for number in self.missing():
                self.fill_part(number, generation)
            return
        alone = replace(generation, on_stage=None, on_result=None, on_call=None, on_judge=None)
        with ProcessPoolExecutor(processes, get_context("spawn"), initializer=end_with_parent) as pool:
            list(pool.map(partial(self.fill_part, generation=alone), self.missing()))

    def fill_part(self, number: int, generation: Generation) -> None:
        """Runs the chains of a part and writes their rows; the part is there when it is whole.

        Raises:
            BuildError: the rows cannot be written.
            EndpointError, StoreError: see `ecd_data.calls`.
        """
        try:
            self._fill_part(number, generation)
        except OSError as error:
            raise cannot_write(self.folder, error) from error

    def _fill_part(self, number: int, generation: Generation) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        to_rows = find(self.recipe.builder).rows
        models = {name: str(model) for name, model in generation.models.items()}
        folder = tempfile.TemporaryDirectory(prefix=".part-", dir=self.folder, ignore_cleanup_errors=True)
        with folder as work, ExitStack() as opened:
            files: dict[str, BinaryIO] = {}

            def write(name: str, line: bytes) -> None:
                if name not in files:
                    files[name] = opened.enter_context(open(Path(work, name), "wb"))
                files[name].write(line)

            write("keys", b"")
            for chain, keys in generation.chains(number, self.parts):
                split = split_of(chain.group, self.recipe.splits, self.recipe.seed)
                for config, rows in to_rows(chain, models).items():
                    for row in rows:
                        write(f"{config}-{split}.jsonl", msgspec.json.encode(row) + b"\n")
                marked = (f"{key} {generation.failed.get(key, '')}".rstrip() + "\n" for key in keys)
                write("keys", "".join(marked).encode())
            opened.close()
            try:
                Path(work).rename(self.part(number))
            except OSError:
                if not self.part(number).exists():  # else another process has made the same rows
                    raise

    def rows(self, config: str, split: str, number: int) -> Iterator[Row]:
        """The rows of a part, in corpus order.

        Pairs beyond the share that the recipe allows a route are left out. They are rejects of their own, and make up
        one more part at the end: the accepted turn stays in `sft` and `chains`, with its candidates.
        """
        gone = self._surplus
        if number == self.parts:
            if config == "rejects":
                for part in range(self.parts if gone else 0):
                    yield from (_share_reject(row) for row in self._pairs(part, split) if _round(row) in gone)
            return
        for row in _read(self.part(number) / f"{config}-{split}.jsonl"):
            if config == "preference" and _round(row) in gone:
                continue
            if config == "chains" and gone:
                row = _without(row, gone)
            yield row

    def _pairs(self, number: int, split: str) -> Iterator[Row]:
        rows = _read(self.part(number) / f"preference-{split}.jsonl")
        return (row for row in rows if row["gap"] == 1)

    @cached_property
    def _surplus(self) -> set[str]:
        """The rounds whose pairs are too many of their route, over all parts."""
        if not self.recipe.max_share:
            return set()
        made = (
            (_round(row), row["adapted_by"])
            for number in range(self.parts)
            for split in self.recipe.splits
            for row in _read(self.part(number) / f"preference-{split}.jsonl")
        )
        return surplus(made, self.recipe.max_share, self.recipe.seed)


def part_name(number: int, parts: int) -> str:
    """The name of a part's folder."""
    return f"part-{number:05d}-of-{parts:05d}"


def _read(path: Path) -> Iterator[Row]:
    if path.exists():
        with open(path, "rb") as lines:
            yield from map(msgspec.json.decode, lines)


def _round(row: Row) -> str:
    return f"{row['seed_id']}-r{row['round']}"


def _share_reject(row: Row) -> Row:
    instruction = row["prompt"][0]["content"]
    reject = Reject(row["seed_id"], row["round"], "contrast", "route_share", row["operation"], instruction)
    return {**reject_row(reject), "model": row["model"]}


def _without(chain: Row, rounds: Collection[str]) -> Row:
    """A row of `chains` whose pairs of these rounds are rejects."""
    gone = [id_ for id_ in chain["pairs"] if id_ in rounds]
    pairs = [id_ for id_ in chain["pairs"] if round_of(id_) not in rounds]
    rejects = sorted(chain["rejects"] + gone, key=lambda id_: int(id_.rpartition("-r")[2]))
    return {**chain, "pairs": pairs, "rejects": rejects}
