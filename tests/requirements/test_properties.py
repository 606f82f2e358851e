"""IFEval's kinds with any parameters: an answer built to meet a requirement does, one built to miss it does not."""

import json
import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecd_data.requirements.kinds import check
from tests.helpers import ifeval_kinds
from tests.helpers.dull_answer import Answer
from tests.helpers.requirements import BY_CODE

REQUEST = "How do I cook rice?"
PROSE = "Dogs walk home."


def one_more(text, kwargs):
    """Return the text with one thing too many, or with too few where there is no upper bound."""
    return f"{text}\n\n{PROSE * 200}" if kwargs["relation"] != "at_least" else PROSE


def without(text, *marks):
    for mark in marks:
        text = re.sub(re.escape(mark), "", text, flags=re.IGNORECASE)
    return text


# What breaks an answer that meets a requirement, a kind: (answer, parameters) -> an answer that misses it.
BREAK = {
    "word_count": one_more,
    "sentence_count": lambda text, kwargs: one_more(text.replace("walk", "walk. They"), kwargs),
    "paragraph_count": lambda text, kwargs: f"{text}\n\n{PROSE}",
    "character_count": one_more,
    "word_frequency": lambda text, kwargs: (
        without(text, kwargs["keyword"])
        if kwargs["relation"] == "at_least"
        else f"{text} {kwargs['keyword']}" + f" {kwargs['keyword']}" * kwargs["n"]
    ),
    "include_words": lambda text, kwargs: without(text, kwargs["keywords"][-1]),
    "avoid_words": lambda text, kwargs: f"{text} {kwargs['keywords'][-1].upper()}!",
    "starts_with": lambda text, kwargs: f"Well. {text}",
    "ends_with": lambda text, kwargs: f"{text} Bye.",
    "mentions_phrase": lambda text, kwargs: text.replace(" ", "-"),
    "one_of": lambda text, kwargs: " ".join(kwargs["options"]),
    "bullet_count": lambda text, kwargs: f"{text}\n- {PROSE}",
    "numbered_steps": lambda text, kwargs: f"{text}\n{kwargs['n'] + 1}. {PROSE}",
    "json_object": lambda text, kwargs: json.dumps({**json.loads(text), kwargs["keys"][0]: " "}),
    "title": lambda text, kwargs: f"Sure!\n{text}",
    "highlights": lambda text, kwargs: without(text, "*"),
    "postscript": lambda text, kwargs: f"{text}\n\n{PROSE}",
    "placeholders": lambda text, kwargs: text.replace("[", "(").replace("]", ")"),
    "wrapped_in_quotes": lambda text, kwargs: f'{text} "{PROSE}"',
    "line_starting": lambda text, kwargs: text.replace(kwargs["label"], f"x {kwargs['label']}"),
    "last_line_starting": lambda text, kwargs: f"{text}\n{PROSE}",
    "lower_case": lambda text, kwargs: f"{text} A",
    "upper_case": lambda text, kwargs: f"{text} a",
    "no_characters": lambda text, kwargs: text + kwargs["characters"][-1],
    "no_digits": lambda text, kwargs: f"{text} ³",
    "language": lambda text, kwargs: f"{text} This is not what anyone should have written in that language.",
    "letter_count": lambda text, kwargs: (
        without(text, kwargs["letter"]) if kwargs["relation"] == "at_least" else text + kwargs["letter"] * 20
    ),
    "capital_words": lambda text, kwargs: text.capitalize(),
    "section_count": lambda text, kwargs: f"{text}\n{kwargs['label']} {kwargs['n'] + 1}\n{PROSE}",
    "part_count": lambda text, kwargs: f"{text}\n***\n{PROSE}",
    "two_answers": lambda text, kwargs: text.split("\n******")[0] + "\n******\n" + text.split("\n******")[0].upper(),
    "paragraph_opening": lambda text, kwargs: text.replace(kwargs["word"], f"not {kwargs['word']}"),
    "request_first": lambda text, kwargs: text.replace(kwargs["request"], kwargs["request"][:-2]),
}
OPERATIONS = [operation for operation in BY_CODE if operation.check in BREAK]


def test_all_kinds_of_ifeval_are_here():
    kinds = {kind.check for kind in (*ifeval_kinds.KINDS, ifeval_kinds.SENTENCES, ifeval_kinds.LANGUAGE)}
    assert kinds <= set(BREAK) <= {operation.check for operation in OPERATIONS}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.id)
@given(seed=st.integers(0, 10**6))
@settings(max_examples=25)
def test_an_answer_built_to_meet_it_does_and_one_built_to_miss_it_does_not(operation, seed):
    requirement = operation.draw(random.Random(seed), 1, REQUEST)
    text = Answer([requirement]).text()
    verdict = check(requirement, text)
    assert verdict.met, verdict.reason
    broken = BREAK[operation.check](text, requirement.kwargs)
    verdict = check(requirement, broken)
    assert not verdict.met, f"{verdict.reason}\n{broken}"


@pytest.mark.parametrize("operation", [op for op in OPERATIONS if "relation" in op.kwargs], ids=lambda op: op.id)
@given(seed=st.integers(0, 10**6), off=st.integers(-3, 3))
@settings(max_examples=25)
def test_a_bound_is_exact(operation, seed, off):
    """A text with exactly so many of what is counted, as many as asked or a few more or less."""
    requirement = operation.draw(random.Random(seed), 1, REQUEST)
    kwargs = requirement.kwargs
    count = max(0, kwargs["n"] + off)
    unit = {
        "word_count": "dog ",
        "sentence_count": "Dogs walk. ",
        "paragraph_count": "Dogs walk.\n\n",
        "character_count": "x",
        "word_frequency": f"{kwargs.get('keyword')} ",
        "letter_count": f"{kwargs.get('letter')} ",
        "capital_words": "DOGS walk. ",
    }[operation.check]
    text = unit * count
    met = {"at_least": count >= kwargs["n"], "at_most": count <= kwargs["n"], "exactly": count == kwargs["n"]}
    assert check(requirement, text).met == met[kwargs["relation"]]
