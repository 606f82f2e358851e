import json
from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from ecd_data.artifact import schema as schemas
from ecd_data.artifact.schema import configs, gate, schema_text, schemas_hash
from ecd_data.builders import BUILDERS, find_builder
from ecd_data.builders.ecd import Ecd
from ecd_data.core.errors import GateError
from ecd_data.corpus.seeds import read_corpus
from ecd_data.methods import make_plan
from ecd_data.methods.ecd.chain import run_chain
from tests.helpers.scripted import RECIPE, finish

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-1, 3)
    | st.floats()
    | st.text(max_size=3)
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
    made = [Ecd.rows(chain, {"": "org/model"}) for chain in chains]
    return {config: [row for by_config in made for row in by_config[config]] for config in configs()}


def passes(config, row):
    try:
        gate(config, row)
    except GateError:
        return False
    return True


def places(value, place=()):
    """The path of every value in a row."""
    yield place
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from places(item, (*place, key))


@pytest.mark.parametrize("config", configs())
def test_rows_as_they_are_made_pass(rows, config):
    assert rows[config]
    assert all(passes(config, row) for row in rows[config])


@pytest.mark.parametrize("config", configs())
@given(st.data())
def test_the_gate_lets_pass_what_jsonschema_does(rows, config, data):
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
    assert passes(config, row) == Draft202012Validator(json.loads(schema_text(config))).is_valid(row)


@pytest.mark.parametrize("place", [("evolved_by",), ("rejected_votes", 0), ("requirements", 0, "check")])
def test_half_of_a_surrogate_pair_is_refused_like_any_other_text(rows, place):
    row = deepcopy(rows["preference"][0])
    *outer, last = place
    inside = row
    for key in outer:
        inside = inside[key]
    inside[last] = "\ud800"
    with pytest.raises(GateError, match=f"^preference row '{row['id']}': {'.'.join(map(str, place))}: "):
        gate("preference", row)


@pytest.mark.parametrize("more", [{"model": {"maxLength": 3}}, {"minProperties": 99}])
def test_no_keyword_of_a_schema_is_passed_over(rows, monkeypatch, more):
    schema = json.loads(schema_text("sft"))
    if "model" in more:
        schema["$defs"]["model"] = schema["properties"]["model"]
        schema["properties"]["model"] = {"$ref": "#/$defs/model", **more["model"]}
    else:
        schema |= more
    monkeypatch.setattr(schemas, "schema_text", lambda *_: json.dumps(schema))
    for made in (schemas._shortcut, schemas._validator):
        monkeypatch.setattr(schemas, made.__name__, made.__wrapped__)
    assert not passes("sft", rows["sft"][0])


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
