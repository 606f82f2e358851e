"""One spelling for a value."""

from hypothesis import example, given
from hypothesis import strategies as st

from ecd_data.core.hashing import canonical_bytes, canonical_json

TEXTS = st.text(st.characters())  # halves of surrogate pairs too
EXACT = st.none() | st.booleans() | st.integers() | TEXTS  # deeper than a mapping's own values no float is looked for
SCALARS = EXACT | st.floats()
FIELDS = (
    SCALARS
    | st.lists(SCALARS)
    | st.lists(st.recursive(EXACT, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner)))
    | st.recursive(SCALARS, lambda inner: st.dictionaries(TEXTS, inner | st.lists(inner)).filter(bool))
)


def test_canonical_json_has_one_spelling():
    assert canonical_json({"b": 1, "a": "é"}) == canonical_json({"a": "é", "b": 1}) == '{"a":"é","b":1}'


@given(st.dictionaries(TEXTS, FIELDS))
@example({"a": 1e-05, "b": [1e16, 1, -0.0], "c": {"d": [{"e": 1e-07}]}, "f": [{"z": 2**70, "y": "\x7f\u2028\x1b"}]})
@example({"a": float("nan")})
@example({"a": [1.0, float("-inf")]})
@example({"a": "\ud800"})
@example({"\ue000": 1, "\U00010000": 2})
def test_canonical_bytes_are_those_of_canonical_json(fields):
    def spelt(function):
        try:
            return function(fields)
        except ValueError:  # no number, or half a surrogate pair
            return None

    assert spelt(canonical_bytes) == spelt(lambda fields: canonical_json(fields).encode())
