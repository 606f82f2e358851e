"""The taxonomy: which requirements evolution can add, how their parameters are drawn, and which go together."""

from __future__ import annotations

import difflib
import itertools
import random
import re
import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from importlib import resources
from typing import Any

import yaml

from ecd_data.core.errors import RecipeError
from ecd_data.core.hashing import canonical_json, sha256
from ecd_data.core.values import Requirement

# The one written in C is many times faster; it reads the same.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
CLASSES = ("content", "style", "format", "reasoning", "breadth")
CODE = re.compile(
    r"```|^[ \t]*(?:def |class \w+|import \w|from \w+ import|#include|function\b|public |return\b|SELECT\b|<\w+>)"
    r"|[;{}][ \t]*$",
    re.MULTILINE,
)
STATED = re.IGNORECASE | re.DOTALL
LENGTHS = ("words", "sentences", "paragraphs", "characters", "lines")  # families that say how long an answer is
NUMBERS = [
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"),
]


@dataclass(frozen=True, slots=True, eq=False)  # each is the only one of its kind, and may be a key
class Operation:
    """One way to make an instruction harder: an entry of `operations/<class>.yaml`.

    id: class/name.
    summary: what it asks for, in a line.
    check: a function of `ecd_data.requirements.checks`, or `judge`.
    family: at most one operation of a family is in force in a chain.
    conflicts: families or ids that contradict it (either way round), or a group of families of `patterns.yaml`.
    not_for: kinds of task that it does not suit, from the tasks of `patterns.yaml`; `code` is also told by its looks.
    only_for: kinds of task that it needs one of.
    unless: a regular expression; a seed's instruction that it fits asks for that itself, or for the opposite.
    kwargs: fixed parameters of the check.
    params: drawn ones: {choice: [...]}, {range: [low, high, step]} or {sample: [...], k: [low, high]}; or the seed's
        own instruction: {from: instruction}.
    texts: wordings of the sentence, filled in with the parameters; {n:word} stands for "1 word" or "2 words".
    stated: what an instruction that states it must say: all of these regular expressions, case aside. {name} stands
        for the parameter as a whole word (for each item of a list), a number up to twenty in digits or spelt out; a
        bare name is one of the phrases of `patterns.yaml`.
    guidance, example: what the evolution prompt says about it; the example has an instruction `before` and `after`,
        and the `kwargs` of what it adds where code checks that.
    """

    id: str
    summary: str
    check: str
    family: str
    conflicts: tuple[str, ...] = ()
    not_for: tuple[str, ...] = ()
    only_for: tuple[str, ...] = ()
    unless: str = ""
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    texts: tuple[str, ...] = ()
    stated: tuple[str, ...] = ()
    guidance: str = ""
    example: Mapping[str, Any] = field(default_factory=dict)

    def draw(self, rng: random.Random, round: int, instruction: str = "") -> Requirement:
        """A requirement that code can check, with parameters and wording drawn by `rng`.

        `instruction` is the seed's own, without any requirement, and stays the same in every round.
        """
        kwargs = {**self.kwargs, **{name: _draw(rng, how, instruction) for name, how in self.params.items()}}
        return Requirement(self.id, self.sentence(rng.choice(self.texts), kwargs), kwargs, "code", round)

    @staticmethod
    def sentence(text: str, kwargs: Mapping[str, Any]) -> str:
        """A wording with its parameters filled in."""
        return text.format(**{name: _shown(value) for name, value in kwargs.items()})


def class_of(operation: str) -> str:
    """The class of an operation of the taxonomy by its id; of another one (`rlcd/concise`), its name."""
    kind, _, name = operation.partition("/")
    return kind if kind in CLASSES else name


def is_stated(operation: Operation, requirement: Requirement, instruction: str) -> bool:
    """Whether an instruction states a code-checked requirement: all that `stated` asks for is found in it."""
    fixed, drawn = _asked(operation)
    return all(pattern.search(instruction) for pattern in fixed) and all(
        pattern.search(instruction) for template in drawn for pattern in _patterns(template, requirement.kwargs)
    )


@cache
def _asked(operation: Operation) -> tuple[list[re.Pattern[str]], list[str]]:
    """What an instruction must say to state an operation: patterns without parameters, and templates of others."""
    phrases = _shared()["phrases"]
    templates = [phrases.get(template, template) for template in operation.stated]
    fixed = [re.compile(template, STATED) for template in templates if not _NAME.search(template)]
    return fixed, [template for template in templates if _NAME.search(template)]


def suits(operation: Operation, instruction: str, response: str) -> bool:
    """Whether an operation suits a task, told by the seed's own instruction and the answer so far."""
    if not _suits_task(operation, instruction):
        return False
    return "code" not in operation.not_for or not (_is_code(instruction) or _is_code(response))


@lru_cache(maxsize=8192)  # each round asks it of the same instruction
def _suits_task(operation: Operation, instruction: str) -> bool:
    tasks = _shared()["tasks"]
    if operation.only_for and not any(_fits(tasks[name], instruction) for name in operation.only_for):
        return False
    ruled_out = [operation.unless, *(tasks[name] for name in operation.not_for)]
    return not any(pattern and _fits(pattern, instruction) for pattern in ruled_out)


@lru_cache(maxsize=8192)  # many operations ask for the same kind of task
def _fits(pattern: str, instruction: str) -> bool:
    return re.search(pattern, instruction, re.IGNORECASE) is not None


@lru_cache(maxsize=64)
def _is_code(text: str) -> bool:
    return CODE.search(text) is not None


