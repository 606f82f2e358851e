"""Whether an operation may be drawn: it has to suit the task and agree with the requirements in force."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from ecd_data.core.values import Requirement
from ecd_data.requirements.operation import Operation
from ecd_data.requirements.operations import patterns

CODE = re.compile(
    r"```|^[ \t]*(?:def |class \w+|import \w|from \w+ import|#include|function\b|public |return\b|SELECT\b|<\w+>)"
    r"|[;{}][ \t]*$",
    re.MULTILINE,
)


def suits(operation: Operation, instruction: str, response: str) -> bool:
    """Return whether an operation suits a task, by the seed's own instruction and the answer so far."""
    tasks = _tasks(instruction)
    if (operation.only_for and tasks.isdisjoint(operation.only_for)) or not tasks.isdisjoint(operation.not_for):
        return False
    if operation.unless and re.search(operation.unless, instruction, re.IGNORECASE):
        return False
    return "code" not in operation.not_for or not (_is_code(instruction) or _is_code(response))


@lru_cache(maxsize=1024)  # all operations and rounds ask it of the same instruction
def _tasks(instruction: str) -> frozenset[str]:
    """Return the tasks of `patterns.yaml` that an instruction may be."""
    tasks = patterns()["tasks"].items()
    return frozenset(name for name, pattern in tasks if re.search(pattern, instruction, re.IGNORECASE))


@lru_cache(maxsize=64)
def _is_code(text: str) -> bool:
    return CODE.search(text) is not None


def compatible(operation: Operation, in_force: Sequence[Requirement], taxonomy: Mapping[str, Operation]) -> bool:
    """Return whether an operation may join the requirements in force: no family twice, and no conflict either way."""
    for other in (taxonomy[requirement.id] for requirement in in_force):
        if other.family == operation.family:
            return False
        if other.id in operation.conflicts or other.family in operation.conflicts:
            return False
        if operation.id in other.conflicts or operation.family in other.conflicts:
            return False
    return True
