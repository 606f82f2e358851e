"""The spool: rows on their way from chains to Parquet, a folder for each part of the corpus.

part-00000-of-00002/{preference-train.jsonl, ..., keys}

Parts are made by one process or by many, in any order; the rows are those of the chains, in corpus order.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cache, cached_property, partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import msgspec

from ecd_data.calls.scheduler import Call
from ecd_data.core.errors import cannot_write
from ecd_data.core.process import end_with_parent
from ecd_data.core.recipe import Recipe
from ecd_data.core.values import Chain, Reject, RowId
from ecd_data.corpus.groups import split_of
from ecd_data.generation.generation import Listener, PreparedGeneration
from ecd_data.generation.route_shares import pairs_over_cap

Row = dict[str, Any]
ToRows = Callable[[Chain, Mapping[str, str]], dict[str, list[Row]]]


@dataclass(frozen=True)
class Spool:
    """The rows of a generation, in a folder.

    recipe: of the generation.
    to_rows: makes the rows of a chain, by config, given the models by name (a builder's `rows`).
    parts: number of parts of the corpus.
    """

    folder: Path
    recipe: Recipe
    to_rows: ToRows
    parts: int = 1

    def part(self, number: int) -> Path:
        """Return the folder of one part."""
        return self.folder / part_name(number, self.parts)

    def missing(self) -> list[int]:
        """Return the numbers of the parts that are missing."""
        return [number for number in range(self.parts) if not self.part(number).exists()]

    def calls(self) -> Iterator[Call]:
        """Yield the calls that the chains used, in corpus order."""
        for number in range(self.parts):
            with open(self.part(number) / "keys", encoding="utf-8") as lines:
                for line in lines:
                    key, _, failure = line.strip().partition(" ")
                    yield Call(key, failure)

    def fill(self, prepared: PreparedGeneration, processes: int = 1) -> None:
        """Generate the missing parts, in several processes if asked to.

        Raises:
            BuildError: the rows cannot be written.
            EndpointError, StoreError: see `ecd_data.calls`.
        """
        if processes == 1:
            for number in self.missing():
                self.fill_part(number, prepared)
            return
        silent = replace(prepared, generation=replace(prepared.generation, listener=Listener()))
        with ProcessPoolExecutor(processes, get_context("spawn"), initializer=end_with_parent) as pool:
            list(pool.map(partial(self.fill_part, prepared=silent), self.missing()))

    def fill_part(self, number: int, prepared: PreparedGeneration) -> None:
        """Run the chains of a part, and write their rows; the folder of the part appears once it is complete.

        Raises:
            BuildError: the rows cannot be written.
            EndpointError, StoreError: see `ecd_data.calls`.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with TemporaryDirectory(prefix=".part-", dir=self.folder, ignore_cleanup_errors=True) as work:
                self._write_part(Path(work), number, prepared)
                Path(work).rename(self.part(number))
        except OSError as error:
            if not self.part(number).exists():  # else another process has written the same rows
                raise cannot_write(self.folder, error) from error

    def _write_part(self, folder: Path, number: int, prepared: PreparedGeneration) -> None:
        models = {name: str(model) for name, model in prepared.generation.models.items()}
        with ExitStack() as opened:

            @cache
            def file(name: str) -> BinaryIO:
                return opened.enter_context(open(folder / name, "wb"))

            file("keys")  # also where there are no chains
            for chain, calls in prepared.chains(number, self.parts):
                split = split_of(chain.group, self.recipe.splits, self.recipe.seed)
                for config, rows in self.to_rows(chain, models).items():
                    for row in rows:
                        file(f"{config}-{split}.jsonl").write(msgspec.json.encode(row) + b"\n")
                file("keys").writelines(f"{call.key} {call.failure}\n".encode() for call in calls)

    def rows(self, config: str, split: str, number: int) -> Iterator[Row]:
        """Yield the rows of a part, in corpus order.

        Pairs beyond the share that the recipe allows a route are left out, while their turns stay in `sft` and
        `chains`. The rejects in their place come last: they are the part with the number `parts`.
        """
        dropped = self._dropped_rounds
        if number == self.parts:
            if config == "rejects" and dropped:
                yield from self._share_rejects(split)
            return
        for row in self._read(number, config, split):
            if config == "preference" and _round_id(row) in dropped:
                continue
            if config == "chains" and dropped:
                row = _without_pairs(row, dropped)
            yield row

    def _read(self, number: int, config: str, split: str) -> Iterator[Row]:
        path = self.part(number) / f"{config}-{split}.jsonl"
        if path.exists():
            with open(path, "rb") as lines:
                yield from map(msgspec.json.decode, lines)

    def _share_rejects(self, split: str) -> Iterator[Row]:
        """Yield the rows of `rejects` in place of the pairs beyond their route's share."""
        for number in range(self.parts):
            for row in self._read(number, "preference", split):
                if row["gap"] == 1 and _round_id(row) in self._dropped_rounds:
                    place, instruction = (row["seed_id"], row["round"]), row["prompt"][0]["content"]
                    reject = Reject(*place, "contrast", "route_share", row["operation"], instruction)
                    chain = Chain(row["seed_id"], "", (), (), (reject,))
                    yield from self.to_rows(chain, {"": row["model"]})["rejects"]

    @cached_property
    def _dropped_rounds(self) -> set[str]:
        """The ids of the rounds whose pairs are left out, over all parts."""
        if not self.recipe.max_share:
            return set()
        pairs = (
            (_round_id(row), row["adapted_by"])
            for number in range(self.parts)
            for split in self.recipe.splits
            for row in self._read(number, "preference", split)
        )
        return pairs_over_cap(pairs, self.recipe.max_share, self.recipe.seed)


def part_name(number: int, parts: int) -> str:
    """Return the name of a part's folder."""
    return f"part-{number:05d}-of-{parts:05d}"


def _round_id(row: Row) -> str:
    return RowId(row["seed_id"], row["round"]).round_id


def _without_pairs(chain: Row, rounds: Collection[str]) -> Row:
    """Return a row of `chains` with rejects in place of the pairs of some rounds."""
    dropped = [id_ for id_ in chain["pairs"] if id_ in rounds]
    pairs = [id_ for id_ in chain["pairs"] if RowId.parse(id_).round_id not in rounds]
    rejects = sorted(chain["rejects"] + dropped, key=lambda id_: RowId.parse(id_).round)
    return {**chain, "pairs": pairs, "rejects": rejects}