def compatible(operation: Operation, in_force: Sequence[Requirement], taxonomy: Mapping[str, Operation]) -> bool:
    """Whether an operation may join the requirements in force: no family twice, and no conflict either way."""
    for other in (taxonomy[requirement.id] for requirement in in_force):
        if other.family == operation.family:
            return False
        if other.id in operation.conflicts or other.family in operation.conflicts:
            return False
        if operation.id in other.conflicts or operation.family in other.conflicts:
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
    """The operations that the package ships, by id, in the order of the classes and their files."""
    return read_taxonomy("\n".join(_text(name) for name in CLASSES))


@cache
def taxonomy_hash() -> str:
    """SHA-256 of the taxonomy's content."""
    return sha256(canonical_json([yaml.load(_text(name), LOADER) for name in (*CLASSES, "patterns")]))


def read_taxonomy(text: str) -> dict[str, Operation]:
    """The operations of a taxonomy file, by id, in the order of the file.

    Raises:
        RecipeError: an entry is not as the file's head says; the message names the entry.
    """
    taxonomy: dict[str, Operation] = {}
    for entry in yaml.load(text, LOADER):
        fields: dict[str, Any] = {k: tuple(value) if isinstance(value, list) else value for k, value in entry.items()}
        groups = _shared()["groups"]
        conflicts = [groups.get(name, [name]) for name in entry.get("conflicts", ())]
        fields["conflicts"] = tuple(itertools.chain.from_iterable(conflicts))
        try:
            op = Operation(**fields)
        except TypeError as error:
            raise RecipeError(f"taxonomy: {entry.get('id', entry)}: {error}") from None
        if op.id in taxonomy:
            raise RecipeError(f"taxonomy: {op.id}: the id is there twice")
        taxonomy[op.id] = op
    named = {name for op in taxonomy.values() for name in (op.id, op.family)}
    for op in taxonomy.values():
        for problem in _problems(op, named):
            raise RecipeError(f"taxonomy: {op.id}: {problem}")
    return taxonomy


def _problems(op: Operation, named: set[str]) -> Iterator[str]:
    if op.id.split("/")[0] not in CLASSES:
        yield f"the class is none of {', '.join(CLASSES)}"
    if unknown := [name for name in op.conflicts if name not in named]:
        yield f"conflicts with {', '.join(unknown)}, which is no family and no id"
    if unknown := [name for name in (*op.not_for, *op.only_for) if name not in _shared()["tasks"]]:
        yield f"not_for or only_for {', '.join(unknown)}, which is no task of patterns.yaml"
    if not op.guidance or set(op.example) - {"kwargs"} != {"before", "after"}:
        yield "an operation needs guidance and an example with before and after"
    if op.check == "judge":
        return
    if not op.texts or not op.stated:
        yield "an operation that code checks needs texts and stated"
    for text in op.texts:
        if {name for _, name, _, _ in string.Formatter().parse(text) if name} != set(op.params):
            yield f"{text!r} does not name exactly the parameters {', '.join(op.params) or '(none)'}"
    for name in (name for template in op.stated for name in _NAME.findall(template)):
        if name not in {*op.params, *op.kwargs}:
            yield f"stated names {{{name}}}, which is no parameter"


def _text(name: str) -> str:
    return (resources.files("ecd_data.requirements.operations") / f"{name}.yaml").read_text(encoding="utf-8")


@cache
def _shared() -> dict[str, dict[str, Any]]:
    """What operations share: patterns of `tasks` and of `phrases`, and `groups` of families."""
    shared: dict[str, dict[str, Any]] = yaml.load(_text("patterns"), LOADER)
    return shared


def _draw(rng: random.Random, how: Mapping[str, Any], instruction: str) -> Any:
    if how.get("from") == "instruction":
        return instruction
    if "choice" in how:
        return rng.choice(how["choice"])
    if "range" in how:
        low, high, step = how["range"]
        return rng.choice(range(low, high + 1, step))
    return rng.sample(how["sample"], rng.randint(*how["k"]))


class _Count(int):
    """A number that a wording can show with what is counted: `{n:word}` gives "1 word" or "2 words"."""

    def __format__(self, noun: str) -> str:
        return f"{int(self)} {noun}{'s' if self != 1 else ''}" if noun else str(int(self))


def _shown(value: Any) -> object:
    """A parameter as the sentence shows it; a list as `"a", "b" and "c"`, a JSON Schema as its description."""
    if isinstance(value, int):
        return _Count(value)
    if isinstance(value, Mapping):
        return value["description"]
    if not isinstance(value, (list, tuple)):
        return value
    quoted = [f'"{item}"' for item in value]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)


_NAME = re.compile(r"\{([a-z]\w*)\}")


def _patterns(template: str, kwargs: Mapping[str, Any]) -> Iterator[re.Pattern[str]]:
    """The template with its parameters filled in: one pattern, or one for each item of a list or field of a schema."""
    names = _NAME.findall(template)
    lists = [name for name in names if isinstance(kwargs[name], (list, tuple, Mapping))]
    items = kwargs[lists[0]] if lists else [None]
    for item in items["properties"] if isinstance(items, Mapping) else items:
        yield _pattern(template, *(item if name in lists else kwargs[name] for name in names))


@lru_cache(maxsize=4096)  # what is in force is asked for in every round
def _pattern(template: str, *values: Any) -> re.Pattern[str]:
    literals = map(_literal, values)
    return re.compile(_NAME.sub(lambda _: next(literals), template), STATED)


def _literal(value: Any) -> str:
    """A pattern for one parameter as a whole word; a small number may also be spelt out."""
    spelt = f"|{NUMBERS[value]}" if isinstance(value, int) and value < len(NUMBERS) else ""
    return rf"(?<!\w)(?:{re.escape(str(value))}{spelt})(?!\w)"
