import hashlib

import pytest

from ecd_data.core.hashing import canonical_json
from ecd_data.core.request import Grammar, Model, Request, Response, request_key

MODEL = Model("org/model", "abc")


def request(**changes):
    values = {
        "role": "edit",
        "seed_id": "0" * 16,
        "round": 1,
        "attempt": 0,
        "messages": ({"role": "user", "content": "Hi"},),
        "seed": 7,
        "max_tokens": 10,
        "temperature": 0.7,
        "top_p": 0.9,
    }
    return Request(**{**values, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"role": "fresh"},
        {"seed_id": "1" * 16},
        {"round": 2},
        {"attempt": 1},
        {"messages": ({"role": "user", "content": "Ho"},)},
        {"seed": 8},
        {"max_tokens": 11},
        {"temperature": 0.8},
        {"top_p": 0.8},
        {"grammar": Grammar("regex", "a")},
        {"logprobs": True},
        {"top_logprobs": 5},
        {"scored": True},
    ],
)
def test_every_field_of_a_request_is_in_its_key(changes):
    assert request_key(MODEL, request(**changes)) != request_key(MODEL, request())


def test_keys_and_json_stay_as_they_were_before_later_fields_were_added():
    assert request_key(MODEL, request()) == "79f8b2639fd02b54b21565d9c1bb042cf8f44290232838a0713cd99e469201f2"
    assert Response("Hi", "stop", 3, 1).canonical() == {
        "text": "Hi",
        "finish_reason": "stop",
        "prompt_tokens": 3,
        "completion_tokens": 1,
        "mean_logprob": None,
    }


@pytest.mark.parametrize("changes", [{}, {"top_logprobs": 5, "logprobs": True}, {"scored": True}])
def test_a_request_comes_back_from_its_canonical_data(changes):
    assert Request.from_canonical(request(**changes).canonical()) == request(**changes)


def test_the_model_is_in_the_key():
    assert request_key(Model("org/model", "abd"), request()) != request_key(MODEL, request())


def test_a_key_is_the_hash_of_model_and_canonical_request():
    schema = {"properties": {"n": {"anyOf": [{"minimum": 1e-05}]}}}
    unusual = request(temperature=1e-05, grammar=Grammar("json", schema))
    canonical = canonical_json({"model": {"id": "org/model", "revision": "abc"}, **unusual.canonical()})
    assert request_key(MODEL, unusual) == hashlib.sha256(canonical.encode()).hexdigest()
