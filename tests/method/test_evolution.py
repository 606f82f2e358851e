import pytest

from ecd_data.method.evolution import _states
from ecd_data.method.plan import Plan
from ecd_data.recipe import Recipe
from ecd_data.requirements.taxonomy import load_taxonomy
from ecd_data.values import Requirement, Turn

PLAN = Plan.of(Recipe())


def turn(instruction):
    return Turn(0, "", instruction, "An answer.", (), (), "seed", "fresh")


@pytest.mark.parametrize(
    ("id_", "kwargs", "sentence", "old", "new", "states"),
    [
        (
            "style/no_commas",
            {"characters": ",", "name": "commas"},
            "Do not use any commas.",
            "Suggest names for a small coffee shop.",
            "Suggest names for a small coffee shop without using any commas.",
            True,
        ),
        (
            "style/no_commas",
            {"characters": ",", "name": "commas"},
            "Do not use any commas.",
            "Suggest names for a small coffee shop.",
            "Suggest names for a small coffee shop and use many commas.",
            False,
        ),
        (
            "content/include_keywords",
            {"keywords": ["simple", "time"]},
            'Include the words "simple" and "time".',
            "Explain why cats do not like water.",
            "Explain why cats do not like water without using the words simple and time.",
            False,
        ),
        (
            "content/avoid_words",
            {"keywords": ["good", "can"]},
            'Do not use the words "good" and "can".',
            "What should I not forget on a good trip that I can take?",
            "What should I not forget on a good trip that I can take?",
            False,
        ),
        (
            "format/word_count_at_most",
            {"relation": "at_most", "n": 30},
            "Use at most 30 words.",
            "Tom has 12 apples and gives 5 away. What is left?",
            "Tom has 15 apples and gives 2 away. What is left? Use at most 30 words.",
            False,
        ),
        (
            "format/word_count_at_most",
            {"relation": "at_most", "n": 30},
            "Use at most 30 words.",
            "Tom has 12 apples and gives 5 away. What is left?",
            "Tom has 12 apples and gives 5 away. What is left, in at most 30 words?",
            True,
        ),
    ],
)
def test_a_rewritten_instruction_keeps_the_task_and_states_the_requirement(id_, kwargs, sentence, old, new, states):
    requirement = Requirement(id_, sentence, kwargs, "code", 1)
    assert _states(new, turn(old), load_taxonomy()[id_], requirement, PLAN) is states
