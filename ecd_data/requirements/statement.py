"""Whether an instruction states a requirement: in the words that its operation's `stated` asks for."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from ecd_data.core.values import Requirement
from ecd_data.requirements.operation import Operation
from ecd_data.requirements.operations import patterns
from ecd_data.requirements.text import NUMBER_WORDS

PARAMETER = re.compile(r"\{([a-z]\w*)\}")  # of a pattern of `stated`
FLAGS = re.IGNORECASE | re.DOTALL


def is_stated(operation: Operation, requirement: Requirement, instruction: str) -> bool:
    """Return whether an instruction states a code-checked requirement: every pattern of `stated` matches."""
    phrases = patterns()["phrases"]
    templates = [phrases.get(template, template) for template in operation.stated]
    return all(
        pattern.search(instruction) for template in templates for pattern in _filled(template, requirement.kwargs)
    )


def _filled(template: str, kwargs: Mapping[str, Any]) -> Iterator[re.Pattern[str]]:
    """Yield the pattern with its parameters filled in, once for each item of a list or property of a schema."""
    names = PARAMETER.findall(template)
    lists = [name for name in names if isinstance(kwargs[name], (list, tuple, Mapping))]
    items = kwargs[lists[0]] if lists else [None]
    for item in items["properties"] if isinstance(items, Mapping) else items:
        yield _pattern(template, *(item if name in lists else kwargs[name] for name in names))


@lru_cache(maxsize=4096)  # every round asks whether what is in force is stated
def _pattern(template: str, *values: Any) -> re.Pattern[str]:
    literals = map(_literal, values)
    return re.compile(PARAMETER.sub(lambda _: next(literals), template), FLAGS)


def _literal(value: Any) -> str:
    """Return the pattern of a parameter as a whole word; a small number may also be spelled out."""
    spelled = f"|{NUMBER_WORDS[value]}" if isinstance(value, int) and value < len(NUMBER_WORDS) else ""
    return rf"(?<!\w)(?:{re.escape(str(value))}{spelled})(?!\w)"
