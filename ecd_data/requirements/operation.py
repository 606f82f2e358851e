"""An operation of the taxonomy, and how it draws a requirement: its parameters and the sentence that asks for it."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ecd_data.core.values import Requirement


@dataclass(frozen=True, slots=True, eq=False)  # each is the only one of its kind, and may be a key
class Operation:
    """One way to make an instruction harder: an entry of `operations/<class>.yaml`.

    id: class/name.
    summary: what it asks for, in a line.
    check: the kind of requirement (`ecd_data.requirements.kinds`) that it draws, or `judge` if code cannot check it.
    family: at most one operation of a family is in force in a chain.
    conflicts: families or ids that contradict it (either way round), or a group of families of `patterns.yaml`.
    not_for: tasks that it does not suit, of those in `patterns.yaml`; `code` is recognized by its looks too.
    only_for: tasks of which it needs one.
    unless: a regular expression; a seed's instruction that matches it asks for the same already, or for the opposite.
    kwargs: fixed parameters of the kind.
    params: drawn ones: {choice: [...]}, {range: [low, high, step]} or {sample: [...], k: [low, high]}; or the seed's
        own instruction: {from: instruction}.
    texts: wordings of the sentence, filled in with the parameters; {n:word} stands for "1 word" or "2 words".
    stated: what an instruction must say to state it: all of these regular expressions, regardless of case. {name}
        stands for the parameter as a whole word (for each item of a list), a number up to twenty in digits or spelled
        out; a bare name is one of the phrases of `patterns.yaml`.
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
        """Return a requirement that code can check, with parameters and wording drawn by `rng`.

        Args:
            round: the one that adds it.
            instruction: the seed's own, without any requirement; it stays the same in every round.
        """
        kwargs = {**self.kwargs, **{name: _draw(rng, how, instruction) for name, how in self.params.items()}}
        return Requirement(self.id, self.sentence(rng.choice(self.texts), kwargs), kwargs, "code", round)

    @staticmethod
    def sentence(text: str, kwargs: Mapping[str, Any]) -> str:
        """Return a wording with its parameters filled in."""
        return text.format(**{name: _worded(value) for name, value in kwargs.items()})


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


def _worded(value: Any) -> object:
    """Return a parameter as the sentence shows it: a list as `"a", "b" and "c"`, a JSON Schema as its description."""
    if isinstance(value, int):
        return _Count(value)
    if isinstance(value, Mapping):
        return value["description"]
    if not isinstance(value, (list, tuple)):
        return value
    quoted = [f'"{item}"' for item in value]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)
