import re

import pytest

from ecd_data.requirements.kinds import check, grammar, repair
from ecd_data.requirements.kinds.parts import (
    divider_count,
    paragraph_count,
    paragraph_opening,
    part_count,
    section_count,
    two_answers,
)
from tests.helpers.requirements import required

YES, NO = True, False
PROSE = "start slowly and drink some water; it helps."


@pytest.mark.parametrize(
    ("kind", "kwargs", "text", "met"),
    [
        (paragraph_count, {"relation": "exactly", "n": 2}, "One.\nStill one.\n\n \nTwo.\n", YES),
        (paragraph_count, {"relation": "exactly", "n": 2}, "One.\nTwo.", NO),
        (paragraph_count, {"relation": "exactly", "n": 2}, "One.\r\n\r\nTwo.\r\n\r\n---", YES),
        (paragraph_opening, {"n": 2, "place": 2, "word": "today"}, "One.\n\n**Today,** two.", YES),
        (paragraph_opening, {"n": 2, "place": 2, "word": "today"}, "One.\n\nTodays two.", NO),
        (paragraph_opening, {"n": 2, "place": 1, "word": "today"}, "Today one.", NO),
        (section_count, {"label": "Part", "n": 2}, "**Part 1**\nOne.\n## Part 2: two", YES),
        (section_count, {"label": "Part", "n": 2}, "Part 2\nTwo.\nPart 1\nOne.", NO),
        (section_count, {"label": "Part", "n": 2}, "Part 1\nOne, see\nPart 2\n", NO),
        (section_count, {"label": "Part", "n": 1}, "Part 1\nOne.\nPart 2\nTwo.", NO),
        (section_count, {"label": "Part", "n": 1}, "In Part 1 we go.", NO),
        (part_count, {"n": 2}, "One.\n ***\nTwo.", YES),
        (part_count, {"n": 2}, "***\nOne.\n***\nTwo.\n***\n", YES),
        (part_count, {"n": 2}, "One. *** Two.", NO),
        (part_count, {"n": 2}, "One.\n***\n***\nTwo.", NO),
        (part_count, {"n": 1}, "***bold***", YES),
        (divider_count, {"n": 1}, "a\n\n---\n\nb", YES),
        (divider_count, {"n": 1}, "a\n***\nb", NO),
        (two_answers, {}, "Go.\n******\nStay.", YES),
        (two_answers, {}, "Go.\n******\n**Go!**", NO),
        (two_answers, {}, "Go. ****** Stay.", NO),
        (two_answers, {}, "Go.\n******\nStay.\n******\nRun.", NO),
    ],
)
def test_a_text_meets_it_or_does_not(kind, kwargs, text, met):
    verdict = kind(text, **kwargs)
    assert verdict.met is met, verdict.reason


@pytest.mark.parametrize(
    ("id_", "kwargs", "text", "repaired"),
    [
        ("format/paragraph_count_exactly", {"n": 2}, "Go on. Run! Stop now.", "Go on. Run!\n\nStop now."),
        ("format/paragraph_count_exactly", {"n": 4}, "Go on. Run! Stop now.", None),
        ("format/sections", {"label": "Part", "n": 2}, "Go. Run!", "Part 1\nGo.\n\nPart 2\nRun!"),
        ("format/sections", {"label": "Part", "n": 3}, "Go. Run!", None),
        ("format/starred_parts", {"n": 2}, "Go.\n\nRun!", "Go.\n\n***\n\nRun!"),
        ("format/starred_parts", {"n": 2}, "Go. Run! Stop. Sit.", "Go. Run!\n\n***\n\nStop. Sit."),
        ("format/starred_parts", {"n": 3}, "Go. Run!", None),
        ("format/dividers", {"n": 1}, "Go.\n\nRun!", "Go.\n\n---\n\nRun!"),
        ("format/dividers", {"n": 1}, "Go.", None),
    ],
)
def test_an_answer_is_repaired_or_left_alone(id_, kwargs, text, repaired):
    assert repair(required(id_, **kwargs), text) == repaired


@pytest.mark.parametrize(
    ("id_", "kwargs", "answer"),
    [
        ("format/paragraph_count_exactly", {"relation": "exactly", "n": 2}, f"S{PROSE}\n\nS{PROSE}"),
        ("format/paragraph_opening", {"n": 2, "place": 2, "word": "today"}, f"S{PROSE}\n\nToday s{PROSE}"),
        ("format/sections", {"label": "Part", "n": 2}, f"Part 1\n{PROSE}\n\nPart 2\n{PROSE}"),
        ("format/starred_parts", {"n": 2}, f"{PROSE}\n\n***\n\n{PROSE}"),
    ],
)
def test_a_plain_answer_fits_the_grammar(id_, kwargs, answer):
    requirement = required(id_, **kwargs)
    assert re.fullmatch(grammar(requirement, 300).value, answer)
    assert check(requirement, answer).met
