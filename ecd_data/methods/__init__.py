"""The methods by name. Each is whole in one place: its options, what it asks the models, and its steps."""

from typing import Any

from ecd_data.core.errors import RecipeError
from ecd_data.core.recipe import Recipe, dataclass_from_dict
from ecd_data.corpus.contamination import Contamination
from ecd_data.methods.ecd import ECD
from ecd_data.methods.method import Method
from ecd_data.methods.pad import PAD
from ecd_data.methods.plan import Plan
from ecd_data.methods.rlcd import RLCD
from ecd_data.methods.spar import SPAR
from ecd_data.methods.strength import STRENGTH
from ecd_data.requirements.taxonomy import load_taxonomy, select

METHODS: dict[str, Method] = {method.name: method for method in (ECD, PAD, RLCD, SPAR, STRENGTH)}


def method_of(recipe: Recipe) -> Method:
    """Return the method that a recipe names as its builder.

    Raises:
        RecipeError: there is no such method.
    """
    if recipe.builder not in METHODS:
        raise RecipeError(f"recipe: builder is {recipe.builder!r}; the choices are {', '.join(METHODS)}.")
    return METHODS[recipe.builder]


def options_of(recipe: Recipe) -> Any:
    """Return the recipe's `options` as the type that its method takes.

    Raises:
        RecipeError: there is no such method, or an option is not one of its own.
    """
    return dataclass_from_dict(recipe.options, method_of(recipe).options, "options.")


def make_plan(recipe: Recipe, contamination: Contamination | None = None) -> Plan:
    """Return the plan of a recipe; `contamination` is what no instruction may share with evaluations.

    Raises:
        RecipeError: there is no such method, an option is not one of its own, or an operation is not in the taxonomy.
    """
    taxonomy, options = load_taxonomy(), options_of(recipe)
    drawn = select(recipe.operations, taxonomy) if getattr(options, "requirements", True) else ()
    return Plan(recipe, taxonomy, tuple(drawn), contamination, options)
