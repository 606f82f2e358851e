"""The recipe: everything that shapes the data, in one YAML file. What shapes only the run is a command-line flag.

rounds: 3
routes: {edit: 3, fresh: 1}
operations: ["*"]
"""

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
MAX_CANDIDATES = 100  # per round

AtLeast0 = Annotated[int, Meta(ge=0)]
AtLeast1 = Annotated[int, Meta(ge=1)]
Share = Annotated[float, Meta(ge=0, le=1)]
Temperature = Annotated[float, Meta(ge=0, le=2)]

T = TypeVar("T")


@dataclass(frozen=True)
class Recipe:
    """The parameters of a build.

    builder: the method, one of `ecd_data.methods.METHODS`. Some parameters below concern `ecd` only; the other methods
        ignore them.
    options: parameters of that method alone, listed by the `Options` in its module.
    seed: the seed of every random choice.
    rounds: evolutions (in other methods: contrasts) attempted per seed.
    operations: ids or globs of the operations in the taxonomy to draw from.
    weave: calls that ask the model to work a requirement into the instruction before its sentence is appended.
    answers: calls for a usable first answer, where the corpus has none.
    routes: number of candidates by route of adaptation, in the order in which the routes are tried. A candidate of
        `refined` is a whole search, whose size is set in `options`.
    select: `first` asks for one candidate at a time and takes the first one without a defect, which costs the fewest
        calls; `closest` asks for all candidates of a route and takes the one most similar to the older answer.
    system: system prompt of every answer; it is not part of the published prompt.
    temperature, top_p, max_tokens: sampling of answers; `max_tokens` also bounds instructions.
    min_logprob: mean log-probability per token (nats) below which a guided answer counts as gibberish.
    min_similarity: of an edited answer to the one it revises (0 to 1); below it the model wrote something else.
    votes: judge votes per requirement that code cannot check.
    judge_items: questions with a known answer that are put to the judge before its votes are used.
    judge_accuracy: balanced accuracy on them (0.5 is guessing) below which no judged operation is drawn.
    max_seed_chars: length of an instruction or an answer in the corpus; a longer one becomes a reject.
    decontaminate_ngram: consecutive words that no instruction may share with the prompts of `--decontaminate`.
    pairs: `adjacent` contrasts R(t+1) with R(t); `all` also with every older R(s), s < t, which is an easier negative.
    max_missed: requirements that the rejected answer may miss; R(t) misses one, an older R(s) may miss more.
    max_length_ratio: of the longer to the shorter answer of a pair, in characters, unless the rejected one misses a
        requirement on length.
    max_share: largest share of the pairs that a route may make, by route; pairs beyond it become rejects.
    max_failed: share of the calls that may fail for good, each a reject, before the run stops.
    splits: share of the seed groups by split.
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
    top_p: Annotated[float, Meta(gt=0, lt=1)] = 0.95  # TGI accepts neither 0 nor 1
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
        """Return the recipe as YAML, from which `load_recipe` reads an equal one."""
        return yaml.safe_dump(self.to_dict(), sort_keys=False, allow_unicode=True)

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as plain data."""
        return {**dataclasses.asdict(self), "operations": list(self.operations)}


def load_recipe(source: str, **overrides: Any) -> Recipe:
    """Return the recipe in a YAML file.

    Args:
        source: path of the file, or the name of a recipe that ships with the package (`SHIPPED`).
        overrides: values that replace those of the file, by key; `None` replaces nothing.

    Raises:
        RecipeError: the file cannot be read or is not YAML, a key is unknown, a value has the wrong type or is out of
            range.
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
    """Return the recipe with these values by key.

    Raises:
        RecipeError: a key is unknown, or a value has the wrong type or is out of range.
    """
    return dataclass_from_dict(values, Recipe)


def dataclass_from_dict(values: Mapping[str, Any], kind: type[T], prefix: str = "") -> T:
    """Return an instance of a dataclass, checked against the types and bounds of its fields.

    Args:
        values: by field name; fields that are left out keep their defaults.
        kind: the dataclass; `msgspec.Meta` in its annotations gives the bounds.
        prefix: of the keys in messages.

    Raises:
        RecipeError: a key is unknown, or a value has the wrong type or is out of range.
    """
    names = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    if unknown := [str(name) for name in values if name not in names]:
        keys = ", ".join(prefix + name for name in names) or "none"
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
    """Return the values of every `Literal` inside a type."""
    if get_origin(hint) is Literal:
        return get_args(hint)
    return tuple(choice for part in get_args(hint) for choice in _choices(part))
