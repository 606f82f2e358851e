"""The taxonomy: the operations by which evolution makes instructions harder, read from `operations/*.yaml`."""

import difflib
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from ecd_data.core.errors import RecipeError
from ecd_data.core.hashing import canonical_json, sha256
from ecd_data.requirements.operation import Operation
from ecd_data.requirements.operations import patterns, read
from ecd_data.requirements.statement import PARAMETER

CLASSES = ("content", "style", "format", "reasoning", "breadth")
LENGTHS = ("words", "sentences", "paragraphs", "characters", "lines")  # families that say how long an answer is


@cache
def load_taxonomy() -> Mapping[str, Operation]:
    """Return the operations that the package ships, by id, in the order of the classes and their files."""
    return read_taxonomy(entry for name in CLASSES for entry in read(name))


@cache
def taxonomy_hash() -> str:
    """Return the SHA-256 of the taxonomy's content."""
    return sha256(canonical_json([read(name) for name in (*CLASSES, "patterns")]))


def class_of(operation: str) -> str:
    """Return the class of an operation of the taxonomy by its id; of another one (`rlcd/concise`), its name."""
    kind, _, name = operation.partition("/")
    return kind if kind in CLASSES else name


def select(globs: Sequence[str], taxonomy: Mapping[str, Operation]) -> list[Operation]:
    """Return the operations that ids and globs (`format/*`) name, in the order of the taxonomy.

    Raises:
        RecipeError: one of them matches nothing.
    """
    for glob in globs:
        if not any(fnmatchcase(id_, glob) for id_ in taxonomy):
            close = difflib.get_close_matches(glob, list(taxonomy), n=3, cutoff=0.4)
            raise RecipeError(f"recipe: no operation matches {glob!r}; did you mean {', '.join(close) or 'format/*'}?")
    return [operation for id_, operation in taxonomy.items() if any(fnmatchcase(id_, glob) for glob in globs)]


def read_taxonomy(entries: Iterable[Mapping[str, Any]]) -> dict[str, Operation]:
    """Return the operations of a taxonomy's entries, by id, in their order.

    Raises:
        RecipeError: an entry is not as `Operation` says; the message names it.
    """
    taxonomy: dict[str, Operation] = {}
    for entry in entries:
        try:
            operation = _operation(entry)
        except TypeError as error:
            raise RecipeError(f"taxonomy: {entry.get('id', entry)}: {error}") from None
        if operation.id in taxonomy:
            raise RecipeError(f"taxonomy: {operation.id}: two operations have this id")
        taxonomy[operation.id] = operation
    names = {name for operation in taxonomy.values() for name in (operation.id, operation.family)}
    for operation in taxonomy.values():
        for problem in _problems(operation, names):
            raise RecipeError(f"taxonomy: {operation.id}: {problem}")
    return taxonomy


def _operation(entry: Mapping[str, Any]) -> Operation:
    fields: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    groups = patterns()["groups"]
    fields["conflicts"] = tuple(name for named in entry.get("conflicts", ()) for name in groups.get(named, [named]))
    return Operation(**fields)


def _problems(operation: Operation, names: set[str]) -> Iterator[str]:
    if operation.id.split("/")[0] not in CLASSES:
        yield f"the class must be one of {', '.join(CLASSES)}"
    if unknown := [name for name in operation.conflicts if name not in names]:
        yield f"conflicts names {', '.join(unknown)}, which is neither a family nor an id"
    if unknown := [name for name in (*operation.not_for, *operation.only_for) if name not in patterns()["tasks"]]:
        yield f"not_for or only_for names {', '.join(unknown)}, which is not a task of patterns.yaml"
    if not operation.guidance or set(operation.example) - {"kwargs"} != {"before", "after"}:
        yield "an operation needs guidance and an example with before and after"
    if operation.check == "judge":
        return
    if not operation.texts or not operation.stated:
        yield "an operation that code checks needs texts and stated"
    for text in operation.texts:
        if {name for _, name, _, _ in string.Formatter().parse(text) if name} != set(operation.params):
            yield f"the text {text!r} must name the parameters {', '.join(operation.params) or '(none)'} and no others"
    for name in (name for pattern in operation.stated for name in PARAMETER.findall(pattern)):
        if name not in {*operation.params, *operation.kwargs}:
            yield f"stated names {{{name}}}, which is not a parameter"
