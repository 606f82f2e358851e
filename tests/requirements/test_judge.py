import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecd_data.core.request import Response
from ecd_data.core.values import Requirement
from ecd_data.requirements.judge import question, tally, vote

WISH = Requirement("content/mention_cost", "Say what it costs.", {}, "judge", 1)


def votes(*verdicts):
    return [Response(json.dumps({"reason": str(met), "met": met}), "stop") for met in verdicts]


UNREADABLE = Response("I think so", "stop")


@pytest.mark.parametrize(
    ("responses", "share", "reason"),
    [
        (votes(True, True, False), 0.6667, "True"),
        (votes(False, False, True), 0.3333, "False"),
        (votes(True, False), 0.5, "False"),
        ([*votes(True, True), UNREADABLE], 1.0, "True"),
        ([*votes(True), UNREADABLE, UNREADABLE], 0.5, "1 of 3 votes could be read"),
        ([*votes(True), UNREADABLE], 0.5, "1 of 2 votes could be read"),
        ([UNREADABLE], 0.5, "0 of 1 votes could be read"),
    ],
)
def test_a_majority_of_all_votes_has_to_be_readable_and_of_those_the_majority_rules(responses, share, reason):
    ruling = tally(WISH, responses)
    assert ruling.votes == share
    assert ruling.reason == reason
    assert ruling.undecided is (share == 0.5)


@pytest.mark.parametrize("text", ["", "[" * 100_000, "null", "[]", '{"met": "yes"}', '{"met": 1}', "true"])
def test_what_is_no_vote_does_not_count(text):
    assert vote(Response(text, "stop")) is None


def test_a_vote_may_follow_a_passage_of_reasoning():
    assert vote(Response('<think>Hm.</think>{"reason": "so", "met": true}', "stop")) == (True, "so")


def test_every_other_vote_is_asked_for_in_the_other_order():
    first, second, third = (question(WISH, "Name a dish.", "Soup, 3 euros.", i)[0]["content"] for i in range(3))
    assert first == third
    assert first.index("Soup") < first.index(WISH.text)
    assert second.index("Soup") > second.index(WISH.text)
    assert "true or false" in first
    assert "false or true" in second


@given(st.text(), st.text("=\n ab"), st.integers(0, 3))
def test_no_text_can_end_its_own_section(instruction, response, attempt):
    asked = question(WISH, instruction, response, attempt)[0]["content"]
    lines = asked.split("\n")
    fence = max((line for line in lines if line and set(line) == {"="}), key=len)
    assert fence not in instruction
    assert fence not in response
    assert lines.count(fence) == 4
