"""The recipe: everything that shapes the data, in one YAML file. What only shapes the run is a flag.

rounds: 3
routes: {edit: 3, fresh: 1}
operations: ["*"]
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec
import yaml
from msgspec import Meta

from ecd_data.core.errors import RecipeError
from ecd_data.core.values import Route

SHIPPED = ("default", "local", "repair")
SPLITS = ("train", "validation", "test")
MAX_CANDIDATES = 100  # in a round

AtLeast0 = Annotated[int, Meta(ge=0)]
AtLeast1 = Annotated[int, Meta(ge=1)]
Share = Annotated[float, Meta(ge=0, le=1)]
Temperature = Annotated[float, Meta(ge=0, le=2)]

T = TypeVar("T")


@dataclass(frozen=True)
class Recipe:
    """Parameters of a build.

    builder: the method, one of `ecd_data.methods.METHODS`. Some parameters below are for `ecd` alone; a method ignores
        those that it has no use for.
    options: parameters of that method alone; the `Options` in its file lists them.
    seed: seed of every random choice.
    rounds: evolutions (in other methods: contrasts) tried per seed.
    operations: ids or globs of the taxonomy to draw from.
    weave: calls that ask the model to work a requirement into the instruction before its sentence is appended.
    answers: calls for a usable first answer, where the corpus has none.
    routes: candidates per adaptation route, tried in this order; `refined` is one whole search (`options` sizes it).
    select: `first` asks for one candidate after the other and takes the first that holds up, which costs the fewest
        calls; `closest` asks for all of a route and takes the one most similar to the older answer.
    system: system prompt of every answer (it is not part of the published prompt).
    temperature, top_p, max_tokens: sampling of answers; instructions get at most `max_tokens` as well.
    min_logprob: mean token log-probability (nats) under which a guided answer counts as gibberish.
    min_similarity: of an edited answer to the one it was made from; below it the model wrote something else.
    votes: judge votes per requirement that code cannot check.
    judge_items: questions with a known answer that are put to the judge before its votes are used.
    judge_accuracy: balanced accuracy on them (0.5 is guessing) under which no judged operation is drawn.
    max_seed_chars: of an instruction or an answer of the corpus; a longer one becomes a reject.
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
    rounds: AtLeast1 = 3
    operations: Annotated[tuple[str, ...], Meta(min_length=1)] = ("*",)
    weave: AtLeast0 = 1
    answers: AtLeast1 = 2
    routes: Mapping[Route, AtLeast0] = field(default_factory=lambda: {"edit": 3, "fresh": 1})
    select: Literal["first", "closest"] = "first"
    system: str = ""
    temperature: Temperature = 0.7
    top_p: Annotated[float, Meta(gt=0, lt=1)] = 0.95  # TGI takes neither 0 nor 1
    max_tokens: AtLeast1 = 1024
    min_logprob: Annotated[float, Meta(ge=-1e6, le=0)] = -2.0
    min_similarity: Share = 0.3
    votes: AtLeast1 = 3
    judge_items: Annotated[int, Meta(ge=10)] = 100
    judge_accuracy: Share = 0.8
    max_seed_chars: AtLeast1 = 8000
    decontaminate_ngram: AtLeast1 = 8
    pairs: Literal["adjacent", "all"] = "adjacent"
    max_missed: Literal[1, 2] = 2
    max_length_ratio: Annotated[float, Meta(ge=1, le=1e6)] = 3.0
    max_share: Mapping[Route, Annotated[float, Meta(gt=0, le=1)]] = field(default_factory=dict)
    max_failed: Share = 0.05
    splits: Mapping[str, Share] = field(default_factory=lambda: {"train": 0.9, "validation": 0.05, "test": 0.05})
    language: str = "en"
    license: str = ""

    def __post_init__(self) -> None:
        if not 1 <= sum(self.routes.values()) <= MAX_CANDIDATES:
            raise RecipeError(f"recipe: routes must ask for 1 to {MAX_CANDIDATES} candidates in all.")
        if unknown := sorted(self.splits.keys() - {*SPLITS}):
            raise RecipeError(f"recipe: splits has {unknown[0]!r}; the choices are {', '.join(SPLITS)}.")
        if not self.splits.get("train") or not math.isclose(sum(self.splits.values()), 1, abs_tol=1e-9):
            raise RecipeError(f"recipe: splits is {dict(self.splits)}; the shares must add up to 1, train above 0.")

    def to_yaml(self) -> str:
        """Return the recipe as YAML that `load_recipe` reads back to an equal one."""
        return yaml.safe_dump(self.to_dict(), sort_keys=False, allow_unicode=True)

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as plain data."""
        return {**dataclasses.asdict(self), "operations": list(self.operations)}


def load_recipe(source: str, **overrides: Any) -> Recipe:
    """Read a recipe from a YAML file, or a shipped one by name (`default`, `local`, `repair`).

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
    """Return the `Recipe` that plain data describes, with types and bounds checked."""
    return convert(values, Recipe)


def convert(values: Mapping[str, Any], kind: type[T], prefix: str = "") -> T:
    """Return the dataclass that plain data describes; fields that are left out keep their defaults.

    Args:
        values: by field name.
        kind: the dataclass; `msgspec.Meta` in its annotations gives the bounds.
        prefix: put before the keys in messages.

    Raises:
        RecipeError: an unknown key, or a value of the wrong type or out of range.
    """
    known = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    if unknown := [str(name) for name in values if name not in known]:
        keys = ", ".join(prefix + name for name in known) or "none"
        raise RecipeError(f"recipe: unknown key {prefix + unknown[0]!r}; the keys are {keys}.")
    try:
        return msgspec.convert(dict(values), kind)
    except msgspec.ValidationError as error:
        problem, _, path = str(error).partition(" - at ")
        name = (re.search(r"\$\.(\w+)", path) or [path, path])[1]
        if "enum" in problem:
            problem = "the choices are " + ", ".join(map(str, _choices(get_type_hints(kind)[name])))
        value = repr(values.get(name))
        raise RecipeError(f"recipe: {prefix}{name} is {value}; {problem[0].lower()}{problem[1:]}.") from None


def _choices(hint: Any) -> tuple[Any, ...]:
    """Return the values of the `Literal` in a type, if there is one."""
    if get_origin(hint) is Literal:
        return get_args(hint)
    return tuple(choice for part in get_args(hint) for choice in _choices(part))
