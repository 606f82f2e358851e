import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecd_data.requirements.suitability import compatible, suits
from tests.helpers.requirements import BY_CODE, TAXONOMY


@pytest.mark.parametrize(
    ("id_", "instruction", "suited"),
    [
        ("style/no_commas", "List the countries, separated by commas.", False),
        ("style/no_commas", "Name some countries.", True),
        ("style/no_digits", "What is 3 + 4?", False),
        ("style/no_digits", "How many apples does she have?", False),
        ("format/title", "Write a title for this email.", False),
        ("format/word_count_at_most", "Describe it in two sentences.", False),
        ("format/word_count_at_most", "What does this word mean?", True),
        ("style/lower_case", "Correct the grammar of this sentence.", False),
        ("style/lower_case", "Add comments:\ndef f(x):\n    return x", False),
        ("content/end_phrase", "Write a haiku about rain.", False),
        ("format/json_object", "Write an email to Ann.", False),
        ("content/request_first", 'What does "per se" mean?', False),
        ("content/request_first", "Who was Ada?\nAnd Grace?", False),
        ("content/request_first", "Who was Ada Lovelace?", True),
        ("reasoning/verdict", "Is a tomato a fruit?", True),
        ("reasoning/verdict", "Is a tomato a fruit or a vegetable?", False),
        ("reasoning/verdict", "Is a tomato a fruit? Explain.", False),
        ("reasoning/verdict", "How is glass made?", False),
    ],
)
def test_an_operation_is_not_drawn_for_a_task_that_rules_it_out(id_, instruction, suited):
    assert suits(TAXONOMY[id_], instruction, "An answer.") is suited


def test_most_operations_suit_a_plain_task():
    unsuited = [op.id for op in TAXONOMY.values() if not suits(op, "Why do leaves fall in autumn?", "Because.")]
    assert unsuited == ["format/code_block", "reasoning/verdict"]
    assert suits(TAXONOMY["format/code_block"], "Write a Python function that adds two numbers.", "def f(): ...")
    assert suits(TAXONOMY["reasoning/verdict"], "Can pigs swim?", "They can.")


@settings(max_examples=300)
@given(st.randoms(use_true_random=False))
def test_requirements_in_force_never_contradict_each_other(rng):
    in_force = []
    for round in range(1, 6):
        fitting = [operation for operation in BY_CODE if compatible(operation, in_force, TAXONOMY)]
        if fitting:
            in_force.append(rng.choice(fitting).draw(rng, round))
    operations = [TAXONOMY[requirement.id] for requirement in in_force]
    assert len({operation.family for operation in operations}) == len(operations)
    for a in operations:
        for b in operations:
            assert a is b or not set(a.conflicts) & {b.id, b.family}
    bounds = {requirement.id: requirement.kwargs.get("n") for requirement in in_force}
    sentences = bounds.get("format/sentence_count_at_most") or bounds.get("format/sentence_count_exactly")
    assert not (sentences and bounds.get("format/word_count_at_least", 0) > 60)
    assert not ("format/character_count_at_most" in bounds and "format/word_count_at_least" in bounds)
