import random
from collections import Counter
from dataclasses import replace

import pytest

from ecd_data.core.recipe import Recipe
from ecd_data.core.values import Requirement, Seed
from ecd_data.corpus.seeds import read_corpus
from ecd_data.methods import make_plan
from ecd_data.methods.ecd.evolution import append, draw, is_faithful
from ecd_data.methods.task import Task
from ecd_data.requirements.kinds import check
from ecd_data.requirements.statement import is_stated
from ecd_data.requirements.suitability import suits
from ecd_data.requirements.taxonomy import CLASSES, load_taxonomy

PLAN = make_plan(Recipe())


def task(instruction, seed=None, round=1):
    return Task(seed or Seed("seed", instruction), round, "", instruction)


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
    assert is_faithful(new, task(old), load_taxonomy()[id_], requirement, PLAN) is states


def test_over_a_corpus_each_class_and_each_operation_gets_its_share():
    """About a fifth for each class, less of breadth for tasks of one answer; no operation takes much of its class."""
    seeds = read_corpus(["bundled"]).seeds
    drawn = Counter()
    for recipe_seed in range(6):
        plan = make_plan(Recipe(seed=recipe_seed))
        for seed in seeds:
            operation, requirement = draw(task(seed.instruction, seed), "An answer.", plan)
            assert requirement is None or not check(requirement, "An answer.").met
            drawn[operation.id] += 1
    for kind in CLASSES:
        of_class = {id_: n for id_, n in drawn.items() if id_.startswith(kind)}
        assert 0.12 < sum(of_class.values()) / drawn.total() < 0.25
        assert max(of_class.values()) < 0.25 * sum(of_class.values())
    for operation in (operation for id_, operation in load_taxonomy().items() if id_ not in drawn):
        met_already = check(operation.draw(random.Random(0), 1), "An answer.").met
        assert met_already or sum(suits(operation, seed.instruction, "An answer.") for seed in seeds) < len(seeds) / 10


def test_a_request_to_repeat_is_the_seeds_own_in_every_round():
    plan = make_plan(Recipe(operations=("content/request_first",)))
    seed = read_corpus(["bundled"], limit=1).seeds[0]
    evolved = task(f"{seed.instruction} Use at most 20 words.", seed, 2)
    operation, requirement = draw(evolved, "An answer.", plan)
    assert requirement.kwargs == {"request": seed.instruction}
    instruction = append(evolved.instruction, requirement.text)
    assert is_stated(operation, requirement, instruction)
    assert not is_stated(operation, requirement, evolved.instruction)
    later = Requirement("style/no_commas", "Do not use any commas.", {"characters": ",", "name": "commas"}, "code", 3)
    asked = replace(evolved, instruction=instruction, requirements=(requirement,))
    for text, states in ((instruction, True), (instruction.replace(seed.instruction, "Name a fruit."), False)):
        assert is_faithful(f"{text} {later.text}", asked, load_taxonomy()[later.id], later, PLAN) is states
    assert check(requirement, f"“{seed.instruction}”\n\nWell, start slowly.").met
    assert not check(requirement, f"{evolved.instruction[:10]}\n\nWell, start slowly.").met
