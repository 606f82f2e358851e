import pytest

from ecd_data.requirements.statement import is_stated
from tests.helpers.requirements import BY_CODE, TAXONOMY, required


@pytest.mark.parametrize(
    ("id_", "kwargs", "instruction", "stated"),
    [
        ("format/bullet_count", {"n": 3}, "Give exactly three bullet points.", True),
        ("format/bullet_count", {"n": 3}, "Give exactly 30 bullet points.", False),
        ("format/bullet_count", {"n": 3}, "Give bullet points.", False),
        ("format/bullet_count", {"n": 3}, "In at least 3 bullet points.", False),
        ("format/word_count_at_most", {"n": 20}, "Name a fruit in no more than twenty words.", True),
        ("format/word_count_at_most", {"n": 20}, "Name a fruit in 20 words or fewer.", True),
        ("format/word_count_at_most", {"n": 20}, "Name a fruit in at least 20 words.", False),
        ("format/word_count_at_most", {"n": 20}, "Name at most 20 fruits in a few words.", False),
        ("format/word_count_at_most", {"n": 20}, "Name a fruit in under 20 words.", False),
        ("format/word_count_at_most", {"n": 20}, "Use no more than 200 words.", False),
        ("format/word_count_at_least", {"n": 60}, "Name a fruit in 60 words or more.", True),
        ("format/word_count_at_least", {"n": 60}, "Name a fruit in no more than 60 words.", False),
        ("content/include_keywords", {"keywords": ["time", "day"]}, 'Write, using "day" and "time".', True),
        ("content/include_keywords", {"keywords": ["time", "day"]}, "Write, using the word time on Sunday.", False),
        ("content/avoid_words", {"keywords": ["very"]}, "Write without the word very.", True),
        ("content/avoid_words", {"keywords": ["very"]}, "Use the word very.", False),
        ("content/end_phrase", {"phrase": "I hope this helps."}, 'End with "I hope this helps."', True),
        ("content/end_phrase", {"phrase": "I hope this helps."}, 'Say "I hope this helps." to a friend.', False),
        ("style/upper_case", {}, "What is the capital of France?", False),
        ("style/language", {"language": "French"}, "How is French toast made?", False),
        ("style/no_commas", {}, "Where do commas go?", False),
        ("style/no_commas", {}, "Don't use commas.", True),
    ],
)
def test_an_instruction_states_a_requirement_or_does_not(id_, kwargs, instruction, stated):
    assert is_stated(TAXONOMY[id_], required(id_, **kwargs), instruction) is stated


@pytest.mark.parametrize("operation", BY_CODE, ids=lambda operation: operation.id)
def test_the_example_states_the_requirement_after_and_not_before(operation):
    example = operation.example
    requirement = required(operation.id, **example.get("kwargs", {}))
    assert is_stated(operation, requirement, example["after"])
    assert not is_stated(operation, requirement, example["before"])
    assert set(operation.params) == set(example.get("kwargs", {}))
