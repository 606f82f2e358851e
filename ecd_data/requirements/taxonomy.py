"""The taxonomy: which requirements evolution can add, how their parameters are drawn, and which go together."""

from __future__ import annotations

import difflib
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from typing import Any

import yaml

from ecd_data.errors import RecipeError
from ecd_data.values import Requirement, canonical_json, sha256

CLASSES = ("content", "style", "format", "reasoning", "breadth")
NUMBERS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One way to make an instruction harder; the fields are explained at the top of `taxonomy.yaml`."""

    id: str
    summary: str
    check: str
    family: str
    conflicts: tuple[str, ...] = ()
    not_for: tuple[str, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    texts: tuple[str, ...] = ()
    stated: tuple[str, ...] = ()
    guidance: str = ""
    example: Mapping[str, str] = field(default_factory=dict)

    def draw(self, rng: random.Random, round: int) -> Requirement:
        """A requirement that code can check, with parameters and wording drawn by `rng`."""
        kwargs = {**self.kwargs, **{name: _draw(rng, how) for name, how in self.params.items()}}
        text = rng.choice(self.texts).format(**{name: _shown(value) for name, value in kwargs.items()})
        return Requirement(self.id, text, kwargs, "code", round)


def is_stated(operation: Operation, requirement: Requirement, instruction: str) -> bool:
    """Whether an instruction states a code-checked requirement: its parameters and its key word are in it."""
    for pattern in operation.stated:
        name = pattern[1:-1] if re.fullmatch(r"\{\w+\}", pattern) else None
        values = requirement.kwargs[name] if name else None
        wanted = [pattern] if name is None else values if isinstance(values, (list, tuple)) else [values]
        if not all(
            re.search(_pattern(value, literal=name is not None), instruction, re.IGNORECASE) for value in wanted
        ):
            return False
    return True


def compatible(operation: Operation, in_force: Sequence[Requirement], taxonomy: Mapping[str, Operation]) -> bool:
    """Whether an operation may join the requirements in force: no family twice, and no conflict either way."""
    for other in (taxonomy[requirement.id] for requirement in in_force):
        if other.family == operation.family:
            return False
        if {other.id, other.family} & set(operation.conflicts) or {operation.id, operation.family} & set(
            other.conflicts
        ):
            return False
    return True


def select(patterns: Sequence[str], taxonomy: Mapping[str, Operation]) -> list[Operation]:
    """The operations that ids and globs (`format/*`) name, in the order of the taxonomy.

    Raises:
        RecipeError: a pattern fits nothing.
    """
    for pattern in patterns:
        if not any(fnmatchcase(id_, pattern) for id_ in taxonomy):
            close = difflib.get_close_matches(pattern, list(taxonomy), n=3, cutoff=0.4)
            raise RecipeError(f"recipe: no operation fits {pattern!r}; did you mean {', '.join(close) or 'format/*'}?")
    return [op for id_, op in taxonomy.items() if any(fnmatchcase(id_, pattern) for pattern in patterns)]


@cache
def load_taxonomy() -> Mapping[str, Operation]:
    """The operations by id, in the order of the file."""
    operations: dict[str, Operation] = {}
    for entry in yaml.safe_load(_text()):
        fields: dict[str, Any] = {k: tuple(value) if isinstance(value, list) else value for k, value in entry.items()}
        operations[entry["id"]] = Operation(**fields)
    return operations


@cache
def taxonomy_hash() -> str:
    """SHA-256 of the taxonomy's content."""
    return sha256(canonical_json(yaml.safe_load(_text())))


def _text() -> str:
    return (resources.files("ecd_data.requirements") / "taxonomy.yaml").read_text(encoding="utf-8")


def _draw(rng: random.Random, how: Mapping[str, Any]) -> Any:
    if "choice" in how:
        return rng.choice(how["choice"])
    if "range" in how:
        low, high, step = how["range"]
        return rng.choice(range(low, high + 1, step))
    return rng.sample(how["sample"], rng.randint(*how["k"]))


def _shown(value: Any) -> str:
    """A parameter as the sentence shows it; a list as `"a", "b" and "c"`."""
    if not isinstance(value, list):
        return str(value)
    quoted = [f'"{item}"' for item in value]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)


def _pattern(value: Any, literal: bool) -> str:
    """A regular expression for a parameter; a small number may also be spelt out."""
    if not literal:
        return str(value)
    spelt = f"|{NUMBERS[value]}" if isinstance(value, int) and value < len(NUMBERS) else ""
    return rf"(?<!\w)(?:{re.escape(str(value))}{spelt})(?!\w)"
