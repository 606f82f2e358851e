import string

import pytest
from datasets import Features, List, Value
from datasets.info import DatasetInfo, DatasetInfosDict
from huggingface_hub import DatasetCardData
from hypothesis import given
from hypothesis import strategies as st

from ecd_data.builders.rows import FEATURES
from ecd_data.release.features import breaks, card_fields, field_changes


def card(**configs):
    data = DatasetCardData()
    DatasetInfosDict(
        {name: DatasetInfo(features=features) for name, features in configs.items()}
    ).to_dataset_card_data(data)
    return f"---\n{data.to_yaml()}\n---\n\n# Text\n"


def test_the_fields_of_our_own_cards_are_known():
    fields = card_fields(card(**FEATURES))
    assert fields.keys() == FEATURES.keys()
    assert fields["preference"]["requirements[].id"] == "string"
    assert fields["preference"]["chosen_met[]"] == "bool"
    assert fields["preference"]["round"] == "int32"


@pytest.mark.parametrize(
    ("old", "new", "lines", "broken"),
    [
        ({"a": Value("string")}, {"a": Value("string")}, [], False),
        ({"a": Value("int32")}, {"a": Value("int64")}, ["~ x: a (int32 -> int64)"], True),
        ({"a": Value("bool")}, {"a": Value("bool"), "b": Value("bool")}, ["+ x: b (bool)"], False),
        ({"a": List({"b": Value("bool")})}, {"a": List({"c": Value("bool")})}, ["- x: a[].b", "+ x: a[].c"], True),
        ({"a": Value("bool")}, {"a": List(Value("bool"))}, ["- x: a (bool)", "+ x: a[] (bool)"], True),
    ],
)
def test_what_breaks_readers(old, new, lines, broken):
    found = list(field_changes(card_fields(card(x=Features(old))), card_fields(card(x=Features(new)))))
    assert len(found) == len(lines)
    assert all(line.startswith(start) for line, start in zip(found, lines, strict=True))
    assert any(map(breaks, found)) == broken


def test_a_config_without_a_row_is_no_change():
    both = card_fields(card(x=Features({"a": Value("bool")}), y=Features({"a": Value("bool")})))
    one = card_fields(card(x=Features({"a": Value("bool")})))
    assert list(field_changes(both, one)) == list(field_changes(one, both)) == []


@pytest.mark.parametrize(
    "yaml", ["- list", "a: [", "dataset_info: 5", "dataset_info: [5]", "dataset_info: {features: x}"]
)
def test_somebody_elses_metadata_says_nothing(yaml):
    assert card_fields(f"---\n{yaml}\n---\n") == {}


@given(st.text() | st.text(string.printable).map(lambda text: f"---\ndataset_info:\n{text}\n---\n"))
def test_any_card_can_be_read(text):
    assert isinstance(card_fields(text), dict)


NAMES = st.text(string.ascii_lowercase, min_size=1, max_size=3)
SCALARS = st.sampled_from(["string", "int32", "bool", "float64"]).map(Value)
ANY = st.recursive(SCALARS, lambda inner: inner.map(List) | st.dictionaries(NAMES, inner, min_size=1, max_size=3))


@given(st.dictionaries(NAMES, ANY, min_size=1, max_size=4), st.dictionaries(NAMES, ANY, min_size=1, max_size=4))
def test_no_line_means_the_same_features_and_a_way_back_undoes_it(old, new):
    fields = [card_fields(card(x=Features(features))) for features in (old, new)]
    there, back = list(field_changes(*fields)), list(field_changes(*reversed(fields)))
    assert (there == []) == (fields[0] == fields[1])
    assert sorted(line[0] for line in there) == sorted({"+": "-", "-": "+", "~": "~"}[line[0]] for line in back)
