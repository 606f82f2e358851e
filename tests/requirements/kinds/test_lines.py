import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecd_data.requirements.kinds import check, grammar, repair
from ecd_data.requirements.kinds.lines import (
    bullet_count,
    checklist,
    labelled_lines,
    last_line_items,
    last_line_starting,
    line_count,
    line_starting,
    numbered_steps,
    percent_line,
    question_and_answer,
)
from tests.helpers.requirements import required

YES, NO = True, False
PROSE = "start slowly and drink some water; it helps."


@pytest.mark.parametrize(
    ("kind", "kwargs", "text", "met"),
    [
        (line_count, {"n": 2}, "a\n\n b \n", YES),
        (line_count, {"n": 2}, "a b", NO),
        (bullet_count, {"n": 2}, "Here:\n- a\n  * b", YES),
        (bullet_count, {"n": 2}, "-a\n**b** c\n---", NO),
        (bullet_count, {"n": 2}, "• a\n\t+ b\n* * *\n- - -", YES),
        (bullet_count, {"n": 1}, "- a\r\n- b", NO),
        (numbered_steps, {"n": 2}, "1. Go\n2) Stop", YES),
        (numbered_steps, {"n": 2}, "1. Go\n3. Stop", NO),
        (numbered_steps, {"n": 1}, "In 2020. Nothing", NO),
        (numbered_steps, {"n": 2}, "**1. Go**\n### Step 2: Stop", YES),
        (numbered_steps, {"n": 2}, "1. Go\n1. Stop", NO),
        (numbered_steps, {"n": 2}, "1. Go 2. Stop", NO),
        (checklist, {"n": 2}, "- [ ] a\n* [x] b\n- c", YES),
        (checklist, {"n": 1}, "- [] a", NO),
        (line_starting, {"label": "Example:"}, "Text.\n- **Example:** an apple", YES),
        (line_starting, {"label": "Example:"}, "For instance, Example: an apple", NO),
        (line_starting, {"label": "Example:"}, "Example:\n", NO),
        (last_line_starting, {"label": "Answer:"}, "2 + 2\nAnswer: 4\n", YES),
        (last_line_starting, {"label": "Answer:"}, "Answer: 4\nBecause.", NO),
        (last_line_starting, {"label": "Answer:"}, "2 + 2\n**Answer:** 4", YES),
        (last_line_starting, {"label": "Answer:"}, "2 + 2\nThe Answer: 4", NO),
        (labelled_lines, {"labels": ["Pro:", "Con:"]}, "So.\n- **Pro:** x\n- Con: y", YES),
        (labelled_lines, {"labels": ["Pro:", "Con:"]}, "Con: y\nPro: x", NO),
        (labelled_lines, {"labels": ["Pro:", "Con:"]}, "Pro: x\nPro: z\nCon: y", NO),
        (labelled_lines, {"labels": ["Pro:", "Con:"]}, "Pro:\nx\nCon: y", NO),
        (question_and_answer, {"n": 1}, "So.\nQ: Why?\n\nA: So.", YES),
        (question_and_answer, {"n": 2}, "Q: Why?\nQ: How?\nA: So.\nA: So.", NO),
        (last_line_items, {"label": "See also:", "n": 2}, "x\nSee also: a, b\n", YES),
        (last_line_items, {"label": "See also:", "n": 2}, "x\nSee also: a, b, c", NO),
        (last_line_items, {"label": "See also:", "n": 2}, "See also: a, b\nx", NO),
        (percent_line, {"label": "Confidence:"}, "x\n**Confidence:** 80%", YES),
        (percent_line, {"label": "Confidence:"}, "x\nConfidence: 180%", NO),
        (percent_line, {"label": "Confidence:"}, "x\nConfidence: high", NO),
    ],
)
def test_a_text_meets_it_or_does_not(kind, kwargs, text, met):
    verdict = kind(text, **kwargs)
    assert verdict.met is met, verdict.reason


@pytest.mark.parametrize(
    ("id_", "kwargs", "text", "repaired"),
    [
        ("format/line_count", {"n": 2}, "Go. Run!", "Go.\nRun!"),
        ("format/bullet_count", {"n": 3}, "Go. Run! Stop.", "- Go.\n- Run!\n- Stop."),
        ("format/bullet_count", {"n": 4}, "Go. Run! Stop.", None),
        ("format/bullet_count", {"n": 3}, "Go.\nRun!\nStop.", None),
        ("reasoning/numbered_steps", {"n": 2}, "Go. Run!", "1. Go.\n2. Run!"),
        ("format/checklist", {"n": 2}, "Go. Run!", "- [ ] Go.\n- [ ] Run!"),
    ],
)
def test_an_answer_is_repaired_or_left_alone(id_, kwargs, text, repaired):
    assert repair(required(id_, **kwargs), text) == repaired


@pytest.mark.parametrize(
    ("id_", "kwargs", "answer"),
    [
        ("format/bullet_count", {"n": 3}, "- Wake up early.\n- Drink some water.\n- Go for a walk."),
        ("reasoning/numbered_steps", {"n": 2}, "1. Wake up early.\n2. Drink some water."),
        ("reasoning/answer_line", {"label": "Answer:"}, f"{PROSE}\nAnswer: 42."),
    ],
)
def test_a_plain_answer_fits_the_grammar(id_, kwargs, answer):
    requirement = required(id_, **kwargs)
    assert re.fullmatch(grammar(requirement, 300).value, answer)
    assert check(requirement, answer).met


@given(st.integers(0, 150))
def test_a_percentage_ends_at_a_hundred(share):
    assert percent_line(f"So.\nConfidence: {share}%", label="Confidence:").met is (share <= 100)
