import random
from collections import Counter
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ecd_data.core.errors import RecipeError
from ecd_data.core.values import Requirement
from ecd_data.requirements.checks import CHECKS, check
from ecd_data.requirements.taxonomy import (
    CLASSES,
    compatible,
    is_stated,
    load_taxonomy,
    read_taxonomy,
    select,
    suits,
    taxonomy_hash,
)

TAXONOMY = load_taxonomy()
BY_CODE = [operation for operation in TAXONOMY.values() if operation.check != "judge"]
TEXT = "Start slowly, drink some water, and open a window. Then take 5 minutes to stretch!"


def drawn(operation, count=30):
    return [operation.draw(random.Random(i), 1) for i in range(count)]


def test_five_classes_each_with_code_checked_and_judged_operations():
    by_class = Counter(operation.id.split("/")[0] for operation in TAXONOMY.values())
    assert set(by_class) == set(CLASSES)
    assert len(TAXONOMY) >= 80
    assert len(BY_CODE) >= 45
    assert min(by_class.values()) >= 12
    assert {operation.id.split("/")[0] for operation in BY_CODE} == set(CLASSES)
    assert {op.id.split("/")[0] for op in TAXONOMY.values() if op.check == "judge"} >= set(CLASSES) - {"format"}


def test_entries_are_whole():
    names = set(TAXONOMY) | {operation.family for operation in TAXONOMY.values()}
    for operation in TAXONOMY.values():
        assert operation.summary
        assert set(operation.conflicts) <= names, operation.id
        assert operation.guidance
        if operation.check != "judge":
            assert operation.check in CHECKS
            assert len(operation.texts) >= 2
            assert operation.stated


@pytest.mark.parametrize("operation", BY_CODE, ids=lambda operation: operation.id)
def test_a_drawn_requirement_states_itself_and_can_be_checked(operation):
    for requirement in drawn(operation):
        assert "{" not in requirement.text
        assert is_stated(operation, requirement, f"Name a fruit. {requirement.text}")
        assert not is_stated(operation, requirement, "Name a fruit.")
        assert check(requirement, TEXT).reason


@pytest.mark.parametrize("operation", BY_CODE, ids=lambda operation: operation.id)
def test_every_wording_is_drawn_and_states_its_parameters(operation):
    texts = {requirement.text for requirement in drawn(operation, 300)}
    assert all(any(text.split("{")[0] in said for said in texts) for text in operation.texts)
    for requirement in drawn(operation, 10):
        for name in operation.params:
            value = requirement.kwargs[name]
            items = value["properties"] if isinstance(value, dict) else value if isinstance(value, list) else [value]
            assert all(str(item) in requirement.text for item in items)


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
    operation = TAXONOMY[id_]
    requirement = Requirement(id_, "", {**operation.kwargs, **kwargs}, "code", 1)
    assert is_stated(operation, requirement, instruction) is stated


def test_the_same_generator_draws_the_same():
    for operation in BY_CODE:
        assert operation.draw(random.Random(3), 1) == operation.draw(random.Random(3), 1)


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


def test_globs_and_ids_select_in_the_order_of_the_taxonomy():
    picked = select(["style/no_commas", "format/title"], TAXONOMY)
    assert [op.id for op in picked] == ["style/no_commas", "format/title"]
    assert len(select(["*"], TAXONOMY)) == len(TAXONOMY)
    with pytest.raises(RecipeError, match="did you mean style/no_commas"):
        select(["style/no_comma"], TAXONOMY)


JUDGED = {
    **{"id": "format/a", "summary": "A", "check": "judge", "family": "a", "guidance": "Ask."},
    "example": {"before": "x", "after": "y"},
}
BY_COUNT = {
    **{"id": "format/b", "summary": "B", "check": "word_count", "family": "b"},
    **{"params": {"n": {"choice": [1]}}, "texts": ["Use {n}."], "stated": ["{n}"]},
    **{"guidance": "Ask.", "example": {"kwargs": {"n": 1}, "before": "x", "after": "y"}},
}


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({**JUDGED, "id": "shape/a"}, "shape/a: the class is none of content"),
        ({**JUDGED, "example": {"before": "x"}}, "format/a: an operation needs guidance and an example"),
        ({**JUDGED, "conflicts": ["a", "z"]}, "format/a: conflicts with z, which is no family"),
        ({**JUDGED, "kind": "x"}, "format/a: .*kind"),
        ({key: BY_COUNT[key] for key in BY_COUNT if key != "family"}, "format/b: .*family"),
        ({**BY_COUNT, "stated": []}, "format/b: an operation that code checks needs texts and stated"),
        (
            {**BY_COUNT, "texts": ["Use {n}.", "Use some."]},
            "format/b: 'Use some.' does not name exactly the parameters n",
        ),
        ({**BY_COUNT, "stated": ["{k}"]}, "format/b: stated names {k}, which is no parameter"),
    ],
)
def test_a_wrong_entry_is_named(entry, problem):
    with pytest.raises(RecipeError, match=f"taxonomy: {problem}"):
        read_taxonomy(yaml.safe_dump([entry]))


def test_an_id_stands_for_one_entry():
    assert list(read_taxonomy(yaml.safe_dump([JUDGED, BY_COUNT]))) == ["format/a", "format/b"]
    with pytest.raises(RecipeError, match="format/a: the id is there twice"):
        read_taxonomy(yaml.safe_dump([JUDGED, JUDGED]))


def test_the_hash_is_that_of_the_content():
    assert taxonomy_hash() == taxonomy_hash()
    assert len(taxonomy_hash()) == 64


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


@pytest.mark.parametrize("operation", BY_CODE, ids=lambda operation: operation.id)
def test_the_example_states_the_requirement_after_and_not_before(operation):
    shown = operation.example
    requirement = Requirement(operation.id, "", {**operation.kwargs, **shown.get("kwargs", {})}, "code", 1)
    assert is_stated(operation, requirement, shown["after"])
    assert not is_stated(operation, requirement, shown["before"])
    assert set(operation.params) == set(shown.get("kwargs", {}))


def test_the_readme_counts_what_there_is():
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    for kind in CLASSES:
        of_class = [operation for operation in TAXONOMY.values() if operation.id.startswith(f"{kind}/")]
        by_code = sum(operation.check != "judge" for operation in of_class)
        assert f"| {kind} | {by_code} | {len(of_class) - by_code} |" in readme
    assert f"{len(TAXONOMY)} operations in five classes, {len(BY_CODE)} of them checked by code" in readme
