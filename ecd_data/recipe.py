"""The recipe: everything that shapes the data, in one YAML file. What only shapes the run is a flag.

rounds: 3
routes: {edit: 3, fresh: 1}
operations: ["*"]
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import yaml

from builders import BUILDERS
from ecd_data.errors import RecipeError
from ecd_data.values import Route

SHIPPED = ("default", "local", "repair")
MAX_CANDIDATES = 100  # in a round
SELECT = ("first", "closest")
PAIRS = ("adjacent", "all")
EXAMPLES = {float: {"repair": 0.5}, str: {"name": "text"}}  # of mappings that are empty by default

T = TypeVar("T")


@dataclass(frozen=True)
class Recipe:
    """Parameters of a build.

    builder: the method, a file of `builders/`; what follows is of all of them or of `ecd`, and a method leaves unused
        what it has no use for.
    options: of that method, by the names in its file.
    seed: of every random choice.
    rounds: evolutions (of other methods: contrasts) tried per seed.
    operations: ids or globs of the taxonomy to draw from.
    weave: calls that ask the model to work a requirement into the instruction before its sentence is appended.
    answers: calls for a usable first answer, where the corpus has none.
    routes: candidates per adaptation route, tried in this order; of `refined`, a whole search (its size: `options`).
    select: `first` asks for one candidate after the other and takes the first that holds up, which costs the fewest
        calls; `closest` asks for all of a route and takes the one most similar to the older answer.
    system: system prompt of every answer (it is not part of the published prompt).
    temperature, top_p, max_tokens: sampling of answers; instructions get at most `max_tokens` as well.
    min_logprob: mean token log-probability (nats) under which a guided answer counts as gibberish.
    min_similarity: of an edited answer to the one it was made from; below it the model wrote something else.
    votes: judge votes per requirement that code cannot check.
    judge_items: questions with a known answer that are put to the judge before its votes are used.
    judge_accuracy: balanced accuracy on them (0.5 is guessing) under which no judged operation is drawn.
    max_seed_chars: of an instruction or an answer of the corpus; a longer one is left out as a reject.
    decontaminate_ngram: words in a row that no instruction may share with the prompts of `--decontaminate`.
    pairs: `adjacent` contrasts R(t+1) with R(t); `all` with every R(s), s < t, as well: an easier negative.
    max_missed: requirements that the rejected response may miss; R(t) misses one, an R(s) before it may miss more.
    max_length_ratio: of chosen to rejected in characters, or the other way round, unless the rejected one misses a
        requirement on length.
    max_share: share of the pairs that a route may make; the surplus becomes rejects.
    max_failed: share of the calls that may fail for good, each a reject, before the run stops.
    splits: share of the seed groups in each split.
    language, license: for the dataset card.
    """

    builder: str = "ecd"
    options: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    rounds: int = 3
    operations: tuple[str, ...] = ("*",)
    weave: int = 1
    answers: int = 2
    routes: Mapping[Route, int] = field(default_factory=lambda: {"edit": 3, "fresh": 1})
    select: str = "first"
    system: str = ""
    temperature: float = 0.7
    top_p: float = 0.95
    max_tokens: int = 1024
    min_logprob: float = -2.0
    min_similarity: float = 0.3
    votes: int = 3
    judge_items: int = 100
    judge_accuracy: float = 0.8
    max_seed_chars: int = 8000
    decontaminate_ngram: int = 8
    pairs: str = "adjacent"
    max_missed: int = 2
    max_length_ratio: float = 3.0
    max_share: Mapping[Route, float] = field(default_factory=dict)
    max_failed: float = 0.05
    splits: Mapping[str, float] = field(default_factory=lambda: {"train": 0.9, "validation": 0.05, "test": 0.05})
    language: str = "en"
    license: str = ""

    def __post_init__(self) -> None:
        for name, low in [
            ("rounds", 1),
            ("weave", 0),
            ("answers", 1),
            ("max_tokens", 1),
            ("votes", 1),
            ("judge_items", 10),
            ("max_seed_chars", 1),
            ("decontaminate_ngram", 1),
        ]:
            if getattr(self, name) < low:
                raise RecipeError(f"recipe: {name} is {getattr(self, name)}; it must be at least {low}.")
        for name, choices in [("builder", BUILDERS), ("select", SELECT), ("pairs", PAIRS)]:
            if getattr(self, name) not in choices:
                raise RecipeError(f"recipe: {name} is {getattr(self, name)!r}; it is one of: {', '.join(choices)}.")
        if self.max_missed not in (1, 2):
            raise RecipeError(f"recipe: max_missed is {self.max_missed}; a hard negative misses 1 or 2 requirements.")
        if not 0 < self.top_p < 1:
            raise RecipeError(f"recipe: top_p is {self.top_p}; TGI takes values between 0 and 1, both excluded.")
        if not 0 <= self.temperature <= 2:
            raise RecipeError(f"recipe: temperature is {self.temperature}; it must lie between 0 and 2.")
        if not math.isfinite(self.min_logprob):
            raise RecipeError(f"recipe: min_logprob is {self.min_logprob}; it must be a number, such as -2.0.")
        for name in ("judge_accuracy", "min_similarity", "max_failed"):
            if not 0 <= getattr(self, name) <= 1:
                raise RecipeError(f"recipe: {name} is {getattr(self, name)}; it must lie between 0 and 1.")
        if not 1 <= self.max_length_ratio < math.inf:
            raise RecipeError(
                f"recipe: max_length_ratio is {self.max_length_ratio}; it must be at least 1, such as 3.0."
            )
        if not self.operations:
            raise RecipeError('recipe: operations names none; ["*"] takes all.')
        unknown = {*self.routes, *self.max_share} - set(get_args(Route))
        if unknown:
            raise RecipeError(f"recipe: unknown routes {sorted(unknown)}; there are {', '.join(get_args(Route))}.")
        if not 1 <= sum(self.routes.values()) <= MAX_CANDIDATES or min(self.routes.values()) < 0:
            raise RecipeError(f"recipe: routes must ask for 1 to {MAX_CANDIDATES} candidates, and no negative number.")
        if not all(0 < share <= 1 for share in self.max_share.values()):
            raise RecipeError(f"recipe: max_share is {dict(self.max_share)}; a share lies above 0 and is at most 1.")
        if set(self.splits) - {"train", "validation", "test"} or not self.splits.get("train"):
            raise RecipeError("recipe: splits takes train (above 0), validation and test.")
        if min(self.splits.values()) < 0 or not math.isclose(sum(self.splits.values()), 1, abs_tol=1e-9):
            raise RecipeError(f"recipe: the splits' shares add up to {sum(self.splits.values())}; they must make 1.")

    def to_yaml(self) -> str:
        """The recipe as YAML that `load_recipe` reads back to an equal one."""
        return yaml.safe_dump(self.to_dict(), sort_keys=False, allow_unicode=True)

    def to_dict(self) -> dict[str, Any]:
        """The recipe as plain data."""
        fields = dataclasses.asdict(self)
        return {**fields, "operations": list(self.operations)}


def load_recipe(source: str, **overrides: Any) -> Recipe:
    """The recipe from a YAML file or a shipped one by name (`default`, `local`, `repair`).

    `overrides` replace single values (a `None` is no override).

    Raises:
        RecipeError: no such file, not YAML, an unknown key, a value of the wrong type or out of range.
    """
    if source in SHIPPED:
        text = (resources.files("ecd_data.recipes") / f"{source}.yaml").read_text(encoding="utf-8")
    else:
        try:
            text = Path(source).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(
                f"{source}: cannot read the recipe ({error}). Give a YAML file, or one of: {', '.join(SHIPPED)}."
            ) from None
    try:
        values = yaml.safe_load(text) or {}
    except (yaml.YAMLError, RecursionError) as error:
        raise RecipeError(f"{source}: not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise RecipeError(f"{source}: a recipe is a YAML mapping such as `rounds: 3`.")
    return recipe_from_dict({**values, **{k: v for k, v in overrides.items() if v is not None}})


def recipe_from_dict(values: Mapping[str, Any]) -> Recipe:
    """A `Recipe` from plain data, with the types checked."""
    return typed(Recipe, values)


def typed(of: type[T], values: Mapping[str, Any], prefix: str = "") -> T:
    """A dataclass whose fields have defaults, from plain data of the fields' types.

    Args:
        of: the dataclass.
        values: by field; those that are left out stay at their defaults.
        prefix: of the keys in messages.

    Raises:
        RecipeError: an unknown key, or a value of another type.
    """
    default, hints = of(), get_type_hints(of)
    checked: dict[str, Any] = {}
    for name, value in values.items():
        if name not in hints:
            known = ", ".join(prefix + known for known in hints) or "none"
            raise RecipeError(f"recipe: unknown key {prefix + str(name)!r}; the keys are {known}.")
        checked[name] = _typed(prefix + name, value, hints[name], getattr(default, name))
    return of(**checked)


def _typed(name: str, value: Any, hint: Any, default: Any) -> Any:
    if get_origin(hint) is tuple:
        if isinstance(value, (list, tuple)) and all(isinstance(v, str) for v in value):
            return tuple(value)
        default = list(default)
    elif get_origin(hint) is not None:  # a mapping
        of = get_args(hint)[1]
        if isinstance(value, Mapping) and all(_is(v, of) for v in value.values()):
            return {str(k): v if of is Any else of(v) for k, v in value.items()}
        default = default or EXAMPLES.get(of, {})
    elif _is(value, hint):
        return hint(value)
    raise RecipeError(f"recipe: {name} is {value!r}; it must look like {default!r}.")


def _is(value: Any, kind: Any) -> bool:
    """Whether a value is of a type; a whole number is a number too, and a truth value is neither."""
    if kind is Any:
        return True
    if isinstance(value, bool) or kind is bool:
        return isinstance(value, bool) and kind is bool
    return isinstance(value, (int, float) if kind is float else kind)
