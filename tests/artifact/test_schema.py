import json
import math
from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from ecd_data.artifact.schema import configs, gate, row_fault, schema_text, schemas_hash
from ecd_data.builders import BUILDERS, find_builder
from ecd_data.builders.ecd import Ecd
from ecd_data.core.errors import GateError
from ecd_data.corpus.seeds import read_corpus
from ecd_data.methods import make_plan
from ecd_data.methods.ecd.chain import run_chain
from tests.helpers.scripted import RECIPE, finish

TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=3)  # of what is blank, regexes disagree
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-1, 3)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
    | st.sampled_from(["edit", "{}"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "role", "x"]), inner, max_size=2)
    ),
    max_leaves=4,
)


@pytest.fixture(scope="module")
def rows():
    """Some rows of each config."""
    chains = [finish(run_chain(seed, make_plan(RECIPE))) for seed in read_corpus(["bundled"], limit=12).seeds]
    of_chains = [Ecd.rows(chain, {"": "org/model"}) for chain in chains]
    return {config: [row for by_config in of_chains for row in by_config[config]] for config in configs()}


def places(value, place=()):
    """The path of every value in a row."""
    yield place
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from places(item, (*place, key))


@pytest.mark.parametrize("config", configs())
def test_rows_as_they_are_made_pass(rows, config):
    assert rows[config]
    for row in rows[config]:
        gate(config, row)


@pytest.mark.parametrize("config", configs())
@given(st.data())
def test_the_gate_accepts_what_jsonschema_does(rows, config, data):
    row = deepcopy(data.draw(st.sampled_from(rows[config])))
    for _ in range(data.draw(st.integers(1, 2))):
        *outer, last = data.draw(st.sampled_from([place for place in places(row) if place]))
        inside = row
        for key in outer:
            inside = inside[key]
        change = data.draw(st.sampled_from(["replace", "remove", "add"]))
        if change == "remove":
            del inside[last]
        elif change == "add" and isinstance(inside, list):
            inside.append(data.draw(VALUES | st.just(inside[last])))
        elif change == "add":
            inside["another"] = data.draw(VALUES)
        else:
            inside[last] = data.draw(VALUES)
    assert (not row_fault(config, row)) == Draft202012Validator(json.loads(schema_text(config))).is_valid(row)


def changed(row, path, value):
    """A copy of a row with another value at a path."""
    row = deepcopy(row)
    *outer, last = path
    inside = row
    for key in outer:
        inside = inside[key]
    inside[last] = value
    return row


@pytest.mark.parametrize("path", [("evolved_by",), ("rejected_votes", 0), ("requirements", 0, "check")])
def test_half_of_a_surrogate_pair_is_refused_like_any_other_text(rows, path):
    row = changed(rows["preference"][0], path, "\ud800")
    with pytest.raises(GateError, match=f"^preference row '{row['id']}': {'.'.join(map(str, path))}: "):
        gate("preference", row)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_json_has_neither_nan_nor_infinity(rows, value):
    row = changed(rows["preference"][0], ("similarity",), value)
    assert row_fault("preference", row).startswith(f"similarity: {value} is not of type 'number'")


def test_a_tuple_is_as_good_as_a_list(rows):
    row = rows["preference"][0]
    row = changed(row, ("requirements",), tuple(row["requirements"]))
    assert row_fault("preference", row) == ""
    assert row_fault("preference", changed(row, ("similarity",), 2)).startswith("similarity: 2 is greater")


def test_the_first_fault_is_named_by_its_path_and_not_at_length(rows):
    row = changed(rows["preference"][0], ("requirements", 0, "check"), "x" * 1000)
    fault = row_fault("preference", changed(row, ("round",), 10**400))
    assert fault.startswith("requirements.0.check: 'xxx")
    assert fault.endswith("xxx ...")
    assert len(fault) < 350
    del row["id"]
    assert row_fault("preference", row) == "the row: 'id' is a required property"


@pytest.mark.parametrize("builder", BUILDERS)
def test_every_builder_has_schemas_of_its_columns(builder):
    for config in configs(builder):
        schema = json.loads(schema_text(config, builder))
        Draft202012Validator.check_schema(schema)
        assert schema["properties"].keys() == {*schema["required"]} == find_builder(builder).FEATURES[config].keys()
        assert schema["$id"].startswith("urn:ecd:" if builder == "ecd" else f"urn:ecd:{builder}:")
    assert (schemas_hash(builder) == schemas_hash()) == (builder == "ecd")


def test_what_ecd_asks_of_a_pair_it_asks_of_its_own_alone():
    strict = json.loads(schema_text("preference"))["properties"]
    loose = json.loads(schema_text("preference", "rlcd"))["properties"]
    assert strict["requirements"]["minItems"] == strict["rejected_met"]["minContains"] == 1
    assert loose["requirements"].keys() == {"type", "items"}
    assert loose["rejected_met"].keys() == {"type", "items"}
    assert loose["chosen_met"]["items"] == {"const": True}  # of all
    assert loose["evolved_by"]["enum"] == [*strict["evolved_by"]["enum"], "seed"]
    assert loose["adapted_by"] == {"enum": ["positive", "negative"]}


@pytest.mark.parametrize("config", ["sft", "chains"])
def test_what_methods_share_they_describe_alike(config):
    schemas = [json.loads(schema_text(config, builder)) for builder in BUILDERS if builder != "ecd"]
    for schema in schemas:
        del schema["$id"], schema["title"]
    assert all(schema == schemas[0] for schema in schemas)
