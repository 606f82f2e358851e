import pytest
import yaml

from ecd_data.core.errors import RecipeError
from ecd_data.core.recipe import SHIPPED, Recipe, load_recipe, recipe_from_dict
from ecd_data.methods import make_plan, method_of
from ecd_data.methods.rlcd import Options


@pytest.mark.parametrize("name", SHIPPED)
def test_a_written_recipe_reads_back_equal(tmp_path, name):
    recipe = load_recipe(name)
    (tmp_path / "r.yaml").write_text(recipe.to_yaml())
    assert load_recipe(str(tmp_path / "r.yaml")) == recipe


def test_the_default_recipe_has_the_defaults():
    assert load_recipe("default", weave=Recipe().weave) == Recipe()


def test_overrides_replace_values_unless_they_are_none():
    assert load_recipe("local", rounds=5, seed=None).rounds == 5
    assert load_recipe("local", seed=None).seed == load_recipe("local").seed


def test_the_order_of_routes_is_kept():
    values = yaml.safe_load("routes: {repair: 1, edit: 2}")
    assert list(recipe_from_dict(values).routes) == ["repair", "edit"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("round: 3", "unknown key 'round'"),
        ("rounds: three", "rounds is 'three'; expected `int`, got `str`"),
        ("rounds: true", "rounds is True"),
        ("rounds: 0", "rounds is 0; expected `int` >= 1"),
        ("top_p: 1.0", "top_p is 1.0"),
        ("temperature: 3", "temperature"),
        ("routes: {magic: 1}", "the choices are edit, fresh, guided"),
        ("routes: {edit: 0}", "1 to 100 candidates"),
        ("routes: {edit: 1000000}", "1 to 100 candidates"),
        ("min_logprob: .inf", "min_logprob"),
        ("min_similarity: .nan", "min_similarity"),
        ("operations: []", "length >= 1"),
        ("splits: {train: 0.5}", "must add up to 1"),
        ("splits: {train: 1, dev: 0}", "splits has 'dev'; the choices are train, validation, test"),
        ("max_missed: 3", "the choices are 1, 2"),
        ("pairs: some", "pairs is 'some'; the choices are adjacent, all"),
        ("builder: magic", "builder is 'magic'; the choices are ecd, pad, rlcd"),
        ("options: [1]", "options is"),
        ("select: best", "select is 'best'; the choices are first, closest"),
        ("max_length_ratio: 0.5", ">= 1"),
        ("max_length_ratio: .inf", "max_length_ratio is inf"),
        ("max_share: {magic: 0.5}", "the choices are edit, fresh, guided"),
        ("max_share: {repair: 1.5}", "<= 1"),
        ("max_share: {repair: half}", "expected `float`, got `str`"),
        ("operations: format", "operations is 'format'"),
        ("- 1", "a recipe is a YAML mapping"),
        ("a: [", "not valid YAML"),
        ("a: " + "[" * 5000, "not valid YAML"),
    ],
)
def test_a_mistake_in_a_recipe_is_named(tmp_path, text, message):
    (tmp_path / "r.yaml").write_text(text)
    with pytest.raises(RecipeError, match=message):
        method_of(load_recipe(str(tmp_path / "r.yaml")))


def test_the_error_for_a_missing_recipe_names_the_shipped_ones():
    with pytest.raises(RecipeError, match="default, local"):
        load_recipe("nowhere.yaml")


def test_options_belong_to_the_builder_and_are_written_with_the_recipe(tmp_path):
    (tmp_path / "r.yaml").write_text("builder: rlcd\noptions: {affixes: [concise], requirements: 2}")
    recipe = load_recipe(str(tmp_path / "r.yaml"))
    assert make_plan(recipe).options == Options(requirements=2, affixes=("concise",))
    assert recipe_from_dict(yaml.safe_load(recipe.to_yaml())) == recipe
    with pytest.raises(RecipeError, match=r"unknown key 'options.affixes'; the keys are options.branching, "):
        make_plan(load_recipe(str(tmp_path / "r.yaml"), builder="ecd"))
