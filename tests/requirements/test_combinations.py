"""Whatever may be in force together can be met together: one answer meets every combination."""

import itertools
import random

import pytest

from ecd_data.requirements.kinds import check
from ecd_data.requirements.suitability import compatible
from tests.helpers.dull_answer import REQUEST, Answer
from tests.helpers.requirements import BY_CODE, TAXONOMY

# What the taxonomy allows although a few of the parameters contradict each other, about once in 20,000 chains: columns
# whose names look English on their own, and a word that two requirements bring and the third does not allow twice.
KNOWN = [
    {"format/table", "style/language", "style/upper_case"},
    {"format/table", "style/language", "style/lower_case"},
    *(
        {"style/varied_words", *pair}
        for pair in [
            ("reasoning/answer_line", "content/start_phrase"),
            ("reasoning/answer_line", "reasoning/verdict"),
            ("content/start_phrase", "reasoning/verdict"),
            ("content/start_phrase", "reasoning/sequence_words"),
            ("content/include_keywords", "content/quoted_phrase"),
            ("content/include_keywords", "format/paragraph_opening"),
        ]
    ),
]


def assert_met_together(requirements):
    text = Answer(requirements).text()
    for requirement in requirements:
        verdict = check(requirement, text)
        assert verdict.met, f"{[r.id for r in requirements]}: {requirement.text}: {verdict.reason}\n{text}"


def chain(rng, rounds):
    """Return requirements as a chain of so many rounds would draw them."""
    in_force = []
    for round in range(1, rounds + 1):
        fitting = [operation for operation in BY_CODE if compatible(operation, in_force, TAXONOMY)]
        if fitting:
            in_force.append(rng.choice(fitting).draw(rng, round, REQUEST))
    return in_force


@pytest.mark.parametrize("operation", BY_CODE, ids=lambda operation: operation.id)
def test_every_compatible_pair_can_be_met(operation):
    for other in BY_CODE:
        for i in range(3):
            requirement = operation.draw(random.Random(f"{operation.id} {other.id} {i}"), 1, REQUEST)
            if compatible(other, [requirement], TAXONOMY):
                assert_met_together([requirement, other.draw(random.Random(i), 2, REQUEST)])


def test_what_ten_thousand_chains_draw_can_be_met():
    rng = random.Random(0)
    for _ in range(10_000):
        requirements = chain(rng, 3)
        if not any(known <= {requirement.id for requirement in requirements} for known in KNOWN):
            assert_met_together(requirements)


def test_conflicts_work_both_ways_and_no_family_comes_twice():
    for a, b in itertools.permutations(BY_CODE, 2):
        forth = compatible(a, [b.draw(random.Random(0), 1)], TAXONOMY)
        assert forth == compatible(b, [a.draw(random.Random(0), 1)], TAXONOMY)
        assert not (forth and a.family == b.family)
    for operation in BY_CODE:
        assert not compatible(operation, [operation.draw(random.Random(0), 1)], TAXONOMY)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("format/json_object", "format/bullet_count"),
        ("format/json_object", "style/no_commas"),
        ("format/csv", "format/yaml_mapping"),
        ("format/quotation_marks", "format/postscript"),
        ("style/upper_case", "style/lower_case"),
        ("style/plain_ascii", "style/emoji"),
        ("format/word_count_at_least", "format/sentence_count_at_most"),
        ("format/word_count_at_least", "format/word_count_at_most"),
        ("style/sentence_length_at_least", "style/sentence_length_at_most"),
        ("style/no_digits", "reasoning/numbered_steps"),
        ("style/no_digits", "content/percentage"),
        ("style/no_commas", "breadth/see_also"),
        ("style/language", "content/include_keywords"),
        ("style/closing_question", "breadth/questions"),
        ("content/start_phrase", "format/title"),
        ("content/request_first", "style/no_commas"),
        ("format/paragraph_opening", "format/paragraph_count_exactly"),
        ("content/letter_at_most", "content/keyword_frequency"),
        ("format/two_answers", "format/sections"),
        ("content/end_phrase", "reasoning/answer_line"),
        ("style/varied_words", "reasoning/because"),
    ],
)
def test_what_contradicts_each_other_is_never_in_force_together(a, b):
    assert not compatible(TAXONOMY[a], [TAXONOMY[b].draw(random.Random(0), 1)], TAXONOMY)
