"""The seed corpus: instructions, and answers where a column of them is named, from one or several sources."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from ecd_data.core.errors import SeedError
from ecd_data.core.hashing import canonical_json, sha256
from ecd_data.core.values import Seed
from ecd_data.corpus.groups import group_near_duplicates
from ecd_data.corpus.readers import published_name, read_rows, without_secrets

INSTRUCTION_COLUMNS = ("instruction", "prompt", "messages")


@dataclass(frozen=True)
class Columns:
    """The columns that hold the parts of a seed; a dotted name reaches into nested values (`instances.0.input`).

    instruction: text, or a chat whose first user message is the instruction. `None` takes the first column that exists
        of `instruction`, `prompt` and `messages`.
    input: text that belongs to the instruction and follows it (Alpaca's `input`).
    response: text, or a chat whose first assistant message is the answer. `None`: the model writes the first answer.
    """

    instruction: str | None = None
    input: str | None = None
    response: str | None = None


@dataclass(frozen=True)
class Corpus:
    """Seeds in the order of their sources.

    seeds: without exact duplicates.
    sources: names of the sources, as they may be published.
    duplicates: how many seeds were left out.
    """

    seeds: tuple[Seed, ...]
    sources: tuple[str, ...]
    duplicates: int

    @property
    def sha256(self) -> str:
        """Hash of instructions and responses, in order."""
        return sha256(canonical_json([[seed.instruction, seed.response] for seed in self.seeds]))


def read_corpus(sources: Sequence[str], columns: Columns | None = None, limit: int | None = None) -> Corpus:
    """Read and check every source; put near-duplicates into one group.

    Args:
        sources: as `read_rows` takes them.
        columns: where instruction, input and response are.
        limit: keep the first `limit` seeds.

    Raises:
        SeedError: a source cannot be read, a column does not exist, a value cannot be used, or there is no seed.
    """
    seeds: dict[str, Seed] = {}
    duplicates = 0
    for place, row in chain.from_iterable(map(read_rows, sources)):
        seed = _make_seed(place, row, columns or Columns())
        duplicates += seed.seed_id in seeds
        seeds.setdefault(seed.seed_id, seed)
        if len(seeds) == limit:
            break
    if not any(seed.instruction for seed in seeds.values()):
        names = ", ".join(map(without_secrets, sources))
        raise SeedError(f"{names}: no seeds. Give a corpus with at least one instruction.")
    groups = group_near_duplicates({seed.seed_id: seed.instruction for seed in seeds.values()})
    grouped = tuple(replace(seed, group=groups[seed.seed_id]) for seed in seeds.values())
    return Corpus(grouped, tuple(map(published_name, sources)), duplicates)


def _make_seed(place: str, row: Mapping[str, Any], columns: Columns) -> Seed:
    column = columns.instruction or next((name for name in INSTRUCTION_COLUMNS if name in row), INSTRUCTION_COLUMNS[0])
    instruction = _text(place, row, column, "instruction", "user")
    if instruction and columns.input and (extra := _text(place, row, columns.input, "input", "user")):
        instruction = f"{instruction}\n\n{extra}"
    response = _text(place, row, columns.response, "response", "assistant") if columns.response else ""
    return Seed(sha256(canonical_json([instruction, response]))[:16], instruction, response or None)


def _text(place: str, row: Mapping[str, Any], column: str, part: str, role: str) -> str:
    """Return the text in a column, or in the first message by `role` if it holds a chat, stripped.

    Args:
        place: where the row stands, for messages.
        row: values by column.
        column: its name, or a dotted path.
        part: the part of the seed that the column holds, as its flag names it.
        role: whose message it is in a chat.

    Raises:
        SeedError: the column does not exist, or its value is neither text nor a chat.
    """
    value: Any = row
    for step in [column] if column in row else column.split("."):
        if isinstance(value, Mapping) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            names = ", ".join(list(map(str, row))[:20]) or "none"
            raise SeedError(
                f"{place}: no column {column!r}; the columns are: {names}. Name the right one with --{part}-column."
            )
    if isinstance(value, list) and all(isinstance(m, Mapping) and "role" in m and "content" in m for m in value):
        value = next((m["content"] for m in value if m["role"] == role), "")
    if value is None:
        value = ""
    if not isinstance(value, str):
        raise SeedError(
            f"{place}: the column {column!r} holds a value of type {type(value).__name__}; it must hold text or a "
            'chat ([{"role": "user", "content": "..."}]).'
        )
    if any(0xD800 <= ord(char) <= 0xDFFF for char in value):
        raise SeedError(f"{place}: the column {column!r} holds an unpaired surrogate, which is not text. Remove it.")
    return value.strip()
